"""XMPP (RFC 6120) under load: pairs of users on plain TCP, each with one message under way to the other.

What counts is a message that the other has received; that it is kept is asked of the archive (XEP-0313) afterwards.
"""

from __future__ import annotations

import asyncio
import time
from base64 import b64encode

from benchmarks.host.rows import NotMeasured

__all__ = ["Users", "pairs_of_users"]

_STREAM = (
    b"<?xml version='1.0'?><stream:stream to='localhost' version='1.0' xmlns='jabber:client'"
    b" xmlns:stream='http://etherx.jabber.org/streams'>"
)
_FEATURES, _END = b"</stream:features>", b"</message>"
_STAMP = 20
_PATIENCE = 30.0
_LIMIT = 1 << 20


class Refused(NotMeasured):
    """The server does not do what it was asked for."""


class User:
    """A connection that is signed in."""

    def __init__(self, name: str, *, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.name = name
        self._reader = reader
        self._writer = writer
        self._requests = 0

    async def sign_in(self) -> None:
        """Register (XEP-0077), authenticate, bind, be present."""
        await self._ask(_STREAM, _FEATURES)
        account = f"<username>{self.name}</username><password>pw</password>"
        await self.request("set", f"<query xmlns='jabber:iq:register'>{account}</query>")
        plain = b64encode(f"\0{self.name}\0pw".encode()).decode()
        auth = f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{plain}</auth>"
        await self._ask(auth.encode(), b"<success")
        await self._ask(_STREAM, _FEATURES)
        await self.request("set", "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>")
        self._writer.write(b"<presence/>")

    async def _ask(self, data: bytes, until: bytes) -> bytes:
        self._writer.write(data)
        try:
            return await asyncio.wait_for(self._reader.readuntil(until), _PATIENCE)
        except (TimeoutError, asyncio.IncompleteReadError) as error:
            raise Refused(f"{data[:80]!r} brought no {until!r}") from error

    async def request(self, kind: str, what: str) -> bytes:
        """An IQ; all that came until its answer. Raises `Refused`."""
        self._requests += 1
        name = f"q{self._requests}"
        found = await self._ask(f"<iq type='{kind}' id='{name}'>{what}</iq>".encode(), f"id='{name}'".encode())
        found += await self._reader.readuntil(b">")
        if b"type='error'" in found[found.rindex(b"<iq") :]:
            raise Refused(f"{what[:80]} was refused")
        return found

    def say(self, to: str, body: bytes) -> None:
        stamp = b"%0*d" % (_STAMP, time.perf_counter_ns())
        message = f"<message to='{to}@localhost' type='chat'><body>".encode()
        self._writer.write(message + stamp + body[_STAMP:] + b"</body></message>")

    async def hear(self) -> float:
        """Wait for a message; milliseconds since it was sent."""
        while True:
            message = await self._reader.readuntil(_END)
            begin = message.rfind(b"<body>")
            if begin >= 0:
                sent = int(message[begin + 6 : begin + 6 + _STAMP])
                return (time.perf_counter_ns() - sent) / 1e6

    async def leave(self) -> None:
        self._writer.close()
        await asyncio.gather(self._writer.wait_closed(), return_exceptions=True)


class Users:
    """Pairs of users who are signed in: the 1st and 2nd, the 3rd and 4th."""

    def __init__(self, users: list[User], *, body: int) -> None:
        self._users = users
        self._body = b"A" * body
        self._carried = 0

    async def turn(self, seconds: float) -> dict[str, float]:
        """Everybody keeps one message under way; what comes in the first 0.7 seconds is not counted."""
        times: list[float] = []
        begin = time.perf_counter() + 0.7
        end = begin + seconds
        self._carried = 0
        listening = [
            asyncio.create_task(self._answer(user, self._users[at ^ 1], times=times, span=(begin, end)))
            for at, user in enumerate(self._users)
        ]
        for at, user in enumerate(self._users):
            user.say(self._users[at ^ 1].name, self._body)
        await asyncio.gather(*listening)
        times.sort()
        if not times:
            raise Refused("no message was delivered")
        middle, late = times[len(times) // 2], times[int(0.99 * (len(times) - 1))]
        rate = len(times) / seconds
        return {"deliveries_s": rate, "deliver_p50": middle, "deliver_p99": late, "carried": self._carried}

    async def _answer(self, user: User, other: User, *, times: list[float], span: tuple[float, float]) -> None:
        """As soon as one has received, the other sends its next. Ends when the last message has come."""
        begin, end = span
        while True:
            took = await asyncio.wait_for(user.hear(), _PATIENCE)
            self._carried += 1
            now = time.perf_counter()
            if now >= end:
                return
            if now >= begin:
                times.append(took)
            other.say(user.name, self._body)

    async def require_archive(self) -> None:
        """Raises `Refused` if the server has kept nothing."""
        page = "<set xmlns='http://jabber.org/protocol/rsm'><max>1</max></set>"
        for user in (self._users[0], self._users[-1]):
            found = await user.request("set", f"<query xmlns='urn:xmpp:mam:2'>{page}</query>")
            if b"<forwarded" not in found or self._body[:100] not in found:
                raise Refused(f"the archive of {user.name} is empty")

    async def leave(self) -> None:
        await asyncio.gather(*(user.leave() for user in self._users))


async def pairs_of_users(port: int, *, pairs: int, body: int) -> Users:
    """New users, made and signed in one after another."""
    users = []
    for number in range(2 * pairs):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=_LIMIT)
        users.append(User(f"u{number}", reader=reader, writer=writer))
        await users[-1].sign_in()
    return Users(users, body=body)
