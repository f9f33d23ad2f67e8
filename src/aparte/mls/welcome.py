"""Welcome and GroupSecrets on the wire (RFC 9420 §12.4.3.1), and how the two are sealed and opened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from aparte.codec import DecodeError, Reader, encode_optional, encode_u16, encode_vector
from aparte.crypto import KemPrivateKey, OpenError, Suite
from aparte.crypto.labeled import decrypt_with_label, labeled_context
from aparte.mls.errors import PeerError
from aparte.mls.group_info import GroupInfo
from aparte.mls.key_package import KeyPackage
from aparte.mls.key_schedule import WelcomeKeys
from aparte.mls.psk import PreSharedKeyId

#: As many as a commit has proposals.
_MAX_JOINERS: Final = 1 << 16

__all__ = ["EncryptedGroupSecrets", "GroupSecrets", "Welcome", "seal_group_secrets"]


@dataclass(frozen=True, slots=True, repr=False)
class GroupSecrets:
    """What each joiner gets for itself; the path secret only if the commit had a path."""

    joiner_secret: bytes
    path_secret: bytes | None
    psks: tuple[PreSharedKeyId, ...]

    @classmethod
    def decode(cls, data: bytes) -> GroupSecrets:
        reader = Reader(data)
        joiner = reader.vector()
        path_secret = reader.vector() if reader.optional() else None
        inner = reader.nested()
        reader.finish()
        psks = []
        while inner:
            psks.append(PreSharedKeyId.read(inner))
        return cls(joiner, path_secret, tuple(psks))

    def encode(self) -> bytes:
        path_secret = None if self.path_secret is None else encode_vector(self.path_secret)
        psks = encode_vector(b"".join([psk.encode() for psk in self.psks]))
        return encode_vector(self.joiner_secret) + encode_optional(path_secret) + psks


@dataclass(frozen=True, slots=True)
class EncryptedGroupSecrets:
    """For the joiner whose key package has this reference."""

    new_member: bytes
    kem_output: bytes
    ciphertext: bytes

    def encode(self) -> bytes:
        return b"".join([encode_vector(data) for data in (self.new_member, self.kem_output, self.ciphertext)])


@dataclass(frozen=True, slots=True)
class Welcome:
    cipher_suite: int
    secrets: tuple[EncryptedGroupSecrets, ...]
    encrypted_group_info: bytes

    @classmethod
    def read(cls, reader: Reader) -> Welcome:
        cipher_suite, inner = reader.u16(), reader.nested()
        secrets: list[EncryptedGroupSecrets] = []
        while inner:
            if len(secrets) == _MAX_JOINERS:
                raise DecodeError("a Welcome for more joiners than a commit can add", inner.position)
            secrets.append(EncryptedGroupSecrets(inner.vector(), inner.vector(), inner.vector()))
        return cls(cipher_suite, tuple(secrets), reader.vector())

    @classmethod
    def decode(cls, data: bytes) -> Welcome:
        reader = Reader(data)
        welcome = cls.read(reader)
        reader.finish()
        return welcome

    def encode(self) -> bytes:
        secrets = b"".join([secret.encode() for secret in self.secrets])
        return encode_u16(self.cipher_suite) + encode_vector(secrets) + encode_vector(self.encrypted_group_info)

    def by_reference(self) -> dict[bytes, EncryptedGroupSecrets]:
        """The entries by key package reference; of two for one, the first."""
        return {secret.new_member: secret for secret in reversed(self.secrets)}

    def addressed_to(self, reference: bytes) -> EncryptedGroupSecrets | None:
        """The entry for a key package reference."""
        return self.by_reference().get(reference)

    def open_secrets(self, suite: Suite, entry: EncryptedGroupSecrets, init_key: KemPrivateKey) -> GroupSecrets:
        """Raises `PeerError` 12.4.3.1/secrets, or `DecodeError`."""
        sealed = (entry.kem_output, entry.ciphertext)
        try:
            plaintext = decrypt_with_label(suite, init_key, b"Welcome", self.encrypted_group_info, sealed)
        except OpenError as error:
            raise PeerError("12.4.3.1/secrets", "the group secrets do not open") from error
        return GroupSecrets.decode(plaintext)

    def open_group_info(self, suite: Suite, keys: WelcomeKeys) -> GroupInfo:
        """Raises `PeerError` 12.4.3.1/group-info, or `DecodeError`."""
        try:
            plaintext = suite.open(keys.key, keys.nonce, b"", self.encrypted_group_info)
        except OpenError as error:
            raise PeerError("12.4.3.1/group-info", "the group info does not open") from error
        return GroupInfo.decode(plaintext)


def seal_group_secrets(
    suite: Suite, joiners: Sequence[tuple[KeyPackage, GroupSecrets]], encrypted_group_info: bytes
) -> tuple[EncryptedGroupSecrets, ...]:
    """One entry per joiner, in order."""
    context = labeled_context(b"Welcome", encrypted_group_info)
    encoded: dict[int, bytes] = {}
    items = []
    for package, secrets in joiners:
        plaintext = encoded.get(id(secrets))
        if plaintext is None:
            plaintext = encoded[id(secrets)] = secrets.encode()
        items.append((package.init_key, context, b"", plaintext))
    sealed = suite.hpke_seal_many(items)
    return tuple(
        EncryptedGroupSecrets(package.reference(suite), kem_output, ciphertext)
        for (package, _), (kem_output, ciphertext) in zip(joiners, sealed, strict=True)
    )
