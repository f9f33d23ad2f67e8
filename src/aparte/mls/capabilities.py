"""Capabilities (RFC 9420 §7.2): what a client understands, and what it must not list."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from aparte.codec import Reader
from aparte.mls.credentials import CredentialType
from aparte.mls.extensions import (
    DEFAULT_EXTENSION_TYPES,
    DEFAULT_PROPOSAL_TYPES,
    ExtensionType,
    ProposalType,
    RequiredCapabilities,
    encode_u16_list,
    read_u16_list,
)

__all__ = ["MLS10", "Capabilities"]

#: ProtocolVersion mls10 (RFC 9420 §6).
MLS10: Final = 0x0001

#: Distinct capability lists kept parsed: a group's members mostly share a few. Public data only.
_INTERNED: Final = 256


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Five lists of numbers. Unknown numbers, GREASE among them, are kept and mean nothing."""

    versions: tuple[int, ...] = (MLS10,)
    cipher_suites: tuple[int, ...] = ()
    extensions: tuple[int, ...] = ()
    proposals: tuple[int, ...] = ()
    credentials: tuple[int, ...] = ()

    @classmethod
    def for_suites(cls, cipher_suites: tuple[int, ...]) -> Capabilities:
        """What this engine itself supports, by the caller's choice of suites, without GREASE (§13.5)."""
        return cls(
            cipher_suites=cipher_suites,
            extensions=(ExtensionType.LAST_RESORT,),
            proposals=(ProposalType.SELF_REMOVE,),
            credentials=(CredentialType.BASIC, CredentialType.X509),
        )

    @classmethod
    def read(cls, reader: Reader) -> Capabilities:
        start = reader.position
        for _ in range(5):
            reader.nested()
        return _interned(reader.since(start))

    def encode(self) -> bytes:
        lists = (self.versions, self.cipher_suites, self.extensions, self.proposals, self.credentials)
        return b"".join([encode_u16_list(values) for values in lists])

    def supports_extension(self, extension_type: int) -> bool:
        return extension_type in DEFAULT_EXTENSION_TYPES or extension_type in self.extensions

    def supports_proposal(self, proposal_type: int) -> bool:
        return proposal_type in DEFAULT_PROPOSAL_TYPES or proposal_type in self.proposals

    def satisfies(self, required: RequiredCapabilities) -> bool:
        """Whether all that a group requires is listed (§7.3)."""
        return (
            all(map(self.supports_extension, required.extension_types))
            and all(map(self.supports_proposal, required.proposal_types))
            and all(kind in self.credentials for kind in required.credential_types)
        )


@lru_cache(maxsize=_INTERNED)
def _interned(data: bytes) -> Capabilities:
    reader = Reader(data)
    return Capabilities(*(read_u16_list(reader) for _ in range(5)))
