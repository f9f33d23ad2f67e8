"""Where the host listens: can it, or who does?"""

from __future__ import annotations

import errno
import http.client
import json
import socket
import ssl
from collections.abc import Iterator
from typing import Any, Final

from aparte.server.admin.census import open_census
from aparte.server.admin.doctor.findings import Finding, fail, ok, warn
from aparte.server.shell.config import HostConfig
from aparte.server.shell.listening import EVERYWHERE, open_listeners, spelled

__all__ = ["check_port"]

_SECONDS: Final = 5.0
_MAX_ANSWER: Final = 64 * 1024
#: Where a host that listens there is to be asked.
_ANY: Final = {EVERYWHERE: "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


def check_port(config: HostConfig) -> Iterator[Finding]:
    """Listen there for a moment; if that cannot be, ask who is there."""
    where = spelled((config.address, config.port))
    if config.port == 0:
        yield ok("port", "any that is free")
        return
    try:
        _try_listening(config)
    except PermissionError:
        if _is_taken(config):  # by the host, which may have been given what this user has not
            yield _judge_tenant(config, where)
            return
        yield fail(
            "port",
            f"{where} is not for this user",
            do="Use a port from 1024 on, or give CAP_NET_BIND_SERVICE to the host.",
        )
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            yield _judge_tenant(config, where)
        else:
            yield fail("port", f"{where}: {error.strerror or error}", do="Give an address that this machine has.")
    else:
        yield ok("port", f"{where} is free")


def _try_listening(config: HostConfig) -> None:
    for listener in open_listeners((config.address, config.port), backlog=1):
        listener.close()


def _is_taken(config: HostConfig) -> bool:
    try:
        socket.create_connection((_ANY.get(config.address, config.address), config.port), _SECONDS).close()
    except OSError:
        return False
    return True


def _judge_tenant(config: HostConfig, where: str) -> Finding:
    try:
        found = _ask(config)
        incarnation = found["incarnation"]
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return fail("port", f"something else listens at {where}", do="End it, or have the host listen elsewhere.")
    with open_census(config.data / "host.db") as census:
        own = census.incarnation()
    if own is None or own.hex() != incarnation:
        return fail(
            "port", f"another host ({found.get('host')}) listens at {where}", do="Have one of them listen elsewhere."
        )
    if found.get("host") != config.domain:
        return warn(
            "port",
            f"our host listens at {where}, as {found.get('host')}, and {config.domain} is configured",
            do="Restart the host, or give the configuration that it runs with.",
        )
    return ok("port", f"our host listens at {where}")


def _ask(config: HostConfig) -> dict[str, Any]:
    address = _ANY.get(config.address, config.address)
    if not config.has_tls:
        connection = http.client.HTTPConnection(address, config.port, timeout=_SECONDS)
    else:
        context = ssl.create_default_context()
        context.check_hostname = False  # asked by its address; whether the certificate is good is another check
        context.verify_mode = ssl.CERT_NONE
        connection = http.client.HTTPSConnection(address, config.port, timeout=_SECONDS, context=context)
    try:
        connection.request("GET", "/.well-known/aparte")
        found = json.loads(connection.getresponse().read(_MAX_ANSWER))
    finally:
        connection.close()
    if not isinstance(found, dict):
        raise TypeError("not an object")
    return found
