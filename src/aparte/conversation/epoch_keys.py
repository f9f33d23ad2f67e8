"""What one epoch of a conversation derives for its log: a key to post with, and keys to seal with (RFC 9420 §8.5).

    post      = MLS-Exporter("aparte/1 post",      log_id, 32)    the seed of an Ed25519 key: the node's
    wrap      = MLS-Exporter("aparte/1 wrap",      log_id, 32)    seals the bodies of entries
    seen      = MLS-Exporter("aparte/1 seen",      log_id, 32)    tells what of the log a sender has read
    ephemeral = MLS-Exporter("aparte/1 ephemeral", log_id, 32)    seals what is not kept

They are derived once, when the epoch begins; then the exporter secret goes (`Group.without_exporter`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from aparte.codec import encode_u64
from aparte.crypto import Signer, Suite
from aparte.mls import Group
from aparte.wire.ids import Chain, LogId, Seq

__all__ = ["EPOCH_KEYS_LENGTH", "EpochKeys"]

_LENGTH: Final = 32
#: Of the encoding: four secrets.
EPOCH_KEYS_LENGTH: Final = 4 * _LENGTH


@dataclass(frozen=True, slots=True, repr=False)
class EpochKeys:
    """Secrets of one epoch, 32 bytes each."""

    post: bytes
    wrap: bytes
    seen: bytes
    ephemeral: bytes

    @classmethod
    def of(cls, group: Group, log_id: LogId) -> EpochKeys:
        """Raises `mls.CallerError` once the exporter secret was erased."""
        names = (b"post", b"wrap", b"seen", b"ephemeral")
        return cls(*(group.export_secret(b"aparte/1 " + name, log_id, _LENGTH) for name in names))

    @classmethod
    def decode(cls, data: bytes) -> EpochKeys:
        """What `encode` made. Raises `ValueError`."""
        if len(data) != EPOCH_KEYS_LENGTH:
            raise ValueError(f"the keys of an epoch are {EPOCH_KEYS_LENGTH} bytes, not {len(data)}")
        return cls(*(data[at : at + _LENGTH] for at in range(0, EPOCH_KEYS_LENGTH, _LENGTH)))

    def encode(self) -> bytes:
        """For an encrypted store."""
        return self.post + self.wrap + self.seen + self.ephemeral

    def posting_key(self, suite: Suite) -> Signer:
        """The node's key pair: the host knows the public half."""
        return suite.load_signer(self.post)

    def seen_mac(self, suite: Suite, *, seq: Seq, chain: Chain) -> bytes:
        """Shows, to members alone, which entry one has read last and what the log was up to it; 32 bytes."""
        return suite.mac(self.seen, encode_u64(seq) + chain)
