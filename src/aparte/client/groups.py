"""MLS groups of conversations: how they are configured, loaded and kept."""

from __future__ import annotations

from typing import Final

from aparte import mls
from aparte.client.store.api import Transaction
from aparte.crypto import Provider, Suite
from aparte.trust import Credential, Identity, TrustError, verify_credential

__all__ = ["OpenGroup", "config_for", "identity_of", "load_group", "save_group"]

OpenGroup = mls.Group
#: The piece that is the epoch; `mls.split_group` numbers the others from 1.
_EPOCH: Final = 0


def config_for(suite: Suite) -> mls.Config:
    """What all conversations go by: leaves are devices, and stay whose they are."""

    def authenticate(credential: mls.Credential, signature_key: bytes) -> bool:
        try:
            verify_credential(credential.identity, signature_key, suite=suite)
        except (ValueError, TrustError):
            return False
        return True

    return mls.Config(authenticate=authenticate, succeeds=_succeeds, padding=mls.no_padding, grease=False)


def _succeeds(old: mls.Credential, new: mls.Credential) -> bool:
    return _identity(old) == _identity(new)


def identity_of(leaf: mls.LeafNode) -> Identity:
    """Whose leaf it is, of a tree whose credentials were verified."""
    return _identity(leaf.credential)


def _identity(credential: mls.Credential) -> Identity:
    decoded = Credential.decode(credential.identity)
    return Identity(decoded.leaf.account_id, decoded.leaf.device_id)


def load_group(transaction: Transaction, number: int, *, provider: Provider, suite: Suite) -> mls.Group | None:
    """The group of a conversation, if it has one."""
    pieces = dict(transaction.pieces.of(number))
    epoch = pieces.pop(_EPOCH, None)
    if epoch is None:
        return None
    return mls.join_parts(mls.GroupParts(epoch, pieces), provider, config_for(suite))


def save_group(transaction: Transaction, number: int, *, before: mls.Group | None, after: mls.Group) -> None:
    """Keep it as it is now; `before` is as it is kept."""
    if before is None:
        parts = mls.split_group(after)
        put, removed = {_EPOCH: parts.epoch, **parts.pieces}, transaction.pieces.of(number).keys() - parts.pieces.keys()
    else:
        change = mls.changed_parts(before, after)
        put, removed = dict(change.put), set(change.removed)
        if change.epoch is not None:
            put[_EPOCH] = change.epoch
    transaction.pieces.change(number, put, removed=removed)
