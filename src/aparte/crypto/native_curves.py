"""Keys of the NIST curves, for ECDSA and DHKEM alike: big-endian scalars, uncompressed points."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from aparte.crypto.api import InvalidKey

__all__ = ["P256", "P384", "P521", "NistCurve"]

_UNCOMPRESSED: Final = 0x04


class NistCurve:
    """One curve. `scalar_length` is Nsk, `point_length` Npk, `bitmask` DeriveKeyPair's (RFC 9180 §7.1)."""

    __slots__ = ("_curve", "bitmask", "name", "order", "point_length", "scalar_length")

    def __init__(self, curve: ec.EllipticCurve, name: str, bitmask: int) -> None:
        self._curve = curve
        self.name = name
        self.bitmask = bitmask
        self.order = curve.group_order
        self.scalar_length = (curve.key_size + 7) // 8
        self.point_length = 1 + 2 * self.scalar_length

    def generate(self, rng: Callable[[int], bytes]) -> ec.EllipticCurvePrivateKey:
        """A uniform scalar, by rejection."""
        while True:
            octets = bytearray(rng(self.scalar_length))
            octets[0] &= self.bitmask
            scalar = int.from_bytes(octets)
            if 0 < scalar < self.order:
                return self.private_from_scalar(scalar)

    def generate_ephemeral(self) -> ec.EllipticCurvePrivateKey:
        """From OpenSSL's own generator: half the time of making a key from a given scalar."""
        return ec.generate_private_key(self._curve)

    def private_from_scalar(self, scalar: int) -> ec.EllipticCurvePrivateKey:
        """`scalar` is in range."""
        return ec.derive_private_key(scalar, self._curve)

    def load_private(self, private_key: bytes) -> ec.EllipticCurvePrivateKey:
        """A big-endian scalar; leading zeros may be missing, or one too many be there as in DER.

        Raises `InvalidKey`.
        """
        if len(private_key) > self.scalar_length + 1:
            raise InvalidKey(f"a private key of {self.name} has {self.scalar_length} bytes")
        scalar = int.from_bytes(private_key)
        if not 0 < scalar < self.order:
            raise InvalidKey(f"the private key is out of {self.name}'s range")
        return self.private_from_scalar(scalar)

    def encode_private(self, key: ec.EllipticCurvePrivateKey) -> bytes:
        """Big-endian, always `scalar_length` bytes."""
        return key.private_numbers().private_value.to_bytes(self.scalar_length)

    def load_public(self, public_key: bytes) -> ec.EllipticCurvePublicKey:
        """An uncompressed point; OpenSSL checks that it is on the curve. Raises `InvalidKey`."""
        if len(public_key) != self.point_length or public_key[0] != _UNCOMPRESSED:
            raise InvalidKey(f"a public key of {self.name} is an uncompressed point of {self.point_length} bytes")
        try:
            return ec.EllipticCurvePublicKey.from_encoded_point(self._curve, public_key)
        except ValueError:
            raise InvalidKey(f"the public key is no point of {self.name}") from None

    def encode_public(self, key: ec.EllipticCurvePublicKey) -> bytes:
        """The uncompressed point (SEC 1 §2.3.3)."""
        return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


P256: Final = NistCurve(ec.SECP256R1(), "P-256", 0xFF)
P384: Final = NistCurve(ec.SECP384R1(), "P-384", 0xFF)
P521: Final = NistCurve(ec.SECP521R1(), "P-521", 0x01)
