"""What makes an MLS group and a log one conversation: how entries are sealed, what members agree on, and who may what.

Pure: no I/O, no clock, no randomness of its own.
"""

from aparte.conversation.epoch_keys import EPOCH_KEYS_LENGTH, EpochKeys
from aparte.conversation.inbox_items import Invitation, ItemRefused, open_item, seal_item
from aparte.conversation.sealing import (
    IDEM_SALT_LENGTH,
    BodyRefused,
    Place,
    Sealed,
    TooLong,
    idem_of,
    open_body,
    require_idem,
    seal_body,
)

__all__ = [
    "EPOCH_KEYS_LENGTH",
    "IDEM_SALT_LENGTH",
    "BodyRefused",
    "EpochKeys",
    "Invitation",
    "ItemRefused",
    "Place",
    "Sealed",
    "TooLong",
    "idem_of",
    "open_body",
    "open_item",
    "require_idem",
    "seal_body",
    "seal_item",
]
