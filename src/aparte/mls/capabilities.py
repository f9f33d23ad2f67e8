"""Capabilities (RFC 9420 §7.2): what a client understands, and what it must not list."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from aparte.codec import Reader
from aparte.mls.credentials import CredentialType
from aparte.mls.errors import CallerError
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

#: Distinct capability lists kept parsed: a group's members mostly share a few. Public data only, and short:
#: what a stranger sends must not stay in memory by the megabyte.
_INTERNED: Final = 256
_INTERNED_BYTES: Final = 1024


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
        data = reader.since(start)
        return _interned(data) if len(data) <= _INTERNED_BYTES else _parse(data)

    def encode(self) -> bytes:
        lists = (self.versions, self.cipher_suites, self.extensions, self.proposals, self.credentials)
        return b"".join([encode_u16_list(values) for values in lists])

    def supports_extensions(self, extension_types: frozenset[int]) -> bool:
        """Whether all of them are understood; in linear time, because both lists may be a stranger's."""
        unusual = extension_types - DEFAULT_EXTENSION_TYPES
        return not unusual or unusual.issubset(self.extensions)

    def require_listable(self) -> None:
        """Raise `CallerError` if a default type is listed, which no client may do (rule 7.2.1)."""
        defaults = not DEFAULT_EXTENSION_TYPES.isdisjoint(self.extensions)
        if defaults or not DEFAULT_PROPOSAL_TYPES.isdisjoint(self.proposals):
            raise CallerError("default extension and proposal types are not listed in capabilities")

    def satisfies(self, required: RequiredCapabilities) -> bool:
        """Whether all that a group requires is listed (§7.3)."""
        return (
            self.supports_extensions(frozenset(required.extension_types))
            and (frozenset(required.proposal_types) - DEFAULT_PROPOSAL_TYPES).issubset(self.proposals)
            and frozenset(required.credential_types).issubset(self.credentials)
        )


def _parse(data: bytes) -> Capabilities:
    reader = Reader(data)
    return Capabilities(*(read_u16_list(reader) for _ in range(5)))


_interned = lru_cache(maxsize=_INTERNED)(_parse)
