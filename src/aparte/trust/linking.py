"""Linking a device: what the old and the new one say to each other, and how each knows whom it hears.

    struct { uint8 version = 1; opaque account_id[32]; opaque device_key[32]; opaque nonce[32]; } Offer;      by the old
    struct {
        uint8 version = 1;
        opaque offer_hash[32];
        opaque device_key[32];
        opaque inbox_key<V>;                /* as in a manifest */
        opaque title<V>;                    /* "Firefox on Linux": UTF-8, at most 64 bytes */
        opaque nonce[32];
        opaque signature[64];               /* by device_key: L("aparte/1 link hello") || all before */
    } Hello;                                                                                                  by the new
    struct {
        uint8 version = 1;
        opaque hello_hash[32];
        opaque nonce[32];
        opaque signature[64];               /* by the offer's device_key: L("aparte/1 link answer") || all before */
    } Answer;                                                                                                 by the old

    offer_hash = SHA-256(L("aparte/1 link offer hash") || Offer), its first 16 bytes being the code's secret
    hello_hash = SHA-256(L("aparte/1 link hello hash") || Hello)
    transcript = SHA-256(L("aparte/1 link transcript") || hello_hash || Answer)
    digits     = the first 8 bytes of SHA-256(L("aparte/1 link digits") || transcript), mod 1,000,000

L("...") is the text as a vector.

The new device shows the digits only after the answer, and the answer names its hello: so whoever came in between has
no digits that a device in the owner's hand would show.
"""

from __future__ import annotations

import hmac
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from aparte.codec import DecodeError, EncodeError, Reader, encode_vector
from aparte.crypto import CryptoError, Signer, Suite
from aparte.trust.addresses import Host
from aparte.trust.errors import LinkingRefused
from aparte.trust.fields import digest, encode_version, label, opaque, read_version
from aparte.trust.link_codes import LINK_SECRET_LENGTH, LinkCode
from aparte.trust.manifest import MAX_INBOX_KEY
from aparte.trust.rules import LinkingRule
from aparte.wire.ids import HASH_LENGTH, KEY_LENGTH, SIGNATURE_LENGTH, AccountId

__all__ = [
    "MAX_DEVICE_TITLE",
    "Answer",
    "Hello",
    "Offer",
    "check_answer",
    "check_digits",
    "check_hello",
    "check_offer",
    "link_digits",
    "make_answer",
    "make_hello",
    "make_offer",
    "transcript_of",
]

#: Bytes of what a new device calls itself.
MAX_DEVICE_TITLE: Final = 64
_NONCE_LENGTH: Final = 32
_DIGITS: Final = 6
_OFFER_HASH: Final = label(b"link offer hash")
_HELLO: Final = label(b"link hello")
_HELLO_HASH: Final = label(b"link hello hash")
_ANSWER: Final = label(b"link answer")
_TRANSCRIPT: Final = label(b"link transcript")
_SHOWN: Final = label(b"link digits")


@dataclass(frozen=True, slots=True)
class Offer:
    """To which account, and by which of its devices. Whether that is true, the grant shows."""

    account_id: AccountId
    device_key: bytes
    nonce: bytes

    @classmethod
    def decode(cls, data: bytes) -> Offer:
        """Raises `DecodeError`."""
        reader = Reader(data)
        read_version(reader, "Offer")
        account_id = AccountId(reader.take(HASH_LENGTH))
        offer = cls(account_id, reader.take(KEY_LENGTH), reader.take(_NONCE_LENGTH))
        reader.finish()
        return offer

    def encode(self) -> bytes:
        """Raises `EncodeError`."""
        whose = opaque(self.account_id, HASH_LENGTH) + opaque(self.device_key, KEY_LENGTH)
        return encode_version() + whose + opaque(self.nonce, _NONCE_LENGTH)

    def hash(self) -> bytes:
        return digest(_OFFER_HASH + self.encode())

    def code(self, host: Host) -> LinkCode:
        """What the old device shows."""
        return LinkCode(host, self.hash()[:LINK_SECRET_LENGTH])


@dataclass(frozen=True, slots=True)
class Hello:
    """Who wants to be linked. `title` is its own word."""

    offer_hash: bytes
    device_key: bytes
    inbox_key: bytes
    title: str
    nonce: bytes
    signature: bytes

    @classmethod
    def decode(cls, data: bytes) -> Hello:
        """Raises `DecodeError`."""
        reader = Reader(data)
        read_version(reader, "Hello")
        offer_hash, device_key = reader.take(HASH_LENGTH), reader.take(KEY_LENGTH)
        inbox_key, start = reader.vector(MAX_INBOX_KEY), reader.position
        title = _read_title(reader.vector(MAX_DEVICE_TITLE), start)
        nonce = reader.take(_NONCE_LENGTH)
        hello = cls(offer_hash, device_key, inbox_key, title, nonce, reader.take(SIGNATURE_LENGTH))
        reader.finish()
        return hello

    def encode(self) -> bytes:
        """Raises `EncodeError`."""
        return self._body() + opaque(self.signature, SIGNATURE_LENGTH)

    def signed_content(self) -> bytes:
        """What the new device signs."""
        return _HELLO + self._body()

    def hash(self) -> bytes:
        return digest(_HELLO_HASH + self.encode())

    def _body(self) -> bytes:
        title = self.title.encode()
        if len(title) > MAX_DEVICE_TITLE or len(self.inbox_key) > MAX_INBOX_KEY or not _is_one_line(self.title):
            raise EncodeError("the title is not one short line, or the inbox key too long")
        keys = opaque(self.device_key, KEY_LENGTH) + encode_vector(self.inbox_key)
        said = keys + encode_vector(title) + opaque(self.nonce, _NONCE_LENGTH)
        return encode_version() + opaque(self.offer_hash, HASH_LENGTH) + said


@dataclass(frozen=True, slots=True)
class Answer:
    """The old device has heard one hello, and will hear no other."""

    hello_hash: bytes
    nonce: bytes
    signature: bytes

    @classmethod
    def decode(cls, data: bytes) -> Answer:
        """Raises `DecodeError`."""
        reader = Reader(data)
        read_version(reader, "Answer")
        answer = cls(reader.take(HASH_LENGTH), reader.take(_NONCE_LENGTH), reader.take(SIGNATURE_LENGTH))
        reader.finish()
        return answer

    def encode(self) -> bytes:
        """Raises `EncodeError`."""
        return self._body() + opaque(self.signature, SIGNATURE_LENGTH)

    def signed_content(self) -> bytes:
        """What the old device signs."""
        return _ANSWER + self._body()

    def _body(self) -> bytes:
        return encode_version() + opaque(self.hello_hash, HASH_LENGTH) + opaque(self.nonce, _NONCE_LENGTH)


def _read_title(data: bytes, start: int) -> str:
    try:
        title = data.decode()
    except UnicodeDecodeError:
        raise DecodeError("not UTF-8", start) from None
    if not _is_one_line(title):
        raise DecodeError("a title has no controls", start)
    return title


def _is_one_line(title: str) -> bool:
    """Nothing that turns or hides what stands beside it: a title is shown where the digits are asked for."""
    return not any(unicodedata.category(char)[0] in "CZ" and char != " " for char in title)


# -- the old device -----------------------------------------------------------------------------------------------
def make_offer(account_id: AccountId, device: Signer, *, rng: Callable[[int], bytes]) -> Offer:
    """A new one for every try: its nonce is what makes the code a secret."""
    return Offer(account_id, device.public_key, rng(_NONCE_LENGTH))


def check_hello(hello: Hello, offer: Offer, *, suite: Suite) -> None:
    """Raises `LinkingRefused` unless the new device answers this offer, and holds the key that it names."""
    if hello.offer_hash != offer.hash() or hello.device_key == offer.device_key:
        raise LinkingRefused(LinkingRule.HELLO)
    try:
        suite.verify(hello.device_key, hello.signed_content(), hello.signature)
        suite.check_kem_public_key(hello.inbox_key)
    except CryptoError:
        raise LinkingRefused(LinkingRule.HELLO) from None


def make_answer(hello: Hello, device: Signer, *, rng: Callable[[int], bytes]) -> Answer:
    """To the only hello of this offer, which was checked; of two, the exchange is ended and none is answered."""
    draft = Answer(hello.hash(), rng(_NONCE_LENGTH), b"")
    return replace(draft, signature=device.sign(draft.signed_content()))


def check_digits(typed: str, transcript: bytes) -> None:
    """Raises `LinkingRefused` unless the owner typed what the new device shows. Spaces and hyphens do not count."""
    plain = "".join(typed.replace("-", " ").split())
    if not hmac.compare_digest(plain.encode(), link_digits(transcript).encode()):
        raise LinkingRefused(LinkingRule.DIGITS)


# -- the new device -----------------------------------------------------------------------------------------------
def check_offer(offer: Offer, code: LinkCode) -> None:
    """Raises `LinkingRefused` unless this is the offer of which the code is the hash."""
    if not hmac.compare_digest(offer.hash()[:LINK_SECRET_LENGTH], code.secret):
        raise LinkingRefused(LinkingRule.OFFER)


def make_hello(offer: Offer, device: Signer, *, inbox_key: bytes, title: str, rng: Callable[[int], bytes]) -> Hello:
    """`device` and `inbox_key` are new, made for this device and no other. Raises `EncodeError`."""
    draft = Hello(offer.hash(), device.public_key, inbox_key, title, rng(_NONCE_LENGTH), b"")
    return replace(draft, signature=device.sign(draft.signed_content()))


def check_answer(answer: Answer, hello: Hello, *, offer: Offer, suite: Suite) -> None:
    """Raises `LinkingRefused` unless the offer's device has answered this hello: only then digits are shown."""
    if answer.hello_hash != hello.hash():
        raise LinkingRefused(LinkingRule.ANSWER)
    try:
        suite.verify(offer.device_key, answer.signed_content(), answer.signature)
    except CryptoError:
        raise LinkingRefused(LinkingRule.ANSWER) from None


# -- both ---------------------------------------------------------------------------------------------------------
def transcript_of(hello: Hello, answer: Answer) -> bytes:
    """All that was said, in 32 bytes: the hello names the offer."""
    return digest(_TRANSCRIPT + hello.hash() + answer.encode())


def link_digits(transcript: bytes) -> str:
    """What the new device shows and the owner types on the old one."""
    return f"{int.from_bytes(digest(_SHOWN + transcript)[:8]) % 10**_DIGITS:0{_DIGITS}}"
