"""The safety number of two accounts: 60 digits that both see alike, unless somebody stands between them.

    Party  = account_id[32] || root_key[32]
    h_0    = SHA-512(label<V> "aparte/1 safety" || lower Party || higher Party)         in the order of their ids
    h_i    = SHA-512(h_{i-1} || lower Party || higher Party)                                      i = 1 .. 5200
    digits = for each of the first 12 five-byte groups of h_5200: its number mod 100,000, in five digits

Devices have no part in it. What a code shown as QR says is h_5200's first half and who is meant:

    struct { opaque account_id[32]; opaque address<V>; } Named;          /* address: as the one who shows it knows it */
    struct { uint8 version = 1; Named own, peer; opaque fingerprint[32]; } SafetyCode;
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from enum import Enum
from typing import Final

from aparte.codec import DecodeError, EncodeError, Reader, encode_vector
from aparte.trust.errors import CallerError, UnknownVersion
from aparte.trust.fields import encode_version, label, opaque, read_version
from aparte.trust.genesis import Account
from aparte.wire.ids import HASH_LENGTH, KEY_LENGTH, AccountId
from aparte.wire.limits import MAX_HOST_NAME, MAX_NAME

__all__ = ["SafetyCode", "SafetyComparison", "SafetyNumber", "compare_safety_code", "safety_number"]

_SAFETY: Final = label(b"safety")
#: As Signal's fingerprints: 12 bits of work more for whoever searches, milliseconds for whoever looks.
_ROUNDS: Final = 5200
_GROUPS: Final = 12
_MAX_ADDRESS: Final = MAX_NAME + 1 + MAX_HOST_NAME


class SafetyComparison(Enum):
    """What a scanned code says. Only a match marks anything as verified."""

    #: Both see the same two accounts.
    MATCH = "match"
    #: The same two people by name, or by id, and not the same keys: somebody may stand between them.
    MISMATCH = "mismatch"
    #: Of another conversation. Harmless only if the other one opened the wrong chat: they look again.
    OTHER_PAIR = "other pair"
    #: Made by a newer program, which can read ours.
    NEWER_VERSION = "newer version"


@dataclass(frozen=True, slots=True)
class Named:
    """An account as somebody knows it. The address may be empty."""

    account_id: AccountId
    address: str = ""

    def encode(self) -> bytes:
        """Raises `EncodeError`."""
        address = self.address.encode()
        if len(address) > _MAX_ADDRESS:
            raise EncodeError(f"an address of {len(address)} bytes")
        return opaque(self.account_id, HASH_LENGTH) + encode_vector(address)

    @classmethod
    def read(cls, reader: Reader) -> Named:
        account_id, start = AccountId(reader.take(HASH_LENGTH)), reader.position
        try:
            return cls(account_id, reader.vector(_MAX_ADDRESS).decode())
        except UnicodeDecodeError:
            raise DecodeError("not UTF-8", start) from None

    def is_meant_by(self, other: Named) -> bool:
        """Whether both mean one person: by id, or by an address, which proves nothing."""
        return self.account_id == other.account_id or (bool(self.address) and self.address == other.address)


@dataclass(frozen=True, slots=True)
class SafetyCode:
    """What a QR code holds: decoded, and compared with nothing yet. `own` is whoever shows it."""

    own: Named
    peer: Named
    fingerprint: bytes

    @classmethod
    def decode(cls, data: bytes) -> SafetyCode:
        """Raises `DecodeError`."""
        reader = Reader(data)
        read_version(reader, "SafetyCode")
        code = cls(Named.read(reader), Named.read(reader), reader.take(HASH_LENGTH))
        reader.finish()
        return code

    def encode(self) -> bytes:
        """Raises `EncodeError`."""
        return encode_version() + self.own.encode() + self.peer.encode() + opaque(self.fingerprint, HASH_LENGTH)


@dataclass(frozen=True, slots=True)
class SafetyNumber:
    """The number of two accounts, the same on either side."""

    own_id: AccountId
    peer_id: AccountId
    value: bytes

    @property
    def digits(self) -> str:
        """`12345 67890 ...`: twelve groups of five."""
        groups = [self.value[start : start + 5] for start in range(0, 5 * _GROUPS, 5)]
        return " ".join([f"{int.from_bytes(group) % 100_000:05}" for group in groups])

    def code(self, *, own_address: str = "", peer_address: str = "") -> SafetyCode:
        """For a QR code, with the addresses that this side shows for both."""
        return SafetyCode(Named(self.own_id, own_address), Named(self.peer_id, peer_address), self.value[:HASH_LENGTH])


def safety_number(own: Account, peer: Account) -> SafetyNumber:
    """Raises `CallerError` for an account and itself."""
    if own.account_id == peer.account_id:
        raise CallerError("an account has no safety number with itself")
    parties = b"".join(sorted(map(_party, (own, peer))))
    value = hashlib.sha512(_SAFETY + parties).digest()
    for _ in range(_ROUNDS):
        value = hashlib.sha512(value + parties).digest()
    return SafetyNumber(own.account_id, peer.account_id, value)


def _party(account: Account) -> bytes:
    return opaque(account.account_id, HASH_LENGTH) + opaque(account.root_key, KEY_LENGTH)


def compare_safety_code(scanned: bytes, mine: SafetyCode) -> SafetyComparison:
    """What the peer's code says to this side, which would show `mine`. Raises `DecodeError`: it is no safety code."""
    try:
        theirs = SafetyCode.decode(scanned)
    except UnknownVersion as error:
        if error.version == 0:
            raise
        return SafetyComparison.NEWER_VERSION
    same_ids = theirs.own.account_id == mine.peer.account_id and theirs.peer.account_id == mine.own.account_id
    if same_ids and hmac.compare_digest(theirs.fingerprint, mine.fingerprint):
        return SafetyComparison.MATCH
    if theirs.own.is_meant_by(mine.peer) and theirs.peer.is_meant_by(mine.own):
        return SafetyComparison.MISMATCH
    return SafetyComparison.OTHER_PAIR
