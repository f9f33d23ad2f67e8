"""The body of an entry: an MLSMessage, sealed once more so that the host sees neither group, epoch nor kind of content.

    struct {
        uint8 version = 1;
        opaque salt<V>;              32 bytes in a message; empty in a commit
        opaque mls_message<V>;
        opaque zeros[...];
    } Sealed;

    key  = HKDF-Expand(wrap, "aparte/1 body" || idem, 32)
    aad  = label("aparte/1 body") || log_id || uint64 node || uint8 kind || idem || next_epoch_key
    body = nonce[12] || AEAD(key, nonce, aad, Sealed)

A body has a padded size (Padmé), and at least 256 bytes. The idem of a message commits to what it says, so that a host
that gave a receipt for it is a witness: `idem = H("aparte/1 idem" || salt || H(application data))[:16]`. The salt is
inside the seal, or the host could try guesses. Whoever reads checks it.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, NamedTuple

from aparte.codec import DecodeError, Reader, encode_u8, encode_u64, encode_vector
from aparte.crypto import OpenError, Suite
from aparte.mls import padme
from aparte.wire.entries import NO_KEY
from aparte.wire.ids import ID_LENGTH, EntryKind, Idem, LogId, Node
from aparte.wire.limits import MAX_BODY, MAX_COMMIT

__all__ = [
    "IDEM_SALT_LENGTH",
    "BodyRefused",
    "Place",
    "Sealed",
    "TooLong",
    "idem_of",
    "open_body",
    "require_idem",
    "seal_body",
]

IDEM_SALT_LENGTH: Final = 32
_VERSION: Final = 1
_NONCE_LENGTH: Final = 12
_TAG_LENGTH: Final = 16
_SMALLEST: Final = 256
_BODY: Final = encode_vector(b"aparte/1 body")
_IDEM: Final = encode_vector(b"aparte/1 idem")


class BodyRefused(Exception):
    """A body that no member has sealed for its place, or not as this version does. Says why, to people."""


class TooLong(ValueError):
    """More than an entry may hold."""


class Place(NamedTuple):
    """Where an entry stands, as far as its poster knows: what the seal is bound to."""

    log_id: LogId
    node: Node
    kind: EntryKind
    idem: Idem
    next_epoch_key: bytes = NO_KEY

    def bound(self) -> bytes:
        """The additional data of the seal."""
        return _BODY + self.log_id + encode_u64(self.node) + encode_u8(self.kind) + self.idem + self.next_epoch_key


@dataclass(frozen=True, slots=True)
class Sealed:
    """What is inside a body."""

    message: bytes
    #: Of a message's idem; empty in a commit.
    salt: bytes = b""


def idem_of(salt: bytes, data: bytes) -> Idem:
    """The idem of a message that says `data`, which is MLS application data."""
    return Idem(sha256(_IDEM + salt + sha256(data).digest()).digest()[:ID_LENGTH])


def require_idem(place: Place, sealed: Sealed, *, data: bytes) -> None:
    """Raises `BodyRefused` unless the entry's idem is that of what it says."""
    if not hmac.compare_digest(idem_of(sealed.salt, data), place.idem):
        raise BodyRefused("it was posted as another message than it is")


def seal_body(suite: Suite, wrap: bytes, *, sealed: Sealed, place: Place) -> bytes:
    """Raises `TooLong`."""
    plain = encode_u8(_VERSION) + encode_vector(sealed.salt) + encode_vector(sealed.message)
    overhead = _NONCE_LENGTH + _TAG_LENGTH
    size = max(_SMALLEST, padme(len(plain) + overhead))
    if size > _most(place.kind):
        raise TooLong(f"it would take {size} bytes; {_most(place.kind)} are the most")
    nonce = suite.random(_NONCE_LENGTH)
    plain = plain.ljust(size - overhead, b"\x00")
    return nonce + suite.seal(_key(suite, wrap, idem=place.idem), nonce, place.bound(), plain)


def open_body(suite: Suite, wrap: bytes, *, body: bytes, place: Place) -> Sealed:
    """Raises `BodyRefused`."""
    nonce, ciphertext = body[:_NONCE_LENGTH], body[_NONCE_LENGTH:]
    if len(nonce) != _NONCE_LENGTH:
        raise BodyRefused("it is too short")
    try:
        reader = Reader(suite.open(_key(suite, wrap, idem=place.idem), nonce, place.bound(), ciphertext))
    except OpenError:
        raise BodyRefused("nobody who knows this epoch's key has sealed it") from None
    try:
        return _read(reader, place.kind)
    except DecodeError as error:
        raise BodyRefused(f"what was sealed is damaged: {error}") from None


def _read(reader: Reader, kind: EntryKind) -> Sealed:
    version = reader.u8()
    if version != _VERSION:
        raise BodyRefused(f"a newer version of Aparte has sealed it ({version})")
    salt, message = reader.vector(IDEM_SALT_LENGTH), reader.vector(MAX_COMMIT)
    if len(salt) != (IDEM_SALT_LENGTH if kind is EntryKind.APP else 0):
        raise BodyRefused("it was sealed as another kind of entry")
    if reader.rest().strip(b"\x00"):
        raise BodyRefused("its padding is not empty")
    return Sealed(message, salt)


def _key(suite: Suite, wrap: bytes, *, idem: Idem) -> bytes:
    return suite.expand(wrap, _BODY + idem, suite.parameters.key_length)


def _most(kind: EntryKind) -> int:
    return MAX_COMMIT if kind is EntryKind.COMMIT else MAX_BODY
