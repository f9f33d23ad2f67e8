"""One step being made: what it reads and writes, what it will send and show."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import replace

from aparte.client.api import Ask, Change, Connect, Disconnect, Send, SendFrame
from aparte.client.commands import CommandRefused
from aparte.client.lines import Line, LineKind
from aparte.client.open_logs import OpenLog
from aparte.client.session import Asked, LineState, Session, Then
from aparte.client.store.api import AccountRow, Transaction
from aparte.client.store.rows import ConversationRow, MessageRow, PeerRow
from aparte.client.views import (
    LineView,
    View,
    account_view,
    conversation_view,
    line_key,
    line_view,
    message_key,
    message_view,
    peer_view,
)
from aparte.crypto import DEFAULT_CIPHER_SUITE, Provider
from aparte.wire import encode_frame
from aparte.wire.ids import Millis, Request
from aparte.wire.link_frames import Greeting, Problem

__all__ = ["Work"]


class Work:
    """Handed to whoever decides something in this step."""

    def __init__(self, transaction: Transaction, session: Session, *, provider: Provider, now: Millis) -> None:
        self.store = transaction
        self.session = session
        self.provider = provider
        self.suite = provider.suite(DEFAULT_CIPHER_SUITE)
        self.now = now
        self.sends: list[Send] = []
        self._account: AccountRow | None = None
        self._logs: dict[int, OpenLog] = {}
        self._changes: dict[tuple[type[View], bytes], Change] = {}

    @property
    def account(self) -> AccountRow:
        """The account of this device. Raises `CommandRefused` if there is none yet."""
        if self._account is None:
            self._account = self.store.accounts.get()
        if self._account is None:
            raise CommandRefused("there is no account yet: sign up first")
        return self._account

    def keep_account(self, row: AccountRow) -> None:
        """The account is so from now on."""
        self._account = row
        self.store.accounts.put(row)
        self.show(account_view(row))

    def keep_peer(self, row: PeerRow) -> None:
        """Another account is known so from now on."""
        self.store.peers.put(row)
        self.show(peer_view(row), row.account_id)

    def begin_conversation(self, row: ConversationRow) -> int:
        """A new one; its number."""
        number = self.store.conversations.put(row)
        self.show(conversation_view(row), row.conversation_id)
        return number

    def touch(self, number: int) -> None:
        """Show a conversation though nothing may have changed: somebody has asked for it."""
        row = self.log(number).row
        self.show(conversation_view(row), row.conversation_id)

    def wants_open(self, log: OpenLog) -> None:
        """The log is there: open it as soon as its host's link is up."""
        if self.session.log_hosts is not None:
            self.session.log_hosts.add(log.row.host)
        state = self.keep_up(Line(log.row.host, LineKind.ANONYMOUS))
        if state.unopened is not None:
            state.unopened.add(log.number)

    def wants_posting(self, number: int) -> None:
        """Something is to be posted in a conversation."""
        if self.session.to_post is not None:
            self.session.to_post.add(number)

    def log(self, number: int) -> OpenLog:
        """A conversation to work on; kept when the step ends."""
        found = self._logs.get(number)
        if found is None:
            row = self.store.conversations.get(number)
            if row is None:
                raise LookupError(f"no conversation {number}")
            found = self._logs[number] = OpenLog(
                row, provider=self.provider, session=self.session, transaction=self.store
            )
        return found

    def save(self) -> None:
        """Keep what was worked on."""
        for log in self._logs.values():
            if log.is_changed and log.row.shown_in is None:
                self.show(conversation_view(log.row), log.row.conversation_id)
            log.save()

    def say(self, row: MessageRow) -> int:
        """Keep a line of a timeline and show it; its number."""
        shown_in = row.shown_in or self.log(row.conversation).row.shown_in or row.conversation
        row = replace(row, shown_in=shown_in)
        number = self.store.messages.put(row)
        row = replace(row, id=number)
        view = message_view(row, self.log(shown_in).row.conversation_id)
        self.show(view, message_key(row))
        return number

    @property
    def changes(self) -> tuple[Change, ...]:
        """What looks different now, each once."""
        return tuple(self._changes.values())

    def show(self, view: View, key: bytes = b"") -> None:
        """This looks so from now on."""
        self._changes[type(view), key] = Change(type(view), key, view)

    def known(self, line: Line) -> LineState | None:
        """The state of a link that the driver was told to connect; None: it should not be there."""
        state = self.session.lines.get(line)
        return state if state is not None and state.is_asked_for else None

    def hide(self, kind: type[View], key: bytes = b"") -> None:
        """This is gone."""
        self._changes[kind, key] = Change(kind, key, None)

    def keep_up(self, line: Line) -> LineState:
        """Want a link: connect it if it is down and may be tried."""
        state = self.session.line(line)
        if not state.is_asked_for and self.now >= state.retry_at:
            state.is_asked_for = True
            self.sends.append(Connect(line))
            self.show_line(line)
        return state

    def hang_up(self, line: Line, trouble: str) -> None:
        """End a link that is of no use now; as long as it is wanted it comes back after a while."""
        if self.session.line(line).is_asked_for:
            self.sends.append(Disconnect(line))
        self.went_down(line, trouble)

    def went_down(self, line: Line, trouble: str) -> None:
        """A link has ended."""
        state = self.session.line(line)
        state.went_down(self.now, jitter=self.jitter(), trouble=trouble)
        self.show_line(line)

    def let_go(self, line: Line) -> None:
        """Want a link no longer."""
        state = self.session.lines.pop(line, None)
        if state is not None and state.is_asked_for:
            self.sends.append(Disconnect(line))
        self.hide(LineView, line_key(line))

    def show_line(self, line: Line) -> None:
        """How a link stands looks different now."""
        self.show(line_view(line, self.session.line(line)), line_key(line))

    def greeting(self, line: Line) -> Greeting:
        """The host's first words on a link that is ready."""
        greeting = self.session.line(line).greeting
        if greeting is None:
            raise ValueError(f"{line} is not ready")
        return greeting

    def request(self, line: Line, make: Callable[[Request], object], *, then: Then) -> None:
        """Ask something on a link that is ready; `then` gets the answer, if one comes."""
        number = self.session.line(line).number(then)
        self.sends.append(SendFrame(line, encode_frame(make(number))))

    def ask(self, errand: Hashable, host: str, *, frame: object, then: Then) -> None:
        """Ask something over HTTP, for an errand that was begun. `then` ends the errand, or puts it off.

        If no answer comes `then` gets None.
        """
        self.sends.append(Ask(self.session.number(Asked(errand, then)), host, encode_frame(frame)))

    def done(self, errand: Hashable) -> None:
        """An errand is over."""
        self.session.errands.done(errand)

    def later(self, errand: Hashable, wait: int = 0) -> None:
        """An errand is to be tried again, not before `wait` milliseconds; 0 if nobody has said when."""
        self.session.errands.later(errand, self.now, wait=wait, jitter=self.jitter())

    def waits(self, errand: Hashable) -> bool:
        """Whether an errand is not to be done before later."""
        return self.session.errands.waits(errand, self.now)

    def wait(self, line: Line, what: str, *, problem: Problem) -> None:
        """The host has said that something cannot be done now: not before some time."""
        self.session.line(line).not_before[what] = Millis(self.now + max(1_000, problem.wait))

    def begin(self, errand: Hashable) -> bool:
        """Whether an errand is to be done now; it is then under way."""
        return self.session.errands.begin(errand, self.now)

    @property
    def today(self) -> int:
        """Days since 1970, UTC."""
        return self.now // 86_400_000

    def jitter(self) -> float:
        """From 0 to 1, at random."""
        return int.from_bytes(self.suite.random(2)) / 0xFFFF
