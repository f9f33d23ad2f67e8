"""One step being made: what it reads and writes, what it will send and show."""

from __future__ import annotations

from collections.abc import Callable

from aparte.client.api import Change, Connect, Disconnect, Send, SendFrame
from aparte.client.lines import Line
from aparte.client.session import LineState, Session, Then
from aparte.client.store.api import Transaction
from aparte.client.views import LineView, View, line_key, line_view
from aparte.crypto import DEFAULT_CIPHER_SUITE, Provider
from aparte.wire import encode_frame
from aparte.wire.ids import Millis, Request
from aparte.wire.link_frames import Greeting

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
        self._changes: dict[tuple[type[View], bytes], Change] = {}

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

    def jitter(self) -> float:
        """From 0 to 1, at random."""
        return int.from_bytes(self.suite.random(2)) / 0xFFFF
