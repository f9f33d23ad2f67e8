"""Extensions (RFC 9420 §7.2, §12.1.7, §13.4): a registry, and the unknown survives byte for byte."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from aparte.codec import DecodeError, Reader, encode_u16, encode_vector
from aparte.mls.credentials import Credential
from aparte.mls.errors import require

__all__ = [
    "DEFAULT_EXTENSION_TYPES",
    "DEFAULT_PROPOSAL_TYPES",
    "Extension",
    "ExtensionType",
    "Extensions",
    "ExternalSender",
    "ProposalType",
    "RequiredCapabilities",
]


class ExtensionType:
    """RFC 9420 §17.3; last_resort is draft-ietf-mls-extensions' original number, as deployed."""

    APPLICATION_ID: Final = 0x0001
    RATCHET_TREE: Final = 0x0002
    REQUIRED_CAPABILITIES: Final = 0x0003
    EXTERNAL_PUB: Final = 0x0004
    EXTERNAL_SENDERS: Final = 0x0005
    LAST_RESORT: Final = 0x000A


class ProposalType:
    """RFC 9420 §17.4; self_remove is draft-ietf-mls-extensions'."""

    ADD: Final = 0x0001
    UPDATE: Final = 0x0002
    REMOVE: Final = 0x0003
    PSK: Final = 0x0004
    REINIT: Final = 0x0005
    EXTERNAL_INIT: Final = 0x0006
    GROUP_CONTEXT_EXTENSIONS: Final = 0x0007
    SELF_REMOVE: Final = 0x000A


#: Supported by everybody and never listed in capabilities (§7.2).
DEFAULT_EXTENSION_TYPES: Final = frozenset(range(0x0001, 0x0006))
DEFAULT_PROPOSAL_TYPES: Final = frozenset(range(0x0001, 0x0008))


@dataclass(frozen=True, slots=True)
class Extension:
    """One extension; `data` is opaque here."""

    extension_type: int
    data: bytes

    def encode(self) -> bytes:
        return encode_u16(self.extension_type) + encode_vector(self.data)


@dataclass(frozen=True, slots=True)
class Extensions:
    """`Extension extensions<V>`, in order, at most one of a type (§13.4)."""

    items: tuple[Extension, ...] = ()

    def __post_init__(self) -> None:
        """Raises `PeerError` 13.4.5 on a doubled type."""
        unique = len(self.items) < 2 or len(self.types()) == len(self.items)
        require(unique, "13.4.5", "an extension type stands twice in a list")

    @classmethod
    def of(cls, items: Iterable[Extension]) -> Extensions:
        return cls(tuple(items))

    @classmethod
    def read(cls, reader: Reader) -> Extensions:
        """Raises `DecodeError`, and `PeerError` 13.4.5 on a doubled type."""
        inner = reader.nested()
        if not inner:
            return _NONE
        items = []
        while inner:
            items.append(Extension(inner.u16(), inner.vector()))
        return cls(tuple(items))

    @classmethod
    def decode(cls, data: bytes) -> Extensions:
        reader = Reader(data)
        found = cls.read(reader)
        reader.finish()
        return found

    def encode(self) -> bytes:
        return encode_vector(b"".join([item.encode() for item in self.items]))

    def get(self, extension_type: int) -> bytes | None:
        """The data of the extension of that type, if there is one."""
        for item in self.items:
            if item.extension_type == extension_type:
                return item.data
        return None

    def types(self) -> frozenset[int]:
        return frozenset(item.extension_type for item in self.items)

    def without(self, extension_type: int) -> Extensions:
        return Extensions(tuple(item for item in self.items if item.extension_type != extension_type))

    def with_extension(self, extension_type: int, data: bytes) -> Extensions:
        """The same list with one extension added, or replaced at the end."""
        return Extensions((*self.without(extension_type).items, Extension(extension_type, data)))

    def required_capabilities(self) -> RequiredCapabilities:
        """What the required_capabilities extension requires, each number once; nothing without one."""
        data = self.get(ExtensionType.REQUIRED_CAPABILITIES)
        return RequiredCapabilities() if data is None else _required(data)

    def external_senders(self) -> tuple[ExternalSender, ...]:
        """The external_senders extension's list (§12.1.8.1); empty without one."""
        data = self.get(ExtensionType.EXTERNAL_SENDERS)
        return () if data is None else ExternalSender.decode_list(data)


_NONE = Extensions()


def read_u16_list(reader: Reader) -> tuple[int, ...]:
    """`uint16 values<V>`."""
    at = reader.position
    data = reader.vector()
    count, beyond = divmod(len(data), 2)
    if beyond:
        raise DecodeError("a list of 16-bit numbers has half a number at its end", at)
    return struct.unpack(f">{count}H", data)


def encode_u16_list(values: Iterable[int]) -> bytes:
    return encode_vector(b"".join([encode_u16(value) for value in values]))


@dataclass(frozen=True, slots=True)
class RequiredCapabilities:
    """RFC 9420 §11.1."""

    extension_types: tuple[int, ...] = ()
    proposal_types: tuple[int, ...] = ()
    credential_types: tuple[int, ...] = ()

    @classmethod
    def decode(cls, data: bytes) -> RequiredCapabilities:
        reader = Reader(data)
        found = cls(read_u16_list(reader), read_u16_list(reader), read_u16_list(reader))
        reader.finish()
        return found

    def encode(self) -> bytes:
        return b"".join(
            [encode_u16_list(v) for v in (self.extension_types, self.proposal_types, self.credential_types)]
        )


#: All 16-bit numbers in each of three lists, and their headers: what is longer repeats itself.
_LONGEST: Final = 3 * (2 * 0x10000 + 4)


@lru_cache(maxsize=1)
def _required(data: bytes) -> RequiredCapabilities:
    """Asked for each leaf of a group in turn: a long list must not be read a thousand times."""
    if len(data) > _LONGEST:
        raise DecodeError("required capabilities that repeat themselves")
    found = RequiredCapabilities.decode(data)
    lists = (found.extension_types, found.proposal_types, found.credential_types)
    return RequiredCapabilities(*(tuple(dict.fromkeys(numbers)) for numbers in lists))


@dataclass(frozen=True, slots=True)
class ExternalSender:
    """Somebody outside who may propose (RFC 9420 §12.1.8.1)."""

    signature_key: bytes
    credential: Credential

    def encode(self) -> bytes:
        return encode_vector(self.signature_key) + self.credential.encode()

    @classmethod
    def decode_list(cls, data: bytes) -> tuple[ExternalSender, ...]:
        reader = Reader(data)
        inner = reader.nested()
        reader.finish()
        senders = []
        while inner:
            senders.append(cls(inner.vector(), Credential.read(inner)))
        return tuple(senders)

    @staticmethod
    def encode_list(senders: Iterable[ExternalSender]) -> bytes:
        return encode_vector(b"".join([sender.encode() for sender in senders]))
