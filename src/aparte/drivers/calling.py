"""Where a host is called, and what went wrong: one sentence for people, without a word that a host chose."""

from __future__ import annotations

import ssl
from typing import Final

import aiohttp

from aparte.trust import AddressRefused, is_loopback, normalize_host

__all__ = ["refusal", "url_of", "why"]

#: Where `aparte serve` listens unless told otherwise.
_DEFAULT_PORT: Final = 8440


def url_of(host: str, path: str) -> str:
    """Its address for a path. Without TLS on this machine alone, where nobody certifies names.

    Raises `AddressRefused`.
    """
    host = normalize_host(host)
    if not is_loopback(host):
        return f"https://{host}{path}"
    has_port = host.rpartition("]")[2].partition(":")[2]
    return f"http://{host}{'' if has_port else f':{_DEFAULT_PORT}'}{path}"


def refusal(status: int, host: str) -> str:
    """What a host means by an HTTP status."""
    if status == 429:
        return f"{host} asks this machine to call later"
    if status >= 500:
        return f"{host} cannot serve now: it answers {status}"
    if 300 <= status < 400:
        return f"{host} sends this machine elsewhere: use the name of the host itself"
    return f"{host} is no host of Aparte's: it answers {status}"


def why(error: Exception, host: str) -> str:
    """One sentence about what kept a host from being reached, or ended a link."""
    match error:
        case AddressRefused():
            return f"{host!r} is no address of a host"
        case aiohttp.ClientConnectorCertificateError(certificate_error=found):
            what = found.verify_message if isinstance(found, ssl.SSLCertVerificationError) else type(found).__name__
            return f"the certificate of {host} is not to be trusted: {what}"
        case aiohttp.ClientConnectorDNSError():
            return f"there is no host called {host}, or this machine is offline"
        case aiohttp.ClientConnectorSSLError() | ssl.SSLError():
            return f"{host} does not speak TLS as it should"
        case aiohttp.ClientConnectorError():
            return f"nobody answers at {host}"
        case aiohttp.WSServerHandshakeError(status=status) if status != 101:
            return refusal(status, host)
        case aiohttp.ClientResponseError(status=status) if 300 <= status < 400:
            return refusal(status, host)
        case aiohttp.WebSocketError(code=aiohttp.WSCloseCode.MESSAGE_TOO_BIG):
            return f"{host} sent more than a host may"
        case aiohttp.ClientResponseError() | aiohttp.WebSocketError():
            return f"{host} sent what no host of Aparte's sends"
        case TimeoutError():
            return f"{host} does not answer"
        case OSError(strerror=str(what)) if what:
            return f"the link to {host} broke off: {what}"
        case _:
            return f"the link to {host} broke off"
