"""Each primitive as a direct call into a C library, keys and inputs ready: cryptography, PyNaCl, hashlib, hmac.

A primitive is either `candidates` (calls of which the fastest counts), or `parts` (other primitives whose sum
counts), or both (the cheaper counts), or neither: then no C call is needed and it is free.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections import Counter
from collections.abc import Callable

from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric import ed25519, mlkem, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from nacl import bindings as sodium

from aparte.crypto.suites import Aead, CipherSuite, Hash, Kem, SignatureScheme
from benchmarks.mls.counting import Primitive

__all__ = ["Call", "Candidates", "DirectCalls"]

Call = Callable[[], object]
#: By the library's name.
Candidates = dict[str, Call]

_INNER, _OUTER = (bytes(byte ^ pad for byte in range(256)) for pad in (0x36, 0x5C))
#: What the HMACs of one HPKE use read: secret, key and base_nonce (RFC 9180 §5.1), psk_id_hash being a constant
#: and info_hash counted apart; and DHKEM's eae_prk and shared_secret (§4.1).
_SCHEDULE_LENGTHS = (23, 88, 95)
_DHKEM_LENGTHS = (51, 92)


class DirectCalls:
    """For a suite of SHA-256 and Ed25519, with X25519 or X-Wing."""

    def __init__(self, suite: CipherSuite) -> None:
        if suite.hash is not Hash.SHA256 or suite.signature is not SignatureScheme.ED25519:
            raise NotImplementedError(f"no floor for {suite.name}")
        self.suite = suite
        self.xwing = suite.kem is Kem.XWING
        self._seed = os.urandom(32)

    # -- what is called ------------------------------------------------------------------------------------
    def candidates(self, primitive: Primitive) -> Candidates:
        name, sizes = primitive
        makers: dict[str, Callable[..., Candidates]] = {
            "random": lambda n: {"os.urandom": lambda: os.urandom(n)},
            "hash": self._hash,
            "mac": self._mac,
            "seal": self._seal,
            "open": self._open,
            "sign": self._sign,
            "verify": self._verify,
            "generate signer": self._signer,
            "load signer": self._signer,
            "HPKE seal": lambda info, _aad, plain: self._hpke(info, plain)[0],
            "HPKE open": lambda info, _aad, plain: self._hpke(info, plain)[1],
            "X25519 base": self._x25519_base,
            "X25519": self._x25519,
            "SHAKE-256": lambda n: {"hashlib": lambda: hashlib.shake_256(self._seed).digest(n)},
            "SHA3-256": self._sha3,
        }
        if name in makers:
            return makers[name](*sizes)
        if self.xwing and (name.startswith("ML-KEM-768") or name == "check KEM key"):
            return self._mlkem(name)
        return {}

    def _hash(self, length: int) -> Candidates:
        data = os.urandom(length)
        return {"hashlib": lambda: hashlib.sha256(data).digest()}

    def _sha3(self, length: int) -> Candidates:
        data = os.urandom(length)
        return {"hashlib": lambda: hashlib.sha3_256(data).digest()}

    def _mac(self, length: int) -> Candidates:
        key, data, sha256 = os.urandom(32), os.urandom(length), hashlib.sha256
        block = key.ljust(64, b"\x00")
        inner, outer = block.translate(_INNER) + data, block.translate(_OUTER)
        return {
            "hmac.digest": lambda: hmac.digest(key, data, "sha256"),
            "hashlib twice, pads ready": lambda: sha256(outer + sha256(inner).digest()).digest(),
        }

    def _aeads(self) -> tuple[Callable[..., bytes], Callable[..., bytes], bool]:
        if self.suite.aead is Aead.CHACHA20_POLY1305:
            kept: AESGCM | ChaCha20Poly1305 = ChaCha20Poly1305(os.urandom(32))
            return kept.encrypt, kept.decrypt, True
        kept = AESGCM(os.urandom(self.suite.key_length))
        return kept.encrypt, kept.decrypt, False

    def _seal(self, aad_length: int, length: int) -> Candidates:
        encrypt, _, chacha = self._aeads()
        nonce, aad, data = os.urandom(12), os.urandom(aad_length), os.urandom(length)
        found: Candidates = {"cryptography, key kept": lambda: encrypt(nonce, data, aad)}
        if chacha:
            seal, key = sodium.crypto_aead_chacha20poly1305_ietf_encrypt, os.urandom(32)
            found["libsodium"] = lambda: seal(data, aad, nonce, key)
        return found

    def _open(self, aad_length: int, length: int) -> Candidates:
        encrypt, decrypt, chacha = self._aeads()
        nonce, aad, data = os.urandom(12), os.urandom(aad_length), os.urandom(length)
        sealed = encrypt(nonce, data, aad)
        found: Candidates = {"cryptography, key kept": lambda: decrypt(nonce, sealed, aad)}
        if chacha:
            key = os.urandom(32)
            other = sodium.crypto_aead_chacha20poly1305_ietf_encrypt(data, aad, nonce, key)
            found["libsodium"] = lambda: sodium.crypto_aead_chacha20poly1305_ietf_decrypt(other, aad, nonce, key)
        return found

    def _sign(self, length: int) -> Candidates:
        data = os.urandom(length)
        _, secret = sodium.crypto_sign_seed_keypair(self._seed)
        kept = ed25519.Ed25519PrivateKey.from_private_bytes(self._seed)
        return {
            "libsodium": lambda: sodium.crypto_sign(data, secret),
            "cryptography, key kept": lambda: kept.sign(data),
        }

    def _verify(self, length: int) -> Candidates:
        data = os.urandom(length)
        public, secret = sodium.crypto_sign_seed_keypair(self._seed)
        signed = sodium.crypto_sign(data, secret)
        kept, signature = ed25519.Ed25519PublicKey.from_public_bytes(public), signed[:64]
        return {
            "libsodium": lambda: sodium.crypto_sign_open(signed, public),
            "cryptography, key kept": lambda: kept.verify(signature, data),
        }

    def _signer(self) -> Candidates:
        return {
            "libsodium": lambda: sodium.crypto_sign_seed_keypair(self._seed),
            "cryptography": lambda: ed25519.Ed25519PrivateKey.from_private_bytes(self._seed),
        }

    def _x25519_base(self) -> Candidates:
        return {
            "libsodium": lambda: sodium.crypto_scalarmult_base(self._seed),
            "cryptography": lambda: x25519.X25519PrivateKey.from_private_bytes(self._seed),
        }

    def _x25519(self) -> Candidates:
        point = sodium.crypto_scalarmult_base(os.urandom(32))
        kept, peer = (
            x25519.X25519PrivateKey.from_private_bytes(self._seed),
            x25519.X25519PublicKey.from_public_bytes(point),
        )
        return {
            "libsodium": lambda: sodium.crypto_scalarmult(self._seed, point),
            "cryptography, keys kept": lambda: kept.exchange(peer),
        }

    def _mlkem(self, name: str) -> Candidates:
        seed = self._seed * 2
        private = mlkem.MLKEM768PrivateKey.from_seed_bytes(seed)
        public = private.public_key()
        octets, (_, ciphertext) = public.public_bytes_raw(), public.encapsulate()
        calls: Candidates = {
            "ML-KEM-768 key": lambda: mlkem.MLKEM768PrivateKey.from_seed_bytes(seed),
            "ML-KEM-768 encapsulate": public.encapsulate,
            "ML-KEM-768 decapsulate": lambda: private.decapsulate(ciphertext),
            "check KEM key": lambda: mlkem.MLKEM768PublicKey.from_public_bytes(octets),
        }
        return {"cryptography": calls[name]}

    def _hpke(self, info_length: int, length: int) -> tuple[Candidates, Candidates]:
        """cryptography's own HPKE, to seal and to open."""
        aes = self.suite.aead is Aead.AES_128_GCM
        suite = hpke.Suite(
            hpke.KEM.MLKEM768_X25519 if self.xwing else hpke.KEM.X25519,
            hpke.KDF.HKDF_SHA256,
            hpke.AEAD.AES_128_GCM if aes else hpke.AEAD.CHACHA20_POLY1305,
        )
        curve = x25519.X25519PrivateKey.generate()
        both = hpke.MLKEM768X25519PrivateKey(mlkem.MLKEM768PrivateKey.generate(), curve)
        private = both if self.xwing else curve
        public, info, data = private.public_key(), os.urandom(info_length), os.urandom(length)
        sealed = suite.encrypt(data, public, info)
        label = "cryptography's HPKE, key kept"
        return {label: lambda: suite.encrypt(data, public, info)}, {label: lambda: suite.decrypt(sealed, private, info)}

    # -- what is added up ----------------------------------------------------------------------------------
    def parts(self, primitive: Primitive) -> Counter[Primitive]:
        """The primitives that make up this one; empty if none do."""
        name, sizes = primitive
        match name:
            case "generate KEM key":
                return Counter([Primitive("random", (32,))]) + self._fresh_key()
            case "derive KEM key" if self.xwing:
                return self._fresh_key() + Counter([Primitive("SHAKE-256", (32,))])
            case "derive KEM key":
                return self._fresh_key() + Counter([Primitive("mac", (51,)), Primitive("mac", (17,))])
            case "HPKE seal":
                return self.parts(Primitive("HPKE seal, same info", sizes[1:])) + self._info_hash(sizes[0])
            case "HPKE seal, same info":
                return self._schedule() + self._encapsulate() + Counter([Primitive("seal", sizes)])
            case "HPKE open":
                opening = self._decapsulate() + Counter([Primitive("open", sizes[1:])])
                return self._schedule() + opening + self._info_hash(sizes[0])
            case _:
                return Counter()

    def _fresh_key(self) -> Counter[Primitive]:
        base = Primitive("X25519 base")
        if not self.xwing:
            return Counter([base])
        return Counter([base, Primitive("SHAKE-256", (96,)), Primitive("ML-KEM-768 key")])

    def _info_hash(self, info: int) -> Counter[Primitive]:
        return Counter([Primitive("mac", (26 + info,))])

    def _schedule(self) -> Counter[Primitive]:
        return Counter(Primitive("mac", (length,)) for length in _SCHEDULE_LENGTHS)

    def _encapsulate(self) -> Counter[Primitive]:
        curve = [Primitive("random", (32,)), Primitive("X25519 base"), Primitive("X25519")]
        return Counter(curve) + self._shared_secret("ML-KEM-768 encapsulate")

    def _decapsulate(self) -> Counter[Primitive]:
        return Counter([Primitive("X25519")]) + self._shared_secret("ML-KEM-768 decapsulate")

    def _shared_secret(self, mlkem_step: str) -> Counter[Primitive]:
        if self.xwing:
            return Counter([Primitive(mlkem_step), Primitive("SHA3-256", (134,))])
        return Counter(Primitive("mac", (length,)) for length in _DHKEM_LENGTHS)
