"""TLS from two files, which may be replaced while the host runs."""

from __future__ import annotations

import ssl
from pathlib import Path

__all__ = ["BadCertificate", "Certificate"]


class BadCertificate(Exception):
    """The files are not a certificate chain and its key."""


class Certificate:
    """A certificate chain and its key. `refresh` takes up new ones; connections that are up keep the old."""

    def __init__(self, chain: Path, key: Path) -> None:
        self._chain = chain
        self._key = key
        self._stamp = self._stamps()
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._load(self.context)

    def refresh(self) -> bool:
        """Whether the files had changed and were taken up. Raises `BadCertificate`, and goes on with the old."""
        stamp = self._stamps()
        if stamp == self._stamp:
            return False
        self._load(ssl.create_default_context(ssl.Purpose.CLIENT_AUTH))  # the running one is touched by good files only
        self._load(self.context)
        self._stamp = stamp
        return True

    def _load(self, context: ssl.SSLContext) -> None:
        try:
            context.load_cert_chain(self._chain, self._key)
        except (OSError, ssl.SSLError) as error:
            raise BadCertificate(f"{self._chain} and {self._key}: {error}") from error

    def _stamps(self) -> tuple[tuple[int, int], ...]:
        try:
            stats = [path.stat() for path in (self._chain, self._key)]
        except OSError as error:
            raise BadCertificate(str(error)) from error
        return tuple((stat.st_mtime_ns, stat.st_ino) for stat in stats)
