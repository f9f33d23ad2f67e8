"""What people and programs ask of an engine, and why it says no at once."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Command", "CommandRefused", "ConfirmPhrase", "SignUp"]


class CommandRefused(Exception):
    """It cannot be done, and nothing was changed. The sentence says why, and what to do, to people."""


@dataclass(frozen=True, slots=True)
class SignUp:
    """Make an account `name@host`, with this device as its first. `AccountView.standing` tells how it goes.

    After a refusal it may be given again, with another name or invitation: the account's keys stay the same.
    """

    name: str
    host: str
    invite: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class ConfirmPhrase:
    """The recovery phrase is written down: it is kept here no longer."""


Command = SignUp | ConfirmPhrase
