"""A running host's end of the control socket."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import structlog

from aparte.server.admin.certificate import files_of
from aparte.server.admin.control import (
    MAX_ANSWER,
    MAX_REQUEST,
    SOCKET_NAME,
    decode_request,
    encode_answer,
    encode_error,
    socket_address,
)
from aparte.server.admin.desk import Desk, Live, LiveWriting, system_clock
from aparte.server.admin.errors import AdminError, Fault
from aparte.server.admin.operations import carry_out
from aparte.server.shell.disk import refused_words
from aparte.server.shell.serve import Host
from aparte.server.store import StoreError

__all__ = ["control_socket"]

#: Requests at once, beyond which they wait.
_THREADS: Final = 4
#: Seconds that a request may take to come, and its answer to be taken.
_PATIENCE: Final = 10.0
_BACKLOG: Final = 16

log = structlog.get_logger("aparte.host")


@asynccontextmanager
async def control_socket(host: Host) -> AsyncIterator[None]:
    """Listen for the operator while the context lasts. Without a socket the host serves all the same, and says so."""
    path = host.data / SOCKET_NAME
    desk = _desk_of(host)
    try:
        listener = _listen(path)
    except OSError as error:
        log.error("no control socket: `aparte admin` cannot reach this host", error=str(error))
        yield
        return
    try:
        async with _answering(desk, listener):
            yield
    finally:
        path.unlink(missing_ok=True)


def _desk_of(host: Host) -> Desk:
    loop = asyncio.get_running_loop()

    def sweep_blobs() -> tuple[int, int]:
        swept = asyncio.run_coroutine_threadsafe(host.blobs.sweep(system_clock()), loop).result()
        return swept.blobs, swept.uploads

    presence = None if host.core.accounts is None else host.core.accounts.presence
    links, disk = host.reception.connections, host.disk
    live = Live(lambda: len(links), sweep_blobs, presence, lambda: refused_words(disk.shortage))
    writing = LiveWriting(host.core, host.writer, store=host.store)
    return Desk(host.data, writing, host.about.host, live, certificate=files_of(host.config))


def _listen(path: Path) -> socket.socket:
    """Whoever has the folder's lock may take away what another host has left. Nobody connects before the mode is set:
    a socket that does not listen refuses everybody."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with socket_address(path) as address:
            listener.bind(address)
        path.chmod(0o600)
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener


@asynccontextmanager
async def _answering(desk: Desk, listener: socket.socket) -> AsyncIterator[None]:
    tasks: set[asyncio.Task[None]] = set()
    silent: set[asyncio.StreamWriter] = set()
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="aparte-admin")

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = _line(reader, writer, silent=silent)
        task = asyncio.ensure_future(_exchange(desk, pool, line=line, writer=writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        await asyncio.shield(task)

    server = await asyncio.start_unix_server(answer, sock=listener, limit=MAX_REQUEST, backlog=_BACKLOG)
    try:
        yield
    finally:
        desk.stopping.set()
        server.close()
        for writer in silent:
            writer.transport.abort()
        if tasks:
            await asyncio.wait(tasks, timeout=2 * _PATIENCE)
        pool.shutdown(wait=False, cancel_futures=True)


async def _line(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, silent: set[asyncio.StreamWriter]
) -> bytes:
    """The request's line; empty if whoever asked went away. Raises `AdminError`."""
    silent.add(writer)
    try:
        async with asyncio.timeout(_PATIENCE):
            return await reader.readuntil(b"\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""
    except asyncio.LimitOverrunError as error:
        raise AdminError(Fault.BAD_REQUEST, f"a request has at most {MAX_REQUEST} bytes") from error
    except TimeoutError as error:
        raise AdminError(Fault.BAD_REQUEST, "the request did not come") from error
    finally:
        silent.discard(writer)


async def _exchange(
    desk: Desk, pool: ThreadPoolExecutor, *, line: Awaitable[bytes], writer: asyncio.StreamWriter
) -> None:
    """One line in, one line out, the end."""
    with suppress(OSError):
        try:
            asked = await line
            respond = asyncio.get_running_loop().run_in_executor
            told = await respond(pool, _respond, desk, asked) if asked else b""
        except AdminError as error:
            told = encode_error(error)
        try:
            writer.write(told)
            async with asyncio.timeout(_PATIENCE):
                await writer.drain()
        except TimeoutError:
            writer.transport.abort()
        finally:
            writer.close()


def _respond(desk: Desk, line: bytes) -> bytes:
    """The answer's line. In a thread of the pool's."""
    try:
        told = encode_answer(carry_out(desk, decode_request(line)))
    except AdminError as error:
        return encode_error(error)
    except (StoreError, OSError) as error:
        return encode_error(AdminError(Fault.FAILED, str(error)))
    except Exception as error:  # noqa: BLE001 - the operator hears of it, and the host goes on
        log.error("an operator's request failed", error=repr(error))
        return encode_error(AdminError(Fault.FAILED, f"a fault of the host's own: {error!r}"))
    if len(told) > MAX_ANSWER:
        return encode_error(AdminError(Fault.FAILED, "the answer is too long"))
    return told
