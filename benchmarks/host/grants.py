"""Logs to post to, and passes to open them by: made on a running host over its own protocol."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import aiohttp
from nacl.signing import SigningKey

from aparte.wire import decode_frame, encode, encode_frame
from aparte.wire.entries import Pass
from aparte.wire.ids import LogId, Node, Request, Seq, TicketKind
from aparte.wire.log_frames import Create, Created, EpochProof, Open, Opened, OpenItem, OpenStatus
from aparte.wire.statements import open_statement
from aparte.wire.tickets import TicketBody, ticket_statement

__all__ = ["make_logs", "make_ticket", "ticket_key", "write_grants"]

_PORTION = 32


def ticket_key(data: Path) -> SigningKey:
    """What the host with this folder signs tickets with."""
    return SigningKey(bytes.fromhex(json.loads((data / "keys.json").read_text())["ticket_seed"]))


def make_ticket(key: SigningKey, kind: TicketKind) -> bytes:
    """A ticket of the host's own."""
    day = int(time.time() // 86_400) + 1
    body = TicketBody(1, "localhost", "localhost", kind, day, os.urandom(16))
    return encode(body) + key.sign(ticket_statement(body)).signature


async def make_logs(url: str, data: Path, *, count: int) -> list[tuple[LogId, Pass]]:
    """So many new logs on the host at `url`, whose folder is `data`."""
    tickets = ticket_key(data)
    found: list[tuple[LogId, Pass]] = []
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{url}/v1/anonymous") as link:
        greeting = await _next(link)
        while len(found) < count:
            keys = [(LogId(os.urandom(16)), SigningKey.generate()) for _ in range(min(_PORTION, count - len(found)))]
            for log_id, key in keys:
                ticket = make_ticket(tickets, TicketKind.CREATE_LOG)
                create = Create(Request(1), log_id, bytes(key.verify_key), 30, ticket)
                await link.send_bytes(encode_frame(create))
            for _ in keys:
                assert isinstance(await _next(link), Created)
            items = tuple(_item(log_id, key, greeting=greeting) for log_id, key in keys)
            await link.send_bytes(encode_frame(Open(Request(2), False, items)))
            opened = await _next(link)
            assert isinstance(opened, Opened)
            assert all(item.status is OpenStatus.LIVE for item in opened.items)
            found += [(item.log_id, item.pass_) for item in opened.items]
    return found


def _item(log_id: LogId, key: SigningKey, *, greeting: Any) -> OpenItem:
    statement = open_statement(greeting.host, greeting.nonce, log_id=log_id, node=Node(0))
    proof = EpochProof(bytes(key.verify_key), key.sign(statement).signature)
    return OpenItem(log_id, Node(0), Seq(0), None, proof)


async def _next(link: Any) -> Any:
    return decode_frame((await link.receive()).data)


def write_grants(path: Path, grants: list[tuple[int, LogId, Pass]]) -> None:
    """What `load` reads: which link opens which log."""
    lines = [f"{link} {log_id.hex()} {shown.day} {shown.mac.hex()}\n" for link, log_id, shown in grants]
    path.write_text("".join(lines))
