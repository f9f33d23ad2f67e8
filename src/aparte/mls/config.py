"""What an application decides for its groups: whom to believe, how to frame, how much to keep."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from aparte.mls.credentials import Credential
from aparte.mls.framing import WireFormat
from aparte.mls.secret_tree import DEFAULT_BOUNDS, RatchetBounds

__all__ = ["Config", "no_padding", "padme", "same_credential"]


def padme(length: int) -> int:
    """Padmé (Nikitin et al., PURBs, 2019): the padded size, at most 12 % more, hiding all but O(log log n) bits."""
    if length < 2:
        return length
    exponent = length.bit_length() - 1
    low_bits = exponent - exponent.bit_length()
    mask = (1 << low_bits) - 1
    return (length + mask) & ~mask


def no_padding(length: int) -> int:
    """For those who pad outside MLS."""
    return length


def same_credential(old: Credential, new: Credential) -> bool:
    """The default successor rule (§5.3.1): a member keeps its credential for life."""
    return old == new


@dataclass(frozen=True, slots=True)
class Config:
    """Not part of a group's saved state: the caller supplies it again when loading.

    `authenticate(credential, signature_key)` is the Authentication Service (§5.3.1): True if the credential's
    owner holds that key. `succeeds(old, new)` says whether a member may replace one credential by another.
    Both must be pure, or members will disagree about commits.
    """

    authenticate: Callable[[Credential, bytes], bool]
    succeeds: Callable[[Credential, Credential], bool] = same_credential
    #: How proposals and commits travel; application data is always private.
    handshake: WireFormat = WireFormat.PRIVATE_MESSAGE
    #: From the length of a PrivateMessageContent to the length that it is padded to.
    padding: Callable[[int], int] = padme
    bounds: RatchetBounds = DEFAULT_BOUNDS
    #: Put unknown values into the capabilities and group infos that one writes (§13.5).
    grease: bool = True
    #: Epochs whose resumption PSK is kept (§8.6), the present one not counted.
    resumption_epochs: int = 4
