"""Where a host listens: every address is IPv4 and IPv6, `0.0.0.0` and `[::]` are one of them alone."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from aparte.server.shell.listening import EVERYWHERE, listening, open_listeners, spelled, url_of

V4, V6 = "127.0.0.1", "::1"
Make = Callable[..., socket.socket]


def _has_ipv6() -> bool:
    try:
        socket.create_server((V6, 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


with_ipv6 = pytest.mark.skipif(not _has_ipv6(), reason="this machine has no IPv6")


@contextmanager
def opened(address: str, port: int = 0) -> Iterator[int]:
    """Listening there, on this port."""
    listeners = open_listeners((address, port), backlog=8)
    try:
        [port] = {listener.getsockname()[1] for listener in listeners}
        yield port
    finally:
        for listener in listeners:
            listener.close()


def answers(address: str, port: int) -> bool:
    with suppress(OSError), socket.create_connection((address, port), 10):
        return True
    return False


@with_ipv6
@pytest.mark.parametrize(
    ("address", "found"),
    [
        (EVERYWHERE, {V4, V6}),
        ("0.0.0.0", {V4}),
        ("::", {V6}),
        (V4, {V4}),
        (V6, {V6}),
    ],
    ids=["every address", "IPv4", "IPv6", "one of IPv4", "one of IPv6"],
)
def test_who_can_come(address: str, found: set[str]) -> None:
    with opened(address) as port:
        assert {each for each in (V4, V6) if answers(each, port)} == found


def test_a_name() -> None:
    with opened("localhost") as port:
        assert answers("localhost", port)


def lacking(family: int, code: int) -> Make:
    """A machine that lacks this family: the kernel says so in one of two ways."""
    make = socket.create_server

    def without(address: Any, **words: Any) -> socket.socket:
        if words.get("family") == family:
            raise OSError(code, "lacking")
        return make(address, **words)

    return without


@pytest.mark.parametrize("code", [errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL])
def test_a_machine_without_ipv6(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    monkeypatch.setattr(socket, "create_server", lacking(socket.AF_INET6, code))
    with opened(EVERYWHERE) as port:
        assert answers(V4, port)
    with pytest.raises(OSError, match="lacking"):
        open_listeners(("::", 0), backlog=8)


@with_ipv6
def test_a_machine_without_ipv4(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "create_server", lacking(socket.AF_INET, errno.EAFNOSUPPORT))
    with opened(EVERYWHERE) as port:
        assert answers(V6, port)


@with_ipv6
@pytest.mark.parametrize(("address", "family"), [("0.0.0.0", socket.AF_INET), ("::", socket.AF_INET6)])
def test_half_of_every_address_is_taken(address: str, family: int) -> None:
    with opened(address) as port:
        with pytest.raises(OSError, match="in use"):
            open_listeners((EVERYWHERE, port), backlog=8)
        other = "::" if family == socket.AF_INET else "0.0.0.0"
        with opened(other, port):
            pass  # what had been opened by then was let go


def test_an_address_of_another_machine() -> None:
    with pytest.raises(OSError, match="assign requested address"):
        open_listeners(("192.0.2.1", 0), backlog=8)


@with_ipv6
def test_all_of_them_are_served_and_let_go() -> None:
    class Greets(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            transport.write(b"hello")  # type: ignore[attr-defined]
            transport.close()

    async def play() -> None:
        async with listening(Greets, (EVERYWHERE, 0), backlog=8) as (address, port):
            assert address == "0.0.0.0"
            for each in (V4, V6):
                reader, writer = await asyncio.open_connection(each, port)
                assert await reader.read() == b"hello"
                writer.close()
        assert not any(answers(each, port) for each in (V4, V6))

    asyncio.run(play())


def test_how_it_is_spelled() -> None:
    assert [spelled(where) for where in ((EVERYWHERE, 443), (V4, 80), ("::", 80))] == [
        ":443",
        "127.0.0.1:80",
        "[::]:80",
    ]
    assert url_of((V6, 443), secure=True) == "https://[::1]:443"
    assert url_of((V4, 80), secure=False) == "http://127.0.0.1:80"
