"""KeyPackage (RFC 9420 §10): what a client publishes so that others can add it while it is away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from aparte.codec import Reader, encode_u16, encode_vector
from aparte.crypto import KemPrivateKey, Signer, Suite
from aparte.crypto.labeled import labeled_context, ref_hash, sign_with_label
from aparte.mls.capabilities import MLS10, Capabilities
from aparte.mls.credentials import Credential
from aparte.mls.extensions import Extensions, ExtensionType
from aparte.mls.grease import grease_capabilities
from aparte.mls.leaf_node import LeafNode, LeafNodeContent, Lifetime

__all__ = ["KeyPackage", "KeyPackageSecrets", "create_key_package", "sign_key_package"]

_REFERENCE_LABEL: Final = b"MLS 1.0 KeyPackage Reference"


@dataclass(frozen=True, slots=True, eq=False)
class KeyPackage:
    """A decoded key package with the bytes that it came from. Nothing of it has been verified."""

    raw: bytes
    version: int
    cipher_suite: int
    init_key: bytes
    leaf_node: LeafNode
    extensions: Extensions
    signature: bytes
    tbs_length: int

    @classmethod
    def read(cls, reader: Reader) -> KeyPackage:
        start = reader.position
        version, cipher_suite, init_key = reader.u16(), reader.u16(), reader.vector()
        leaf_node, extensions = LeafNode.read(reader), Extensions.read(reader)
        tbs_length = reader.position - start
        signature = reader.vector()
        return cls(reader.since(start), version, cipher_suite, init_key, leaf_node, extensions, signature, tbs_length)

    @classmethod
    def decode(cls, data: bytes) -> KeyPackage:
        reader = Reader(data)
        package = cls.read(reader)
        reader.finish()
        return package

    def encode(self) -> bytes:
        return self.raw

    @property
    def is_last_resort(self) -> bool:
        """Whether the owner marked it for use by several groups."""
        return ExtensionType.LAST_RESORT in self.extensions.types()

    def reference(self, suite: Suite) -> bytes:
        """KeyPackageRef (§5.2): how a Welcome names it."""
        return ref_hash(suite, _REFERENCE_LABEL, self.raw)

    def signed_content(self) -> bytes:
        """What the signature covers, with SignWithLabel's framing."""
        return labeled_context(b"KeyPackageTBS", self.raw[: self.tbs_length])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, KeyPackage) and self.raw == other.raw

    def __hash__(self) -> int:
        return hash(self.raw)


@dataclass(frozen=True, slots=True, repr=False)
class KeyPackageSecrets:
    """A key package and the three private keys behind it; stays with the client that made it (see `state`)."""

    key_package: KeyPackage
    init_key: KemPrivateKey
    encryption_key: KemPrivateKey
    signer: Signer


def sign_key_package(
    suite: Suite,
    leaf: LeafNodeContent,
    *,
    signer: Signer,
    encryption_key: KemPrivateKey,
    lifetime: Lifetime,
    extensions: Extensions = Extensions(),
) -> KeyPackageSecrets:
    """Sign a new key package. Its init key is fresh, so that no two packages share one (§10).

    `leaf.encryption_key` must be `encryption_key`'s public half and `leaf.signature_key` the signer's.
    """
    init_key = suite.generate_kem_key()
    tbs = b"".join(
        (
            encode_u16(MLS10),
            encode_u16(suite.parameters.number),
            encode_vector(init_key.public_key),
            leaf.sign_for_key_package(signer, lifetime).encode(),
            extensions.encode(),
        )
    )
    signature = sign_with_label(signer, b"KeyPackageTBS", tbs)
    package = KeyPackage.decode(tbs + encode_vector(signature))
    return KeyPackageSecrets(package, init_key, encryption_key, signer)


def create_key_package(
    suite: Suite,
    credential: Credential,
    *,
    lifetime: Lifetime,
    capabilities: Capabilities | None = None,
    signer: Signer | None = None,
    leaf_extensions: Extensions = Extensions(),
    last_resort: bool = False,
    grease: bool = True,
) -> KeyPackageSecrets:
    """A key package with fresh keys; also what a group's creator and an external joiner start from.

    `capabilities` are what this client supports, without GREASE: by default this suite alone and all that
    the package knows. `signer` is fresh too unless given. Extensions in the leaf must be among the capabilities.
    """
    signer = signer or suite.generate_signer()
    encryption_key = suite.generate_kem_key()
    own = capabilities or Capabilities.for_suites((suite.parameters.number,))
    own = grease_capabilities(suite, own) if grease else own
    leaf = LeafNodeContent(encryption_key.public_key, signer.public_key, credential, own, leaf_extensions)
    marks = Extensions().with_extension(ExtensionType.LAST_RESORT, b"") if last_resort else Extensions()
    return sign_key_package(
        suite, leaf, signer=signer, encryption_key=encryption_key, lifetime=lifetime, extensions=marks
    )
