"""Where a host keeps what it has from a CA: DATA/acme/, a folder for each CA, files that only their owner reads.

account.pem      the account's key. Made before the CA hears of it, so no crash loses an account
order.json       the order that is being finalized, and the certificate's key: taken up again after a crash
certificate.pem  the key and the chain in one file, so that one rename changes both
failures.json    what went wrong since the last certificate; goes with the next
"""

from __future__ import annotations

import json
import os
import secrets
import ssl
import stat
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, unquote

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from aparte.server.folders import flush_folder
from aparte.server.shell.acme.errors import AcmeFailed
from aparte.server.shell.acme.pace import Failures

__all__ = ["PendingOrder", "Shelf", "key_pem", "latest_shelf", "load_key", "new_key"]

_OTHERS: Final = 0o077
_MOST_BYTES: Final = 1 << 20

Key = ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True)
class PendingOrder:
    """An order that the CA has been, or is about to be, asked to finalize."""

    domain: str
    uri: str
    finalize: str
    key: str

    def __repr__(self) -> str:
        return f"PendingOrder({self.uri})"


class Shelf:
    """The files of one CA, named by its directory."""

    def __init__(self, data: Path, directory: str) -> None:
        self.folder = data / "acme" / quote(directory.removeprefix("https://"), safe="")
        self.certificate = self.folder / "certificate.pem"
        self._account = self.folder / "account.pem"
        self._order = self.folder / "order.json"
        self._failures = self.folder / "failures.json"

    def prepare(self) -> None:
        """Make the folder. What a crash left half written goes."""
        for folder in (self.folder.parent, self.folder):
            folder.mkdir(mode=0o700, exist_ok=True)
            flush_folder(folder.parent)
        for left in self.folder.glob("*.new"):
            left.unlink()

    def account_key(self) -> Key:
        """The account's; made and written, durably, if there is none. Raises `AcmeFailed`."""
        if not self._account.exists():
            self._write(self._account, key_pem(new_key()).encode())
        return load_key(self._read(self._account), of=self._account)

    def pending(self, domain: str) -> PendingOrder | None:
        """The order for this name that was not brought to its end. What cannot be read is none."""
        try:
            order = PendingOrder(**_strings(self._read(self._order)))
            load_key(order.key.encode(), of=self._order)
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, AcmeFailed):
            return None
        return order if order.domain == domain else None

    def note_pending(self, order: PendingOrder | None) -> None:
        """Durably; None when it has come to its end."""
        if order is None:
            self._order.unlink(missing_ok=True)
        else:
            self._write(self._order, json.dumps(asdict(order)).encode())

    def read_certificate(self) -> bytes | None:
        """Key and chain; None if there are none. Raises `AcmeFailed` if others may read them."""
        try:
            return self._read(self.certificate)
        except FileNotFoundError:
            return None

    def put_certificate(self, chain: bytes, key: Key) -> None:
        """Both at once, durably, if TLS takes them; then what led there is forgotten. Raises `OSError`."""
        self._write(self.certificate, key_pem(key).encode() + chain, check=_require_servable)
        self.note_pending(None)
        self._failures.unlink(missing_ok=True)

    def failures(self) -> Failures:
        """None, if they cannot be read."""
        try:
            found: Any = json.loads(self._read(self._failures))
            return Failures.from_json(found)
        except (FileNotFoundError, ValueError, AcmeFailed):
            return Failures()

    def note_failures(self, failures: Failures) -> None:
        """Durably: a host that is started again and again must not forget how often it asked."""
        self._write(self._failures, json.dumps(asdict(failures)).encode())

    def _read(self, path: Path) -> bytes:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "rb") as file:
            if stat.S_IMODE(os.fstat(descriptor).st_mode) & _OTHERS:
                raise AcmeFailed(f"others may use {path}. Close it to them: chmod 600 {path}")
            found = file.read(_MOST_BYTES + 1)
        if len(found) > _MOST_BYTES:
            raise AcmeFailed(f"{path} is too large to be what it should be")
        return found

    def _write(self, path: Path, content: bytes, *, check: Callable[[Path], None] | None = None) -> None:
        temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            if check is not None:
                check(temporary)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        flush_folder(path.parent)


def latest_shelf(data: Path) -> Shelf | None:
    """Of the CA that was asked last; None if none ever was."""
    folders = [path for path in (data / "acme").glob("*") if path.is_dir()]
    if not folders:
        return None
    return Shelf(data, unquote(max(folders, key=lambda path: path.stat().st_mtime_ns).name))


def new_key() -> Key:
    """P-256."""
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key: Key) -> str:
    """PKCS #8."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def load_key(pem: bytes, *, of: Path) -> Key:
    """Raises `AcmeFailed` if it is no P-256 key."""
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise AcmeFailed(f"{of} does not hold a key: {error}") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise AcmeFailed(f"{of} does not hold a P-256 key")
    return key


def _require_servable(path: Path) -> None:
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(path)


def _strings(text: bytes) -> dict[str, str]:
    found = json.loads(text)
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise ValueError("not a record of texts")
    return found
