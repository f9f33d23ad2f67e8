"""A host and its CA: `async with scene(folder) as place`, then `place.host()` or `place.applicant()`."""

from __future__ import annotations

import asyncio
import os
import ssl
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from acme import client
from aiohttp.abc import AbstractResolver, ResolveResult
from cryptography import x509

from aparte.server.shell.acme import AcmeFailed, AcmeSettings, Shelf
from aparte.server.shell.acme.challenges import challenges_answered
from aparte.server.shell.acme.ordering import Applicant
from aparte.server.shell.config import HostConfig
from aparte.server.shell.serve import Host, Started
from tests.server import guests
from tests.server.acme_ca import Ca, listening
from tests.server.admin.authority import Authority
from tests.server.living import NAME, living
from tests.server.proxies import free_port

DAY = 86_400.0


class Here(AbstractResolver):
    """Every name is this machine's."""

    async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[ResolveResult]:
        del family
        found = {"hostname": host, "host": "127.0.0.1", "port": port, "family": 2, "proto": 0, "flags": 0}
        return [ResolveResult(**found)]  # type: ignore[typeddict-item]

    async def close(self) -> None:
        pass


@dataclass
class Place:
    """A CA that listens, and the folder of a host that may ask it."""

    ca: Ca
    data: Path
    settings: AcmeSettings

    @property
    def shelf(self) -> Shelf:
        return Shelf(self.data, self.settings.directory)

    @property
    def config(self) -> HostConfig:
        return HostConfig(data=self.data, port=0, named=NAME, acme=self.settings)

    def host(self) -> AbstractAsyncContextManager[tuple[Started, Host]]:
        """Running, with this CA."""
        return living(self.data, acme=self.settings)

    @asynccontextmanager
    async def applicant(self) -> AsyncIterator[Applicant]:
        """What a host asks its CA by, without the host."""
        self.data.mkdir(exist_ok=True)
        self.shelf.prepare()
        async with challenges_answered(self.settings.http, NAME) as challenges:
            yield Applicant(self.settings, NAME, self.shelf, challenges, threading.Event())

    async def obtains(self) -> None:
        async with self.applicant() as applicant:
            await asyncio.to_thread(applicant.obtain)

    async def fails(self) -> AcmeFailed:
        with pytest.raises(AcmeFailed) as caught:
            await self.obtains()
        return caught.value

    def kept(self) -> x509.Certificate:
        """The certificate on the shelf."""
        return x509.load_pem_x509_certificates(self.shelf.certificate.read_bytes())[0]

    def ages(self, days: float) -> None:
        """The certificate has been there for so long."""
        at = time.time() - days * DAY
        os.utime(self.shelf.certificate, (at, at))

    @asynccontextmanager
    async def stranger(self) -> AsyncIterator[aiohttp.ClientSession]:
        """Somebody who trusts the CA, and nobody else."""
        context = ssl.create_default_context(cafile=str(self.ca.authority.file))
        connector = aiohttp.TCPConnector(ssl=context, resolver=Here(), force_close=True)
        async with aiohttp.ClientSession(connector=connector) as session:
            yield session


async def until(look: Callable[[], Any]) -> Any:
    """What `look` returns, once it is true: however busy the machine is."""
    return await guests.until(look, seconds=240.0)


def named(started: Started) -> str:
    """A host's URL, by its name."""
    return f"https://{NAME}:{started.url.rpartition(':')[2]}"


async def shown(started: Started, place: Place) -> x509.Certificate:
    """The certificate that a host shows to whoever comes now, if the CA vouches for it."""
    return await shown_by(started, place.ca.authority.file)


async def shown_by(started: Started, root: Path) -> x509.Certificate:
    """The same, for somebody who trusts this root and nobody else."""
    context = ssl.create_default_context(cafile=str(root))
    port = int(started.url.rpartition(":")[2])
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=NAME)
    der: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return x509.load_der_x509_certificate(der)


@asynccontextmanager
async def scene(folder: Path, **changes: Any) -> AsyncIterator[Place]:
    """The host trusts the CA's own https: for that there is REQUESTS_CA_BUNDLE. The library is told to sleep less."""
    ca = Ca(Authority(folder), free_port(), **changes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "time", SimpleNamespace(sleep=lambda seconds: time.sleep(min(seconds, 0.05))))
        patch.setenv("REQUESTS_CA_BUNDLE", str(ca.authority.file))
        async with listening(ca):
            settings = AcmeSettings(ca.directory, "mailto:you@host.example", ("127.0.0.1", ca.http_port))
            yield Place(ca, folder / "data", settings)


def played(folder: Path, play: Callable[[Place], Any], **changes: Any) -> None:
    """One play, in one scene."""

    async def whole() -> None:
        async with scene(folder, **changes) as place:
            await play(place)

    asyncio.run(whole())
