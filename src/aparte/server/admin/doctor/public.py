"""A host as a stranger sees it, through whatever stands in front of it: TLS, HTTP, WebSocket, bodies, headers."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Final

import aiohttp

from aparte.codec import DecodeError
from aparte.server.admin.doctor.certificates import SOON_DAYS
from aparte.server.admin.doctor.findings import Finding, fail, ok, warn
from aparte.wire import decode_frame, encode_frame
from aparte.wire.entries import NO_KEY
from aparte.wire.ids import EntryKind, Idem, LogId, Millis, Node, Receipt, Request, Seq
from aparte.wire.link_frames import PROTOCOL_VERSION, Greeting, Problem
from aparte.wire.log_frames import CheckReceipt, ReceiptChecked

__all__ = ["check_public"]

_SECONDS: Final = 15.0
_BIG: Final = 1 << 20
_MAX_ANSWER: Final = 64 * 1024
_DRIFT_WARN: Final = 5.0
_DRIFT_FAIL: Final = 60.0
#: Headers by which something in front marks visitors, or has their browsers report.
_MARKING: Final = ("Set-Cookie", "NEL", "Report-To", "Reporting-Endpoints")
_IN_FRONT: Final = "Look at what stands in front of the host: "
_HARMLESS: Final = CheckReceipt(
    request=Request(1),
    log_id=LogId(bytes(16)),
    seq=Seq(1),
    at=Millis(0),
    node=Node(0),
    kind=EntryKind.APP,
    idem=Idem(bytes(16)),
    next_epoch_key=NO_KEY,
    body_hash=bytes(32),
    receipt=Receipt(bytes(32)),
)


@dataclass(frozen=True, slots=True)
class _Visit:
    name: str
    session: aiohttp.ClientSession
    now: Millis

    @property
    def url(self) -> str:
        return f"https://{self.name}"


async def check_public(name: str, *, ca: Path | None, now: Millis) -> list[Finding]:
    """All checks; only the first, if nobody can be reached. `ca`: whom to trust, instead of the system's list."""
    try:
        context = ssl.create_default_context(cafile=ca)
    except (OSError, ssl.SSLError) as error:
        return [fail("tls", f"{ca}: {error}", do="Give a file of certificates in PEM.")]
    reached = await _check_tls(name, context, now=now)
    if reached.advice and reached.level.value == "fail":
        return [reached]
    connector = aiohttp.TCPConnector(ssl=context)
    timeout = aiohttp.ClientTimeout(total=_SECONDS)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        visit = _Visit(name, session, now)
        findings = [reached]
        for look in (_well_known, _websocket, _frame, _big_body):
            try:
                findings += [finding async for finding in look(visit)]
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                check = look.__name__.strip("_").replace("_", " ")
                findings.append(fail(check, f"{str(error) or repr(error)}", do=f"{_IN_FRONT}it breaks off."))
    return findings


async def _check_tls(name: str, context: ssl.SSLContext, *, now: Millis) -> Finding:
    host, _, port = name.rpartition(":") if name.rpartition(":")[2].isdecimal() else (name, "", "443")
    try:
        async with asyncio.timeout(_SECONDS):
            _, writer = await asyncio.open_connection(host, int(port), ssl=context)
    except ssl.SSLCertVerificationError as error:
        return fail(
            "tls", error.verify_message, do="Serve a certificate for this name, with its whole chain, that is not over."
        )
    except (ssl.SSLError, ConnectionError) as error:
        return fail("tls", f"no TLS at {host}:{port}: {error}", do="Have TLS served there.")
    except socket.gaierror as error:
        return fail("tls", f"{host} has no address: {error.strerror}", do="Set up the name in the DNS.")
    except (TimeoutError, OSError) as error:
        return fail(
            "tls", f"nobody answers at {host}:{port} {error}", do="Open the port in the firewall, and start the host."
        )
    found = writer.get_extra_info("peercert")
    version = writer.get_extra_info("ssl_object").version()
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    days = (ssl.cert_time_to_seconds(found["notAfter"]) - now / 1000) / 86_400
    if days < SOON_DAYS:
        return warn("tls", f"the certificate ends in {days:.0f} days", do="Renew it.")
    return ok("tls", f"{version}, {days:.0f} days more")


async def _well_known(visit: _Visit) -> AsyncIterator[Finding]:
    begun = time.time()
    async with visit.session.get(f"{visit.url}/.well-known/aparte", allow_redirects=False) as response:
        yield _judge_clock(response.headers.get("Date"), visit, begun=begun)
        yield _judge_about(visit.name, response.status, body=await response.content.read(_MAX_ANSWER))
        if response.headers.get("Access-Control-Allow-Origin") == "*":
            yield ok("cors", "any page may use the host")
        else:
            yield fail("cors", "no Access-Control-Allow-Origin: *", do=f"{_IN_FRONT}it takes the host's headers away.")
        marks = [mark for mark in _MARKING if mark in response.headers]
        if marks:
            yield warn("headers", f"{', '.join(marks)}", do=f"{_IN_FRONT}it marks visitors; have it stop.")
        else:
            yield ok("headers", "none that mark visitors")


def _judge_about(name: str, status: int, *, body: bytes) -> Finding:
    if status != 200:
        return fail(
            "host", f"/.well-known/aparte is answered with {status}", do=f"{_IN_FRONT}it has to pass on every path."
        )
    try:
        about: dict[str, Any] = json.loads(body)
        host, protocol, version = about["host"], about["protocol"], about["version"]
    except (ValueError, KeyError, TypeError):
        return fail(
            "host", "/.well-known/aparte is not an Aparte host's", do=f"{_IN_FRONT}it has to pass on every path."
        )
    if host != name:
        return fail("host", f"it calls itself {host}", do=f"Set its domain to {name}: proofs are made for that name.")
    if protocol != PROTOCOL_VERSION:
        return fail("host", f"it speaks protocol {protocol}", do="Run the same version here as there.")
    return ok("host", f"{host}, version {version}")


def _judge_clock(date: str | None, visit: _Visit, *, begun: float) -> Finding:
    try:
        there = parsedate_to_datetime(date or "").timestamp()
    except ValueError:
        return warn("clock", "no Date header", do=f"{_IN_FRONT}it takes the host's headers away.")
    differs = abs(there - visit.now / 1000 - (time.time() - begun))
    if differs < _DRIFT_WARN:
        return ok("clock", "it goes with this machine's")
    found, advice = f"it differs from this machine's by {differs:.0f} s", "Set both clocks by NTP."
    return warn("clock", found, do=advice) if differs < _DRIFT_FAIL else fail("clock", found, do=advice)


async def _websocket(visit: _Visit) -> AsyncIterator[Finding]:
    for kind in ("anonymous", "identity"):
        yield await _link(visit, kind)


async def _link(visit: _Visit, kind: str) -> Finding:
    check = f"websocket ({kind})"
    try:
        async with visit.session.ws_connect(f"{visit.url}/v1/{kind}", autoping=False) as link:
            first = await link.receive(timeout=_SECONDS)
            greeting = decode_frame(first.data) if first.type is aiohttp.WSMsgType.BINARY else None
    except aiohttp.WSServerHandshakeError as error:
        return fail(
            check,
            f"refused: {error.status} {error.message}",
            do=f"{_IN_FRONT}it has to pass on HTTP/1.1 with Upgrade and Connection.",
        )
    except (aiohttp.ClientError, TimeoutError, OSError, DecodeError) as error:
        return fail(check, f"no greeting: {str(error) or repr(error)}", do=f"{_IN_FRONT}it must not hold frames back.")
    if not isinstance(greeting, Greeting):
        return fail(check, "no greeting", do=f"{_IN_FRONT}something else answers there.")
    if greeting.host != visit.name:
        return fail(check, f"greeted by {greeting.host}", do=f"Set the host's domain to {visit.name}.")
    return ok(check, "greeted by the host")


async def _frame(visit: _Visit) -> AsyncIterator[Finding]:
    found = await _post(visit, encode_frame(_HARMLESS))
    if isinstance(found, ReceiptChecked) and not found.genuine:
        yield ok("frame", "frames go over HTTP")
    else:
        yield fail("frame", f"POST /v1/frame: {found}", do=f"{_IN_FRONT}it has to pass on POST with a body, unchanged.")


async def _big_body(visit: _Visit) -> AsyncIterator[Finding]:
    """A frame of a kind that there is not: the host reads all of it, and answers that."""
    found = await _post(visit, b"\x7f" + bytes(_BIG - 1))
    if isinstance(found, Problem):
        yield ok("big body", "1 MiB at once")
    else:
        yield fail("big body", f"1 MiB is answered with {found}", do=f"{_IN_FRONT}it has to take bodies of 9 MiB.")


async def _post(visit: _Visit, frame: bytes) -> object:
    """The frame that answers, or else the status."""
    headers = {"Content-Type": "application/octet-stream"}
    async with visit.session.post(
        f"{visit.url}/v1/frame", data=frame, headers=headers, allow_redirects=False
    ) as response:
        body = await response.content.read(_MAX_ANSWER)
        try:
            return decode_frame(body) if response.status == 200 else response.status
        except DecodeError:
            return "something that is no frame"
