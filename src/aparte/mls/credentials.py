"""Credentials (RFC 9420 §5.3). What one *means* is the application's business: see `Config.authenticate`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from aparte.codec import DecodeError, Reader, encode_u16, encode_vector

__all__ = ["Credential", "CredentialType"]


class CredentialType:
    """RFC 9420 §17.5."""

    BASIC: Final = 0x0001
    X509: Final = 0x0002


@dataclass(frozen=True, slots=True)
class Credential:
    """A credential of any type. `content` is the identity (basic), or the encoded body as it came."""

    credential_type: int
    content: bytes

    @classmethod
    def basic(cls, identity: bytes) -> Credential:
        return cls(CredentialType.BASIC, identity)

    @classmethod
    def x509(cls, chain: tuple[bytes, ...]) -> Credential:
        """From DER certificates, end entity first."""
        return cls(CredentialType.X509, b"".join([encode_vector(certificate) for certificate in chain]))

    @property
    def identity(self) -> bytes:
        """The identity of a basic credential; raises `ValueError` for others."""
        if self.credential_type != CredentialType.BASIC:
            raise ValueError("only a basic credential has an identity")
        return self.content

    @property
    def certificates(self) -> tuple[bytes, ...]:
        """The DER chain of an X.509 credential; raises `ValueError` for others."""
        if self.credential_type != CredentialType.X509:
            raise ValueError("only an X.509 credential has certificates")
        return _certificates(self.content)

    @classmethod
    def read(cls, reader: Reader) -> Credential:
        """Basic and X.509 are decoded. A type unknown here is taken as one vector, which is how RFC 9420
        encodes both of its own and the only way in which a stranger's can be skipped."""
        credential_type = reader.u16()
        start = reader.position
        content = reader.vector()
        if credential_type == CredentialType.X509:
            try:
                _certificates(content)
            except DecodeError as error:
                raise DecodeError(error.problem, start) from error
        return cls(credential_type, content)

    def encode(self) -> bytes:
        return encode_u16(self.credential_type) + encode_vector(self.content)


def _certificates(content: bytes) -> tuple[bytes, ...]:
    reader = Reader(content)
    chain = []
    while reader:
        chain.append(reader.vector())
    return tuple(chain)
