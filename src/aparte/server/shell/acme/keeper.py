"""Keeps a host's certificate good: obtains the first before the host serves, renews it while it does.

The library is synchronous, so all of that happens on one thread. Nobody waits for it when the host stops: what is
half done is taken up again, or gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
import time
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import structlog
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from aparte.server.shell.acme.challenges import Challenges, challenges_answered
from aparte.server.shell.acme.errors import AcmeFailed
from aparte.server.shell.acme.pace import Validity
from aparte.server.shell.acme.settings import AcmeSettings
from aparte.server.shell.acme.shelf import Shelf, load_key
from aparte.server.shell.certificates import BadCertificate, Certificate

if TYPE_CHECKING:
    from aparte.server.shell.acme.ordering import Applicant

__all__ = ["Keeper", "certified"]

#: Seconds after which it is looked again, should the clock have leapt, or the CA have changed its mind.
_LOOK: Final = 6 * 3600.0
_LEAST: Final = 1.0
#: Seconds that a host which stops waits for the thread.
_FAREWELL: Final = 2.0

log = structlog.get_logger("aparte.acme")


@contextlib.asynccontextmanager
async def certified(
    settings: AcmeSettings, host: str, *, data: Path, stop: asyncio.Event
) -> AsyncIterator[Certificate]:
    """The certificate of the host of this name, good for as long as the context lasts.

    Raises `AcmeFailed` (also if `stop` is set while the CA is asked for the first one), `BadCertificate`.
    """
    shelf = Shelf(data, settings.directory)
    shelf.prepare()
    async with challenges_answered(settings.http, host) as challenges:
        keeper = Keeper(settings, host.partition(":")[0], shelf=shelf, challenges=challenges)
        try:
            await keeper.begin(stop)
            certificate = Certificate(shelf.certificate, shelf.certificate)
            keeper.renewed = lambda: _take_up(certificate)
            yield certificate
        finally:
            await keeper.end()


def _take_up(certificate: Certificate) -> None:
    try:
        certificate.refresh()
    except BadCertificate as error:
        log.error("kept the old certificate", error=str(error))


class Keeper:
    """One thread, which asks the CA when it is time."""

    def __init__(self, settings: AcmeSettings, domain: str, *, shelf: Shelf, challenges: Challenges) -> None:
        self._settings = settings
        self._domain = domain
        self._shelf = shelf
        self._challenges = challenges
        self._stopping = threading.Event()
        self._loop = asyncio.get_running_loop()
        self._first: asyncio.Future[None] = self._loop.create_future()
        self._thread = threading.Thread(target=self._live, name="aparte-acme", daemon=True)
        #: Called on the loop.
        self.renewed: Callable[[], None] = lambda: None

    async def begin(self, stop: asyncio.Event) -> None:
        """Return as soon as there is a certificate: at once, if it was kept. Raises `AcmeFailed`."""
        self._thread.start()
        stopped: asyncio.Future[bool] = asyncio.ensure_future(stop.wait())
        either: list[asyncio.Future[Any]] = [self._first, stopped]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not self._first.done():
            raise AcmeFailed("stopped before there was a certificate")
        self._first.result()

    async def end(self) -> None:
        """The thread has ended, or is left alone with a CA that does not answer."""
        self._stopping.set()
        self._first.cancel()
        await self._loop.run_in_executor(None, self._thread.join, _FAREWELL)

    def _live(self) -> None:
        try:
            if self._kept() is None:
                self._obtain_first()
        except Exception as error:  # noqa: BLE001 - whatever it was, somebody waits to hear of it
            self._tell(
                self._settle, error if isinstance(error, AcmeFailed) else AcmeFailed(f"no certificate: {error!r}")
            )
            return
        self._tell(self._settle, None)
        pause = _LEAST
        while not self._stopping.wait(pause):
            try:
                self._renew_if_due()
                pause = self._pause()
            except Exception as error:  # noqa: BLE001 - the certificate lasts for weeks, and so must this thread
                log.error("could not look after the certificate", error=repr(error))
                pause = _LOOK

    def _settle(self, error: AcmeFailed | None) -> None:
        if self._first.done():
            return
        if error is None:
            self._first.set_result(None)
        else:
            self._first.set_exception(error)

    def _tell(self, call: Callable[..., None], *what: object) -> None:
        with contextlib.suppress(RuntimeError):  # the host has stopped, and its loop is closed
            self._loop.call_soon_threadsafe(call, *what)

    def _kept(self) -> tuple[bytes, Validity] | None:
        """The certificate on the shelf, if the host could serve with it now. Raises `AcmeFailed`."""
        pem = self._shelf.read_certificate()
        if pem is None:
            return None
        try:
            key, [leaf, *_] = load_key(pem, of=self._shelf.certificate), x509.load_pem_x509_certificates(pem)
            names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except (AcmeFailed, ValueError, x509.ExtensionNotFound) as error:
            log.error("the certificate that was kept cannot be read", error=str(error))
            return None
        spki = [
            k.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            for k in (key.public_key(), leaf.public_key())
        ]
        valid = Validity.of(leaf, obtained=self._shelf.certificate.stat().st_mtime)
        is_ours = self._domain in names.get_values_for_type(x509.DNSName) and spki[0] == spki[1]
        return (pem, valid) if is_ours and time.time() < valid.ends else None

    def _obtain_first(self) -> None:
        wait = self._shelf.failures().next_start(time.time())
        if time.time() < wait:
            until = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(wait + 60))
            raise AcmeFailed(f"the CA is not asked again before {until}: {self._shelf.failures().said}")
        log.info("asking for a certificate", domain=self._domain, directory=self._settings.directory)
        self._obtain()

    def _pause(self) -> float:
        kept, now = self._kept(), time.time()
        due = 0.0 if kept is None else kept[1].due(None)
        after = self._shelf.failures().next_try(now, jitter=random.random())  # noqa: S311 - it spreads load
        return min(max(due - now, after - now, _LEAST), _LOOK)

    def _renew_if_due(self) -> None:
        failures, now = self._shelf.failures(), time.time()
        if now < failures.next_try(now, jitter=0.0):
            return
        kept = self._kept()
        if kept is not None and now < kept[1].due(None) and now < kept[1].due(self._suggested(*kept, now=now)):
            return
        try:
            self._obtain()
        except AcmeFailed as error:
            days = None if kept is None else round((kept[1].ends - now) / 86_400, 1)
            log.error("could not renew the certificate, and kept the old", error=str(error), days_left=days)
        else:
            log.info("renewed the certificate", domain=self._domain)
            self._tell(self.renewed)

    def _suggested(self, pem: bytes, valid: Validity, *, now: float) -> datetime | None:
        """By the CA; it is not asked while that could change nothing."""
        if now < valid.earliest:
            return None
        try:
            return self._applicant().suggested(pem)
        except AcmeFailed:
            return None

    def _obtain(self) -> None:
        try:
            self._applicant().obtain()
        except AcmeFailed as error:
            if not self._stopping.is_set():
                noted = self._shelf.failures()
                self._shelf.note_failures(
                    noted.with_another(str(error), at=time.time(), heard=error.heard, pause=error.pause)
                )
            raise

    def _applicant(self) -> Applicant:
        # The library takes a third of a second to import: hosts without ACME shall not wait for it.
        from aparte.server.shell.acme.ordering import Applicant  # noqa: PLC0415

        return Applicant(self._settings, self._domain, self._shelf, self._challenges, self._stopping)
