"""Where two devices meet while one links the other: a log of its own, all of whose keys come from the link code.

    prk        = HKDF-Extract(salt = "", ikm = secret)
    of(x)      = HKDF-Expand(prk, label<V> "aparte/1 link " x || host<V>, length)
    log_id     = of("log")[16]               epoch key = Ed25519 from the seed of("post")[32]
    key        = of("offer" | "hello" | "answer" | "grant")[32]
    body       = nonce[12] || ChaCha20-Poly1305(key, nonce, aad = log_id, message)

The host sees five entries with the one that ends the log, no account and no device. Whoever else has the code can read
the first three, which is why the grant is sealed to the new device besides; and can write, which is why all but the
first, of which the code is the hash, are signed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from aparte.codec import encode_vector
from aparte.crypto import Hash, OpenError, Signer, Suite
from aparte.crypto.kdf import Hkdf
from aparte.trust.errors import CallerError, LinkingRefused
from aparte.trust.fields import label
from aparte.trust.link_codes import LinkCode
from aparte.trust.rules import LinkingRule
from aparte.wire.ids import ID_LENGTH, KEY_LENGTH, LogId
from aparte.wire.limits import MAX_BODY

__all__ = ["LINK_LIFETIME", "LinkMessage", "Rendezvous", "rendezvous_of"]

#: Milliseconds from the offer until the old device ends the exchange, whatever has come.
LINK_LIFETIME: Final = 10 * 60_000
_NONCE_LENGTH: Final = 12
_KDF: Final = Hkdf(Hash.SHA256)


class LinkMessage(Enum):
    """What is said, in this order. Each kind has its own key, so that none is taken for another."""

    OFFER = b"offer"
    HELLO = b"hello"
    ANSWER = b"answer"
    GRANT = b"grant"


@dataclass(frozen=True, slots=True)
class Rendezvous:
    """The log, the key that opens and ends its node 0, and what its entries are sealed with."""

    log_id: LogId
    epoch_key: Signer
    _keys: dict[LinkMessage, bytes] = field(repr=False)

    def seal(self, kind: LinkMessage, message: bytes, *, suite: Suite, rng: Callable[[int], bytes]) -> bytes:
        """The body of an entry. Raises `CallerError` if no entry may be that long."""
        nonce = rng(_NONCE_LENGTH)
        body = nonce + suite.seal(self._keys[kind], nonce, self.log_id, message)
        if len(body) > MAX_BODY:
            raise CallerError(f"{len(body)} bytes do not fit an entry")
        return body

    def open(self, kind: LinkMessage, body: bytes, *, suite: Suite) -> bytes:
        """The message of that kind. Raises `LinkingRefused`: the entry is another kind's, or a stranger's."""
        if len(body) > MAX_BODY:
            raise LinkingRefused(LinkingRule.OPENS_NOT)
        try:
            return suite.open(self._keys[kind], body[:_NONCE_LENGTH], self.log_id, body[_NONCE_LENGTH:])
        except OpenError:
            raise LinkingRefused(LinkingRule.OPENS_NOT) from None


def rendezvous_of(code: LinkCode, suite: Suite) -> Rendezvous:
    """The same on both devices. The suite is the default one: ChaCha20-Poly1305 and Ed25519."""
    prk = _KDF.mac(b"", code.secret)
    host = encode_vector(code.host.encode())

    def of(purpose: bytes, length: int) -> bytes:
        return _KDF.expand(prk, label(b"link " + purpose) + host, length)

    keys = {kind: of(kind.value, KEY_LENGTH) for kind in LinkMessage}
    return Rendezvous(LogId(of(b"log", ID_LENGTH)), suite.load_signer(of(b"post", KEY_LENGTH)), keys)
