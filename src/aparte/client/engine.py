"""The engine: three verbs and one answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, assert_never

from aparte.client import receiving, talking
from aparte.client.api import Answered, Disconnect, Event, FrameArrived, LinkDown, LinkUp, Step, Unanswered
from aparte.client.commands import (
    AcceptRequest,
    Command,
    CommandRefused,
    ConfirmPhrase,
    MarkRead,
    SendText,
    SignUp,
    StartChat,
)
from aparte.client.founding import pump_founding
from aparte.client.inbox import pump_drops, pump_inbox
from aparte.client.logs import pump_logs
from aparte.client.look_ups import pump_unchecked
from aparte.client.outbox import pump_outbox
from aparte.client.registration import Registration
from aparte.client.session import Session
from aparte.client.store.api import ClientStore
from aparte.client.store.rows import NOT_IN_LOG
from aparte.client.tickets import pump_tickets
from aparte.client.views import (
    MessageView,
    View,
    account_view,
    conversation_view,
    line_view,
    message_view,
    peer_view,
)
from aparte.client.work import Work
from aparte.content import ConversationId
from aparte.crypto import Provider
from aparte.wire.ids import Millis, Seq

__all__ = ["Engine"]

#: After everything.
_END: Final = (NOT_IN_LOG, NOT_IN_LOG, 1 << 62)


class Engine:
    """One device of one account. Not to be called by two threads at once.

    Whatever a verb raises, nothing of its step was kept, and the next call goes on from what is on disk; only
    `CommandRefused` leaves the links as they are.
    """

    def __init__(self, store: ClientStore, provider: Provider) -> None:
        """`provider` is the only source of randomness."""
        self._store = store
        self._provider = provider
        self._session = Session()
        self._registration = Registration()

    def handle(self, command: Command, now: Millis) -> Step:
        """Do what somebody asks. Raises `CommandRefused`, and `StoreError`."""

        def decide(work: Work) -> None:
            match command:
                case SignUp():
                    self._registration.sign_up(work, command)
                case ConfirmPhrase():
                    self._registration.confirm_phrase(work, command)
                case StartChat():
                    talking.start_chat(work, command)
                case SendText():
                    talking.send_text(work, command)
                case AcceptRequest():
                    talking.accept_request(work, command)
                case MarkRead():
                    talking.mark_read(work, command)
                case _:
                    assert_never(command)

        return self._step(decide, now)

    def receive(self, event: Event, now: Millis) -> Step:
        """Take what came from outside. What a host or a peer did wrong is dealt with; raises `StoreError`."""

        def decide(work: Work) -> None:
            match event:
                case LinkUp(line):
                    receiving.link_up(work, line)
                case LinkDown(line, reason):
                    receiving.link_down(work, line, reason=reason)
                case FrameArrived(line, data):
                    receiving.frame_arrived(work, line, data=data)
                case Answered(ask, data):
                    receiving.answered(work, ask, data=data)
                case Unanswered(ask):
                    receiving.unanswered(work, ask)
                case _:
                    assert_never(event)

        return self._step(decide, now)

    def wake(self, now: Millis) -> Step:
        """Do what has become due. Raises `StoreError`."""
        return self._step(lambda _: None, now)

    def views(self) -> tuple[View, ...]:
        """Everything as it looks now but for messages, of which there may be many. Raises `StoreError`."""
        with self._store.transaction() as transaction:
            row = transaction.accounts.get()
            conversations = [conversation_view(each) for each in transaction.conversations.everything()]
            peers = [peer_view(each) for each in transaction.peers.everybody()]
        lines = [line_view(line, state) for line, state in self._session.lines.items()]
        return (*([] if row is None else [account_view(row)]), *lines, *conversations, *peers)

    def messages(
        self, conversation_id: ConversationId, *, before: tuple[int, Seq, int] = _END, limit: int = 50
    ) -> tuple[MessageView, ...]:
        """The newest of a conversation before a place, `(place, seq, number)` of a message, oldest first."""
        with self._store.transaction() as transaction:
            row = transaction.conversations.find(conversation_id)
            found = () if row is None else transaction.messages.page(row.id, before=before, limit=limit)
        return tuple(message_view(each, conversation_id) for each in found)

    def pending(self) -> int:
        """How many things are on their way that others wait for: messages, invitations, conversations being begun."""
        with self._store.transaction() as transaction:
            return transaction.pending()

    def is_settled(self) -> bool:
        """Whether, as far as hosts have said, everything has come that there is, and all has gone out."""
        with self._store.transaction() as transaction:
            account = transaction.accounts.get()
            if account is None or account.inbox_seq < self._session.inbox_head or transaction.pending():
                return False
            live = [
                number
                for host in transaction.conversations.hosts()
                for number in transaction.conversations.live_on(host)
            ]
        return self._session.is_settled(live)

    def close(self) -> None:
        """Let go of the store."""
        self._store.close()

    def _pump(self, work: Work) -> None:
        """Begin what is to be done now."""
        line = self._registration.pump(work)
        if line is not None:
            pump_inbox(work, line)
        pump_unchecked(work)
        pump_founding(work)
        pump_logs(work)
        pump_outbox(work)
        pump_drops(work)
        if line is not None:
            pump_tickets(work, line)

    def _step(self, decide: Callable[[Work], None], now: Millis) -> Step:
        try:
            with self._store.transaction() as transaction:
                work = Work(transaction, self._session, provider=self._provider, now=now)
                work.sends += map(Disconnect, sorted(self._session.strays, key=str))
                decide(work)
                self._pump(work)
                work.save()
        except CommandRefused:
            raise
        except BaseException:
            self._session.lose()
            raise
        self._session.strays.clear()
        return Step(tuple(work.sends), work.changes, self._session.next_time(now))
