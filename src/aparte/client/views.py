"""What screens and programs show: pure functions from rows to views. Terminal, page and bots see the same."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from aparte.client.lines import Line, LineKind
from aparte.client.session import LineState
from aparte.client.store.api import AccountRow, AccountState
from aparte.wire import ErrorCode
from aparte.wire.ids import AccountId

__all__ = ["AccountView", "LineView", "Standing", "View", "account_view", "line_key", "line_view"]


class Standing(Enum):
    """How the account stands with its host."""

    SIGNING_UP = "signing up"
    READY = "ready"
    #: The host has refused to make it: `AccountView.refused` says why. Another name or invitation may do.
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class AccountView:
    """The account of this device. `name` is without `@host`; empty if it has none."""

    account_id: AccountId
    name: str
    host: str
    standing: Standing
    refused: ErrorCode | None
    #: Why, in the host's words.
    detail: str
    is_operator: bool
    #: Whether the recovery phrase is still kept here: losing this device may lose the account.
    has_phrase: bool


@dataclass(frozen=True, slots=True)
class LineView:
    """How a link to a host stands. `trouble` says in words why it is down; it is tried again by itself."""

    host: str
    kind: LineKind
    is_online: bool
    trouble: str


View = AccountView | LineView

_STANDINGS = {
    AccountState.SIGNING_UP: Standing.SIGNING_UP,
    AccountState.READY: Standing.READY,
    AccountState.REFUSED: Standing.REFUSED,
}


def account_view(row: AccountRow) -> AccountView:
    """The account as people see it."""
    return AccountView(
        account_id=row.account_id,
        name=row.name,
        host=row.host,
        standing=_STANDINGS[row.state],
        refused=row.refused,
        detail=row.detail,
        is_operator=row.is_operator,
        has_phrase=row.phrase is not None,
    )


def line_key(line: Line) -> bytes:
    """What a `LineView` is named by."""
    return f"{line.kind.value} {line.host}".encode()


def line_view(line: Line, state: LineState) -> LineView:
    """A link as people see it."""
    return LineView(line.host, line.kind, is_online=state.is_ready, trouble=state.trouble)
