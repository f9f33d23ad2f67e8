"""tus 1.0.0 (https://tus.io/protocols/resumable-upload) as headers: what requests say, what answers carry.

Core, and the extensions creation, creation-with-upload, expiration, termination, checksum. Pure. Upload-Metadata
is read by nobody: nothing readable about a file may be held.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from aparte.server.blobs.errors import Refusal, Refused
from aparte.server.blobs.expiry import http_date
from aparte.server.blobs.index import Upload
from aparte.server.blobs.limits import DEFAULT_KEEP_DAYS, MAX_KEEP_DAYS, MAX_TICKET, Limits
from aparte.server.blobs.tokens import TOKEN_LENGTH, decode_token, encode_token

__all__ = [
    "VERSION",
    "Append",
    "Checksum",
    "Creation",
    "capabilities",
    "parse_append",
    "parse_creation",
    "parse_erase_token",
    "parse_id",
    "parse_length",
    "progress",
    "require_version",
]

VERSION: Final = "1.0.0"
_EXTENSIONS: Final = "creation,creation-with-upload,expiration,termination,checksum"
_OFFSET_STREAM: Final = "application/offset+octet-stream"
#: tus asks for sha1; whoever can choose takes sha256.
_DIGESTS: Final = {"sha1": 20, "sha256": 32}
#: No number in these headers has more digits; Python refuses to convert thousands of them.
_NUMBER: Final = re.compile(r"[0-9]{1,15}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Checksum:
    """What the body of one PATCH must hash to."""

    algorithm: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class Creation:
    """A POST: a blob of `size` bytes, to be kept for `keep_days`."""

    size: int
    keep_days: int
    ticket: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Append:
    """A PATCH: a body that begins at `offset`. `length` is unknown with chunked encoding."""

    offset: int
    length: int | None
    checksum: Checksum | None


def require_version(headers: Mapping[str, str]) -> None:
    """Raises `Refused` unless the client speaks 1.0.0."""
    if headers.get("Tus-Resumable") != VERSION:
        raise Refused(Refusal.VERSION, f"Tus-Resumable must be {VERSION}")


def parse_creation(headers: Mapping[str, str], limits: Limits) -> Creation:
    """Raises `Refused`."""
    size = _number(headers, "Upload-Length")
    if size < 1:
        raise Refused(Refusal.BAD_REQUEST, "Upload-Length must be at least 1")
    if size > limits.blob_bytes:
        raise Refused(Refusal.TOO_LARGE, f"Upload-Length is above {limits.blob_bytes}")
    keep_days = _number(headers, "Aparte-Keep-Days") if "Aparte-Keep-Days" in headers else DEFAULT_KEEP_DAYS
    if not 1 <= keep_days <= MAX_KEEP_DAYS:
        raise Refused(Refusal.BAD_REQUEST, f"Aparte-Keep-Days must be 1 to {MAX_KEEP_DAYS}")
    if "Aparte-Ticket" not in headers:
        raise Refused(Refusal.TICKET_MISSING, "an upload costs a ticket, in Aparte-Ticket")
    ticket = _token(headers["Aparte-Ticket"], "Aparte-Ticket")
    if not 1 <= len(ticket) <= MAX_TICKET:
        raise Refused(Refusal.TICKET_REFUSED, f"a ticket has 1 to {MAX_TICKET} bytes")
    return Creation(size, keep_days, ticket)


def parse_append(headers: Mapping[str, str], *, offset: int | None = None) -> Append:
    """A PATCH, or the body that came with a creation (`offset` 0). Raises `Refused`."""
    content_type = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if content_type != _OFFSET_STREAM:
        raise Refused(Refusal.CONTENT_TYPE, f"Content-Type must be {_OFFSET_STREAM}")
    # Encodings would be undone on the way in, and the offsets would count other bytes than the client's.
    if headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Refused(Refusal.CONTENT_TYPE, "Content-Encoding is not supported")
    begin = _number(headers, "Upload-Offset") if offset is None else offset
    text = headers.get("Upload-Checksum")
    return Append(begin, parse_length(headers), None if text is None else _checksum(text))


def parse_length(headers: Mapping[str, str]) -> int | None:
    """Content-Length; None where the body comes in chunks, 0 where there is none."""
    if "Content-Length" in headers:
        return _number(headers, "Content-Length")
    return None if "Transfer-Encoding" in headers else 0


def parse_id(text: str) -> bytes:
    """The last part of a path. What is no id names nothing: `Refused`, NOT_FOUND."""
    try:
        name = decode_token(text)
    except ValueError:
        name = b""
    if len(name) != TOKEN_LENGTH:
        raise Refused(Refusal.NOT_FOUND, "no such upload or blob")
    return name


def parse_erase_token(headers: Mapping[str, str]) -> bytes | None:
    """The erase token; None without one. Raises `Refused`."""
    text = headers.get("Aparte-Erase-Token")
    return None if text is None else _token(text, "Aparte-Erase-Token")


def capabilities(limits: Limits) -> dict[str, str]:
    """What OPTIONS answers."""
    return {
        "Tus-Version": VERSION,
        "Tus-Extension": _EXTENSIONS,
        "Tus-Max-Size": str(limits.blob_bytes),
        "Tus-Checksum-Algorithm": ",".join(_DIGESTS),
    }


def progress(upload: Upload) -> dict[str, str]:
    """Where an upload stands, and what its blob is called."""
    headers = {"Upload-Offset": str(upload.received), "Aparte-Blob": encode_token(upload.blob_id)}
    return headers if upload.finished else headers | {"Upload-Expires": http_date(upload.expires_at)}


def _number(headers: Mapping[str, str], name: str) -> int:
    if not _NUMBER.fullmatch(headers.get(name, "")):
        raise Refused(Refusal.BAD_REQUEST, f"{name} must be a number")
    return int(headers[name])


def _token(text: str, name: str) -> bytes:
    try:
        return decode_token(text)
    except ValueError:
        raise Refused(Refusal.BAD_REQUEST, f"{name} must be base64url without padding") from None


def _checksum(text: str) -> Checksum:
    algorithm, _, encoded = text.partition(" ")
    if algorithm not in _DIGESTS:
        raise Refused(Refusal.BAD_REQUEST, f"Upload-Checksum must be one of {', '.join(_DIGESTS)}")
    try:
        digest = b64decode(encoded, validate=True)
    except ValueError:
        digest = b""
    if len(digest) != _DIGESTS[algorithm]:
        raise Refused(Refusal.BAD_REQUEST, f"Upload-Checksum is no base64 of {_DIGESTS[algorithm]} bytes")
    return Checksum(algorithm, digest)
