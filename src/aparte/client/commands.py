"""What people and programs ask of an engine, and why it says no at once."""

from __future__ import annotations

from dataclasses import dataclass, field

from aparte.content import ConversationId

__all__ = [
    "AcceptRequest",
    "Command",
    "CommandRefused",
    "ConfirmPhrase",
    "MarkRead",
    "SendText",
    "SignUp",
    "StartChat",
]


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


@dataclass(frozen=True, slots=True)
class StartChat:
    """Begin a conversation with `name@host`. If there is one, nothing changes."""

    address: str


@dataclass(frozen=True, slots=True)
class SendText:
    """Say something in a conversation. It waits as long as it has to, and is sent once."""

    conversation_id: ConversationId
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AcceptRequest:
    """A stranger's conversation is one like others from now on."""

    conversation_id: ConversationId


@dataclass(frozen=True, slots=True)
class MarkRead:
    """Everything in a conversation was seen."""

    conversation_id: ConversationId


Command = SignUp | ConfirmPhrase | StartChat | SendText | AcceptRequest | MarkRead
