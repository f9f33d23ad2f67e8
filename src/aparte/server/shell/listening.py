"""Listening at an address. `EVERYWHERE` is every address of the machine, IPv4 and IPv6 alike; all others are what they
say: `0.0.0.0` is every IPv4 address and no other, `::` every IPv6 address and no other.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

__all__ = ["EVERYWHERE", "listening", "open_listeners", "spelled", "url_of"]

EVERYWHERE: Final = ""
#: IPv4 first: it is what the host then calls itself.
_FAMILIES: Final = ((socket.AF_INET, ("0.0.0.0", 0)), (socket.AF_INET6, ("::", 0)))  # noqa: S104 - asked for
#: The machine lacks the family, or the address.
_LACKING: Final = frozenset({errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL})


def open_listeners(where: tuple[str, int], *, backlog: int) -> list[socket.socket]:
    """A socket for each address that `where` stands for and this machine has; port 0 is the same one for all.

    Raises `OSError`, also if it has none of them.
    """
    found: list[socket.socket] = []
    lacking: OSError | None = None
    port = where[1]
    try:
        for family, address in _addresses(where):
            try:
                listener = socket.create_server((address[0], port, *address[2:]), family=family, backlog=backlog)
            except OSError as error:
                if error.errno not in _LACKING:
                    raise
                lacking = error
                continue
            found.append(listener)
            port = listener.getsockname()[1]
        if lacking is not None and not found:
            raise lacking
    except BaseException:
        for listener in found:
            listener.close()
        raise
    return found


def _addresses(where: tuple[str, int]) -> list[tuple[int, tuple[Any, ...]]]:
    if where[0] == EVERYWHERE:
        return list(_FAMILIES)
    found = socket.getaddrinfo(*where, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return list(dict.fromkeys((int(family), address) for family, _, _, _, address in found))


@asynccontextmanager
async def listening(
    make: Callable[[], asyncio.Protocol],
    where: tuple[str, int],
    *,
    backlog: int,
    context: ssl.SSLContext | None = None,
) -> AsyncIterator[tuple[str, int]]:
    """Serve there while the context lasts; yields the address and the port. Raises `OSError`."""
    loop = asyncio.get_running_loop()
    listeners = open_listeners(where, backlog=backlog)
    name: tuple[Any, ...] = listeners[0].getsockname()
    servers: list[asyncio.Server] = []
    try:
        while listeners:
            servers.append(await loop.create_server(make, sock=listeners[0], ssl=context, backlog=backlog))
            listeners.pop(0)  # it is the server's now
        yield name[0], name[1]
    finally:
        for server in servers:
            server.close()
        for listener in listeners:
            listener.close()


def spelled(where: tuple[str, int]) -> str:
    """As it is configured: `ADDR:PORT`, `[V6]:PORT`, or `:PORT` for every address."""
    address, port = where
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def url_of(where: tuple[str, int], *, secure: bool) -> str:
    """Of what listens there."""
    return f"{'https' if secure else 'http'}://{spelled(where)}"
