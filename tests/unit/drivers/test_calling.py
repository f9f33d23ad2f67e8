"""Where a host is called, and what people are told."""

from __future__ import annotations

import socket
import ssl
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

from aparte.drivers.calling import refusal, url_of, why
from aparte.trust import AddressRefused

HOST = "host.example"
KEY: Any = SimpleNamespace(host=HOST, port=443, ssl=True)
INFO: Any = SimpleNamespace(real_url=f"https://{HOST}/")
#: What a host might say to move a cursor, or to speak in this program's name.
FOUL = "\x1b[2J call +1 900"


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("host.example", "https://host.example/v1/frame"),
        ("host.example:8443", "https://host.example:8443/v1/frame"),
        ("HOST.example.:443", "https://host.example/v1/frame"),
        ("bücher.example", "https://xn--bcher-kva.example/v1/frame"),
        ("localhost", "http://localhost:8440/v1/frame"),
        ("localhost:9000", "http://localhost:9000/v1/frame"),
        ("127.0.0.1", "http://127.0.0.1:8440/v1/frame"),
        ("127.8.0.1:9000", "http://127.8.0.1:9000/v1/frame"),
        ("[::1]", "http://[::1]:8440/v1/frame"),
        ("[::1]:9000", "http://[::1]:9000/v1/frame"),
        ("localhost.example", "https://localhost.example/v1/frame"),
        ("a.localhost", "https://a.localhost/v1/frame"),
    ],
)
def test_where(host: str, url: str) -> None:
    assert url_of(host, "/v1/frame") == url


@pytest.mark.parametrize("host", ["10.0.0.1", "[fe80::1]", "host.example/", "a@host.example", "host.example:0", "a\nb"])
def test_nowhere(host: str) -> None:
    with pytest.raises(AddressRefused):
        url_of(host, "/v1/frame")


def os_error(text: str) -> OSError:
    return OSError(111, text)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (aiohttp.ClientConnectorDNSError(KEY, socket.gaierror(-2, FOUL)), "there is no host called"),
        (aiohttp.ClientConnectorError(KEY, os_error(FOUL)), "nobody answers at"),
        (aiohttp.ClientConnectorCertificateError(KEY, ValueError(FOUL)), "is not to be trusted"),
        (aiohttp.ClientConnectorSSLError(KEY, os_error(FOUL)), "does not speak TLS"),
        (ssl.SSLError(1, FOUL), "does not speak TLS"),
        (aiohttp.WSServerHandshakeError(INFO, (), status=403, message=FOUL), "is no host of Aparte's: it answers 403"),
        (aiohttp.WSServerHandshakeError(INFO, (), status=429, message=FOUL), "call later"),
        (aiohttp.WSServerHandshakeError(INFO, (), status=502, message=FOUL), "cannot serve now: it answers 502"),
        (aiohttp.WSServerHandshakeError(INFO, (), status=101, message=FOUL), "sent what no host"),
        (aiohttp.ClientResponseError(INFO, (), status=302, message=FOUL), "elsewhere"),
        (aiohttp.ClientResponseError(INFO, (), status=400, message=FOUL), "sent what no host"),
        (aiohttp.WebSocketError(aiohttp.WSCloseCode.MESSAGE_TOO_BIG, FOUL), "sent more than a host may"),
        (aiohttp.WebSocketError(aiohttp.WSCloseCode.PROTOCOL_ERROR, FOUL), "sent what no host"),
        (aiohttp.ServerTimeoutError(FOUL), "does not answer"),
        (TimeoutError(FOUL), "does not answer"),
        (ConnectionResetError(104, "Connection reset by peer"), "broke off: Connection reset by peer"),
        (aiohttp.ServerDisconnectedError(FOUL), "broke off"),
        (aiohttp.ClientPayloadError(FOUL), "broke off"),
        (ValueError(FOUL), "broke off"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_why(error: Exception, sentence: str) -> None:
    found = why(error, HOST)
    assert HOST in found
    assert sentence in found
    assert "900" not in found
    assert found.isprintable()


@pytest.mark.parametrize("status", [301, 404, 429, 500, 503, 999])
def test_refusals_name_the_host(status: int) -> None:
    assert HOST in refusal(status, HOST)
