"""What hosts say by numbers, in words for people who can do something about it."""

from __future__ import annotations

from typing import Final

from aparte.client.views import AccountView
from aparte.wire import ErrorCode

__all__ = ["why_refused"]

_REFUSED: Final = {
    ErrorCode.NAME_TAKEN: "the name {name} is taken there, or was not long ago: choose another",
    ErrorCode.NAME_REFUSED: "the host takes no such name as {name}",
    ErrorCode.SIGN_UP_CLOSED: "the host makes no new accounts",
    ErrorCode.INVITE_REFUSED: "the host lets in by invitation: say --invite CODE, one that was not used up",
    ErrorCode.ACCOUNT_EXISTS: "the host knows this account, or knew it, as another: begin in an empty folder",
}


def why_refused(account: AccountView) -> str:
    """Why a host does not make this account, and what to do."""
    if account.refused in _REFUSED:
        return _REFUSED[account.refused].format(name=account.name)
    return f"{account.host} does not make this account: {account.detail or account.refused}"
