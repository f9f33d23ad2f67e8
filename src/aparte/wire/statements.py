"""What keys sign on a link. Each statement has its own label and names the host and the link's nonce."""

from __future__ import annotations

from aparte.codec import encode_u64, encode_vector
from aparte.wire.ids import AccountId, DeviceId, LinkNonce, LogId, Node

__all__ = ["deletion_statement", "identity_statement", "open_statement"]

_OPEN = encode_vector(b"aparte/1 open")
_IDENTITY = encode_vector(b"aparte/1 identity")
_DELETION = encode_vector(b"aparte/1 deletion")


def _on_link(label: bytes, host: str, *, nonce: LinkNonce) -> bytes:
    return label + encode_vector(host.encode()) + nonce


def open_statement(host: str, nonce: LinkNonce, *, log_id: LogId, node: Node) -> bytes:
    """Signed by an epoch key to open its node: label<V>, host<V>, nonce[32], log_id[16], uint64 node."""
    return _on_link(_OPEN, host, nonce=nonce) + log_id + encode_u64(node)


def identity_statement(host: str, nonce: LinkNonce, *, account_id: AccountId, device_id: DeviceId) -> bytes:
    """Signed by a device key to prove the device: label<V>, host<V>, nonce[32], account_id[32], device_id[16]."""
    return _on_link(_IDENTITY, host, nonce=nonce) + account_id + device_id


def deletion_statement(host: str, nonce: LinkNonce, *, account_id: AccountId) -> bytes:
    """Signed by the root key to delete an account at once: label<V>, host<V>, nonce[32], account_id[32]."""
    return _on_link(_DELETION, host, nonce=nonce) + account_id
