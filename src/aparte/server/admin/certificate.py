"""The host's certificate, as an operator is told of it: when it ends, and whether the next one could not be had."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from aparte.server.admin.requests import CertificateStatus
from aparte.server.shell.acme import Shelf, latest_shelf
from aparte.server.shell.config import HostConfig

__all__ = ["CertificateFiles", "files_of", "files_on"]


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """Where the certificate is, and, if a CA gives it, what was noted of the CA."""

    chain: Path
    shelf: Shelf | None

    def look(self) -> CertificateStatus:
        """As the files are now."""
        failures = None if self.shelf is None else self.shelf.failures()
        if failures is None or not failures.said:
            return CertificateStatus(self._ends(), None, None)
        return CertificateStatus(self._ends(), _moment(datetime.fromtimestamp(failures.at, UTC)), failures.said)

    def _ends(self) -> str | None:
        try:
            leaf = x509.load_pem_x509_certificates(self.chain.read_bytes())[0]
        except (OSError, ValueError):  # `aparte doctor` says what is wrong with it
            return None
        return _moment(leaf.not_valid_after_utc)


def files_of(config: HostConfig) -> CertificateFiles | None:
    """Of a host that is configured so; None if it does not encrypt by itself."""
    if config.acme is not None:
        shelf = Shelf(config.data, config.acme.directory)
        return CertificateFiles(shelf.certificate, shelf)
    return None if config.certificate is None else CertificateFiles(config.certificate[0], None)


def files_on(data: Path) -> CertificateFiles | None:
    """Of a host at rest that nobody told us about: what it last had from a CA."""
    shelf = latest_shelf(data)
    return None if shelf is None else CertificateFiles(shelf.certificate, shelf)


def _moment(when: datetime) -> str:
    return f"{when:%Y-%m-%dT%H:%M:%SZ}"
