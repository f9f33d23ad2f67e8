"""A suite that works like the one it wraps and writes down each primitive that it was asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from aparte.crypto import KemPrivateKey, Signer, Suite
from aparte.crypto.suites import CipherSuite

__all__ = ["CountingSigner", "CountingSuite", "Primitive"]


class Primitive(NamedTuple):
    """An operation of `Suite` and the lengths, in bytes, that its cost depends on."""

    name: str
    sizes: tuple[int, ...] = ()


class CountingSigner:
    """A signer that counts."""

    def __init__(self, inner: Signer, suite: CountingSuite) -> None:
        self._inner = inner
        self._suite = suite

    @property
    def public_key(self) -> bytes:
        return self._inner.public_key

    @property
    def private_key(self) -> bytes:
        return self._inner.private_key

    def sign(self, message: bytes) -> bytes:
        self._suite.note("sign", len(message))
        return self._inner.sign(message)


class CountingSuite:
    """A `Suite`. Lengths are rounded to `grain` bytes, so that a bulk operation has a short list.

    HKDF is counted as the HMACs that it takes. HPKE, and verifying in bulk, as n single operations, but where many
    are sealed to with the same `info`, its hash (RFC 9180 §5.1) is needed once.
    """

    def __init__(self, inner: Suite, *, grain: int = 1) -> None:
        self._inner = inner
        self._grain = grain
        self.counts: Counter[Primitive] = Counter()
        unknown = {name for name in dir(inner) if not name.startswith("_")} - set(dir(self))
        unknown -= {"parameters"}
        if unknown:
            raise NotImplementedError(f"primitives that nobody counts: {', '.join(sorted(unknown))}")

    def note(self, name: str, *sizes: int, times: int = 1) -> None:
        grain = self._grain
        rounded = tuple(size if size <= 64 else (size + grain // 2) // grain * grain for size in sizes)
        self.counts[Primitive(name, rounded)] += times

    def taken(self) -> Counter[Primitive]:
        """What was counted since the last call."""
        counts, self.counts = self.counts, Counter()
        return counts

    def counted(self, signer: Signer) -> Signer:
        return signer if isinstance(signer, CountingSigner) else CountingSigner(signer, self)

    @property
    def parameters(self) -> CipherSuite:
        return self._inner.parameters

    def random(self, length: int) -> bytes:
        self.note("random", length)
        return self._inner.random(length)

    # -- hash, MAC, KDF ------------------------------------------------------------------------------------
    def hash(self, data: bytes) -> bytes:
        self.note("hash", len(data))
        return self._inner.hash(data)

    def mac(self, key: bytes, data: bytes) -> bytes:
        self.note("mac", len(data))
        return self._inner.mac(key, data)

    def macs(self, key: bytes, *messages: bytes) -> list[bytes]:
        for message in messages:
            self.note("mac", len(message))
        return self._inner.macs(key, *messages)

    def extract(self, salt: bytes, ikm: bytes) -> bytes:
        self.note("mac", len(ikm))
        return self._inner.extract(salt, ikm)

    def expand(self, prk: bytes, info: bytes, length: int) -> bytes:
        self.note("mac", len(info) + 1, times=-(-length // self.parameters.hash_length))
        return self._inner.expand(prk, info, length)

    # -- AEAD ----------------------------------------------------------------------------------------------
    def seal(self, key: bytes, nonce: bytes, aad: bytes, plaintext: bytes) -> bytes:
        self.note("seal", len(aad), len(plaintext))
        return self._inner.seal(key, nonce, aad, plaintext)

    def open(self, key: bytes, nonce: bytes, aad: bytes, ciphertext: bytes) -> bytes:
        self.note("open", len(aad), len(ciphertext) - self.parameters.tag_length)
        return self._inner.open(key, nonce, aad, ciphertext)

    # -- signatures ----------------------------------------------------------------------------------------
    def generate_signer(self) -> Signer:
        self.note("generate signer")
        return self.counted(self._inner.generate_signer())

    def load_signer(self, private_key: bytes) -> Signer:
        self.note("load signer")
        return self.counted(self._inner.load_signer(private_key))

    def check_signature_key(self, public_key: bytes) -> None:
        self.note("check signature key")
        self._inner.check_signature_key(public_key)

    def verify(self, public_key: bytes, message: bytes, signature: bytes) -> None:
        self.note("verify", len(message))
        self._inner.verify(public_key, message, signature)

    def verify_many(self, items: Sequence[tuple[bytes, bytes, bytes]]) -> None:
        for _, message, _ in items:
            self.note("verify", len(message))
        self._inner.verify_many(items)

    # -- HPKE ----------------------------------------------------------------------------------------------
    def generate_kem_key(self) -> KemPrivateKey:
        self.note("generate KEM key")
        return self._inner.generate_kem_key()

    def derive_kem_key(self, ikm: bytes) -> KemPrivateKey:
        self.note("derive KEM key")
        return self._inner.derive_kem_key(ikm)

    def load_kem_key(self, private_key: bytes) -> KemPrivateKey:
        self.note("load KEM key")
        return self._inner.load_kem_key(private_key)

    def check_kem_public_key(self, public_key: bytes) -> None:
        self.note("check KEM key")
        self._inner.check_kem_public_key(public_key)

    def hpke_seal(self, public_key: bytes, info: bytes, aad: bytes, plaintext: bytes) -> tuple[bytes, bytes]:
        self.note("HPKE seal", len(info), len(aad), len(plaintext))
        return self._inner.hpke_seal(public_key, info, aad, plaintext)

    def hpke_seal_many(self, items: Sequence[tuple[bytes, bytes, bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        hashed = set()
        for _, info, aad, plaintext in items:
            if info in hashed:
                self.note("HPKE seal, same info", len(aad), len(plaintext))
            else:
                self.note("HPKE seal", len(info), len(aad), len(plaintext))
                hashed.add(info)
        return self._inner.hpke_seal_many(items)

    def hpke_open(
        self, private_key: KemPrivateKey, kem_output: bytes, info: bytes, aad: bytes, ciphertext: bytes
    ) -> bytes:
        self.note("HPKE open", len(info), len(aad), len(ciphertext) - self.parameters.tag_length)
        return self._inner.hpke_open(private_key, kem_output, info, aad, ciphertext)

    def hpke_export_to(
        self, public_key: bytes, info: bytes, exporter_context: bytes, length: int
    ) -> tuple[bytes, bytes]:
        raise NotImplementedError("no operation measured here exports from HPKE")

    def hpke_export_from(
        self, private_key: KemPrivateKey, kem_output: bytes, info: bytes, exporter_context: bytes, length: int
    ) -> bytes:
        raise NotImplementedError("no operation measured here exports from HPKE")
