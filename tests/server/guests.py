"""Somebody at a running host, over real links: with tickets as the host would have issued them, a log, and posts."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from pathlib import Path
from typing import Any

import aiohttp
from nacl.signing import SigningKey

from aparte.wire import decode_frame, encode, encode_frame
from aparte.wire.entries import NO_KEY, Pass
from aparte.wire.ids import EntryKind, Idem, LogId, Request, Seq, TicketKind
from aparte.wire.link_frames import Greeting, Problem
from aparte.wire.log_frames import Create, Created, Entries, EpochProof, Open, Opened, OpenItem, Post, Read
from aparte.wire.statements import open_statement
from aparte.wire.tickets import TicketBody, ticket_statement
from tests.hosting import Log
from tests.server.living import NAME


def ticket(data: Path, kind: TicketKind) -> bytes:
    """A ticket of the host's on this folder, good until tomorrow."""
    key = SigningKey(bytes.fromhex(json.loads((data / "keys.json").read_text())["ticket_seed"]))
    body = TicketBody(1, NAME, NAME, kind, int(time.time() // 86_400) + 1, secrets.token_bytes(16))
    return encode(body) + key.sign(ticket_statement(body)).signature


def creation(data: Path, log: Log) -> Create:
    """A `Create` of this log."""
    return Create(Request(1), log.log_id, bytes(log.key.verify_key), 30, ticket(data, TicketKind.CREATE_LOG))


def new_log() -> Log:
    return Log(LogId(secrets.token_bytes(16)))


class Guest:
    """An anonymous link."""

    def __init__(self, link: aiohttp.ClientWebSocketResponse, greeting: Greeting) -> None:
        self.link = link
        self.greeting = greeting
        self.heard: list[Any] = []

    @classmethod
    async def calls(cls, session: aiohttp.ClientSession, url: str) -> Guest:
        link = await session.ws_connect(f"{url}/v1/anonymous")
        greeting = decode_frame((await link.receive(20)).data)
        assert isinstance(greeting, Greeting)
        return cls(link, greeting)

    async def next(self) -> Any:
        return decode_frame((await self.link.receive(20)).data)

    async def asks(self, frame: Any) -> Any:
        """The answer; what comes unasked meanwhile is in `heard`."""
        await self.link.send_bytes(encode_frame(frame))
        while not hasattr(found := await self.next(), "request"):
            self.heard.append(found)
        return found

    async def creates(self, data: Path) -> Log:
        log = new_log()
        assert isinstance(await self.asks(creation(data, log)), Created)
        return log

    async def opens(self, log: Log) -> Pass:
        statement = open_statement(NAME, self.greeting.nonce, log_id=log.log_id, node=log.node)
        proof = EpochProof(bytes(log.key.verify_key), log.key.sign(statement).signature)
        opened = await self.asks(Open(Request(2), False, (OpenItem(log.log_id, log.node, Seq(0), None, proof),)))
        assert isinstance(opened, Opened), opened
        return opened.items[0].pass_

    async def reads(self, log: Log, shown: Pass) -> list[bytes | None]:
        """The bodies of the first page."""
        found = await self.asks(Read(Request(4), log.log_id, log.node, Seq(0), 1 << 18, shown))
        assert isinstance(found, Entries), found
        return [entry.body for entry in found.entries]

    def post(self, log: Log, body: bytes, **changes: Any) -> Post:
        fields: dict[str, Any] = {
            "request": Request(3),
            "log_id": log.log_id,
            "node": log.node,
            "idem": Idem(secrets.token_bytes(16)),
            "kind": EntryKind.APP,
            "next_epoch_key": NO_KEY,
            "pass_": None,
            "body": body,
        }
        return Post(**(fields | changes))

    async def posts(self, log: Log, body: bytes, **changes: Any) -> Any:
        return await self.asks(self.post(log, body, **changes))

    async def leaves(self) -> None:
        await self.link.close()


def refused_with(answer: Any) -> int | None:
    """The code of a `Problem`."""
    return answer.code if isinstance(answer, Problem) else None


async def until(look: Any, *, seconds: float = 30.0) -> Any:
    """What `look` returns, once it is true."""
    end = time.monotonic() + seconds
    while not (found := await look()):
        assert time.monotonic() < end, "it did not come to pass"
        await asyncio.sleep(0.05)
    return found
