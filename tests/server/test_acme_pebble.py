"""A host and Pebble, the CA on which Let's Encrypt has clients tried: another's idea of RFC 8555."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest
from cryptography import x509

from aparte.server.shell.acme import AcmeSettings
from tests.server.acme_scenes import shown_by, until
from tests.server.admin.authority import Authority
from tests.server.living import NAME, living
from tests.server.proxies import PEBBLE, PEBBLE_DNS, free_port

#: Of a hundred good nonces it refuses so many: the library asks once more, and no more than that.
_NONCES_REFUSED: Final = 0


@asynccontextmanager
async def running(*command: str | Path | int) -> AsyncIterator[None]:
    """A program, until it is no longer needed."""
    own = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": str(_NONCES_REFUSED)}
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*map(str, command), env=os.environ | own, stdout=quiet, stderr=quiet)
    try:
        yield
        assert process.returncode is None, "it ended by itself"
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@asynccontextmanager
async def pebble(authority: Authority, http_port: int) -> AsyncIterator[tuple[str, str]]:
    """Its directory, and where its root is to be had. Every name is 127.0.0.1; its port 80 is `http_port`."""
    directory, management, names, other = (free_port() for _ in range(4))
    chain, key = authority.certify("localhost", label="pebble")
    config = {
        "listenAddress": f"127.0.0.1:{directory}",
        "managementListenAddress": f"127.0.0.1:{management}",
        "certificate": str(chain),
        "privateKey": str(key),
        "httpPort": http_port,
        "tlsPort": other,
        "ocspResponderURL": "",
        "externalAccountBindingRequired": False,
    }
    path = authority.folder / "pebble.json"
    path.write_text(json.dumps({"pebble": config}))
    dns = (PEBBLE_DNS, "-dns01", f"127.0.0.1:{names}", "-management", f"127.0.0.1:{free_port()}", "-defaultIPv6", "")
    async with (
        running(*dns, "-http01", "", "-https01", "", "-tlsalpn01", ""),
        running(PEBBLE, "-strict", "-config", path, "-dnsserver", f"127.0.0.1:{names}"),
    ):
        for port in (directory, management):

            async def listens(port: int = port) -> bool:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except ConnectionError:
                    return False
                writer.close()
                return True

            await until(listens)
        yield f"https://localhost:{directory}/dir", f"https://localhost:{management}/roots/0"


def test_pebble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.file))

    async def play() -> None:
        http_port = free_port()
        async with pebble(authority, http_port) as (directory, root):
            settings = AcmeSettings(directory, "mailto:you@host.example", ("127.0.0.1", http_port))
            trusted = ssl.create_default_context(cafile=str(authority.file))
            found = await asyncio.to_thread(lambda: urllib.request.urlopen(root, context=trusted, timeout=20).read())
            (tmp_path / "root.pem").write_bytes(found)
            serials = []
            for folder in ("one", "one", "two"):
                async with living(tmp_path / folder, acme=settings) as (started, _):
                    leaf = await shown_by(started, tmp_path / "root.pem")
                    serials.append(leaf.serial_number)
                    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
                    assert names.get_values_for_type(x509.DNSName) == [NAME]
            assert serials[0] == serials[1] != serials[2]

    asyncio.run(play())
