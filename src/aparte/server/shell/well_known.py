"""Asking another host for its ticket key: https, its own `/.well-known/aparte`, and nothing else that it may say.

The name comes from a ticket, so from anybody. A host must not become the arm of whoever names an address that only
the host can reach: it connects to addresses of the whole internet alone, looked at when the connection is made, and
follows nobody elsewhere.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import re
import socket
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

__all__ = ["PATIENCE", "Unreachable", "WellKnown", "has_usual_port", "is_public", "is_public_name"]

#: Seconds for all of it.
PATIENCE: Final = 10.0
_MOST_BYTES: Final = 1 << 16
_KEY_LENGTH: Final = 32
#: Names are looked up in threads of their own: a slow answer must hold nobody else up.
_RESOLVERS: Final = 8
_HEADERS: Final = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "aparte"}
#: Labels with a dot between, the last of them no number: neither an address nor a name of the local network.
_NAME: Final = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+(?![0-9]+(:|\Z))[a-z0-9-]{2,63}(:[1-9][0-9]{0,4})?")
#: The port that a name means by itself, and from where on ports are nobody's in particular.
_HTTPS: Final = 443
_FIRST_FREE_PORT: Final = 1_024
#: What looks like the internet and is not: the machinery of a large provider, and networks that newer registries keep
#: (relays of 6to4, RFC 7526; examples, RFC 9637; segments, RFC 9602).
_KEPT: Final = tuple(
    map(ipaddress.ip_network, ("168.63.129.16/32", "192.88.99.0/24", "192.0.0.0/24", "3fff::/20", "5f00::/16"))
)
#: Networks of IPv6 in which an IPv4 address stands: NAT64 (RFC 6052), and 6to4, which nobody needs.
_TRANSLATED: Final = tuple(map(ipaddress.IPv6Network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "::/96")))


class Unreachable(Exception):
    """The host could not be asked, or said nothing that helps."""


def is_public_name(name: str) -> bool:
    """Whether this may name a host that anybody can reach."""
    return _NAME.fullmatch(name) is not None and _port(name) <= 65_535


def has_usual_port(name: str) -> bool:
    """Whether a name, which anybody may have said, leads to a port of https or to none that is kept for another use."""
    port = _port(name)
    return port == _HTTPS or port >= _FIRST_FREE_PORT


def _port(name: str) -> int:
    return int(name.partition(":")[2] or _HTTPS)


def is_public(address: str) -> bool:
    """Whether an address belongs to the internet: not to this machine, its network, or its provider's machinery."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return is_public(str(found.ipv4_mapped))
        if found.is_site_local or any(found in network for network in _TRANSLATED):
            return False
    if any(found in network for network in _KEPT):
        return False
    return found.is_global and not found.is_multicast and not found.is_reserved


class WellKnown:
    """Asks. `permits` says which addresses may be connected to; it and `context` are for tests."""

    def __init__(
        self,
        *,
        permits: Callable[[str], bool] = is_public,
        context: ssl.SSLContext | None = None,
        lookup: Callable[[str, int], list[Any]] | None = None,
        patience: float = PATIENCE,
    ) -> None:
        self._permits = permits
        self._context = context
        self._pool = ThreadPoolExecutor(_RESOLVERS, thread_name_prefix="aparte-names")
        self._resolver = _Resolver(self._pool, lookup or _look_up)
        self._patience = aiohttp.ClientTimeout(total=patience)

    async def ticket_key(self, host: str) -> bytes:
        """Raises `Unreachable`."""
        if not is_public_name(host):
            raise Unreachable("not a name that anybody can reach")
        try:
            return _ticket_key(await self._get(f"https://{host}/.well-known/aparte"), host)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError, RecursionError) as error:
            raise Unreachable(f"{type(error).__name__}: {error}") from error

    def close(self) -> None:
        """Ask nobody any more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _get(self, url: str) -> bytes:
        connector = aiohttp.TCPConnector(
            ssl=True if self._context is None else self._context,
            resolver=self._resolver,
            socket_factory=self._socket,
            use_dns_cache=False,
            force_close=True,
        )
        session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=self._patience,
            auto_decompress=False,
            trust_env=False,
        )
        async with session, session.get(url, allow_redirects=False, headers=_HEADERS) as answer:
            if answer.status != 200:
                raise ValueError(f"status {answer.status}")
            said = bytearray()
            async for piece in answer.content.iter_any():
                said += piece
                if len(said) > _MOST_BYTES:
                    raise ValueError("too long")
            return bytes(said)

    def _socket(self, found: Any) -> socket.socket:
        """For the address that is about to be connected to, wherever it came from."""
        family, kind, protocol, _, place = found
        if not self._permits(place[0]):
            raise OSError("an address that is not the internet's")
        made = socket.socket(family, kind, protocol)
        made.setblocking(False)
        return made


def _ticket_key(said: bytes, host: str) -> bytes:
    """Raises `ValueError`."""
    found = json.loads(said)
    if not isinstance(found, dict) or found.get("host") != host or not isinstance(found.get("ticket_key"), str):
        raise ValueError("not what a host of this name says")
    key = bytes.fromhex(found["ticket_key"])
    if len(key) != _KEY_LENGTH:
        raise ValueError("not a ticket key")
    return key


def _look_up(host: str, port: int) -> list[Any]:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


class _Resolver(AbstractResolver):
    def __init__(self, pool: ThreadPoolExecutor, lookup: Callable[[str, int], list[Any]]) -> None:
        self._pool = pool
        self._lookup = lookup

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._pool, self._lookup, host, port)
        return [
            ResolveResult(hostname=host, host=place[0], port=port, family=kind, proto=0, flags=socket.AI_NUMERICHOST)
            for kind, _, _, _, place in found
            if family in {socket.AF_UNSPEC, kind}
        ]

    async def close(self) -> None:
        """The threads are the asker's."""
