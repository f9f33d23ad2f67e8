"""What each library needs for each primitive, keys loaded as `aparte.crypto` has to load them.

    python -m benchmarks.crypto_primitives

Prints CPU times in µs, medians. `*` marks what `aparte.crypto.native` takes, `=` its own call, all told. Then
the wall time of bulk work, on one thread and cut in slices.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import statistics
import time
from collections.abc import Callable

from cryptography.hazmat.primitives import hashes, hpke
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mlkem, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from nacl import bindings as sodium

from aparte.crypto import KemPrivateKey, sealed_size
from aparte.crypto.native import NativeProvider, NativeSuite
from aparte.crypto.native_curves import P256, P384, P521, NistCurve
from aparte.crypto.parallel import map_slices
from aparte.crypto.sealing import Opener, Sealer

Call = Callable[[], object]
Table = dict[str, dict[str, Call]]

PROVIDER = NativeProvider()
SEED, KEY, NONCE, AAD = os.urandom(32), os.urandom(32), os.urandom(12), os.urandom(40)
SHORT, INFO, KIBIBYTE, MESSAGE = os.urandom(60), os.urandom(200), os.urandom(1024), os.urandom(1100)
MEBIBYTE = os.urandom(1 << 20)


def cpu_micros(call: Call, *, rounds: int = 11, seconds: float = 0.02) -> float:
    """Median CPU time of a call over several rounds of about so many seconds."""
    start = time.process_time()
    call()
    repeat = max(3, int(seconds / max(time.process_time() - start, 1e-6)))
    times = []
    for _ in range(rounds):
        start = time.process_time()
        for _ in range(repeat):
            call()
        times.append((time.process_time() - start) / repeat)
    return statistics.median(times) * 1e6


def hashing() -> Table:
    """Hash, HMAC, HKDF: short inputs."""
    suite = PROVIDER.suite(1)
    return {
        "SHA-256 of 60 B": {
            "*hashlib": lambda: hashlib.sha256(SHORT).digest(),
            "=": lambda: suite.hash(SHORT),
        },
        "HMAC-SHA-256 of 60 B": {
            "*hashlib twice": lambda: suite.mac(KEY, SHORT),
            "hmac.digest": lambda: hmac.digest(KEY, SHORT, "sha256"),
        },
        "HKDF-Expand to 32 B": {
            "*hashlib twice": lambda: suite.expand(KEY, SHORT, 32),
            "hmac.digest": lambda: hmac.digest(KEY, SHORT + b"\x01", "sha256"),
            "cryptography": lambda: HKDFExpand(hashes.SHA256(), 32, SHORT).derive(KEY),
        },
    }


def aeads() -> Table:
    """1 KiB under a key that is used once."""
    aes, chacha = PROVIDER.suite(1), PROVIDER.suite(3)
    aes_sealed, chacha_sealed = (
        aes.seal(KEY[:16], NONCE, AAD, KIBIBYTE),
        chacha.seal(KEY, NONCE, AAD, KIBIBYTE),
    )
    seal = sodium.crypto_aead_chacha20poly1305_ietf_encrypt
    unseal = sodium.crypto_aead_chacha20poly1305_ietf_decrypt
    return {
        "AES-128-GCM seal 1 KiB": {
            "*cryptography": lambda: AESGCM(KEY[:16]).encrypt(NONCE, KIBIBYTE, AAD),
            "=": lambda: aes.seal(KEY[:16], NONCE, AAD, KIBIBYTE),
        },
        "AES-128-GCM open 1 KiB": {
            "*cryptography": lambda: AESGCM(KEY[:16]).decrypt(NONCE, aes_sealed, AAD),
            "=": lambda: aes.open(KEY[:16], NONCE, AAD, aes_sealed),
        },
        "ChaCha20-Poly1305 seal 1 KiB": {
            "*cryptography": lambda: ChaCha20Poly1305(KEY).encrypt(NONCE, KIBIBYTE, AAD),
            "libsodium": lambda: seal(KIBIBYTE, AAD, NONCE, KEY),
            "=": lambda: chacha.seal(KEY, NONCE, AAD, KIBIBYTE),
        },
        "ChaCha20-Poly1305 open 1 KiB": {
            "*cryptography": lambda: ChaCha20Poly1305(KEY).decrypt(NONCE, chacha_sealed, AAD),
            "libsodium": lambda: unseal(chacha_sealed, AAD, NONCE, KEY),
            "=": lambda: chacha.open(KEY, NONCE, AAD, chacha_sealed),
        },
    }


def ed25519_signatures() -> Table:
    """A private key that is kept; public keys that come as bytes."""
    suite = PROVIDER.suite(1)
    public, secret = sodium.crypto_sign_seed_keypair(SEED)
    load_private = ed25519.Ed25519PrivateKey.from_private_bytes
    load_public = ed25519.Ed25519PublicKey.from_public_bytes
    private, kept, signer = load_private(SEED), load_public(public), suite.load_signer(SEED)
    signature = signer.sign(MESSAGE)
    return {
        "Ed25519 load a private key": {
            "*libsodium": lambda: sodium.crypto_sign_seed_keypair(SEED),
            "cryptography": lambda: load_private(SEED),
            "=": lambda: suite.load_signer(SEED),
        },
        "Ed25519 sign 1.1 kB": {
            "*libsodium": lambda: sodium.crypto_sign(MESSAGE, secret),
            "cryptography": lambda: private.sign(MESSAGE),
            "=": lambda: signer.sign(MESSAGE),
        },
        "Ed25519 verify 1.1 kB": {
            "*libsodium": lambda: sodium.crypto_sign_open(signature + MESSAGE, public),
            "cryptography": lambda: load_public(public).verify(signature, MESSAGE),
            "cryptography, key kept": lambda: kept.verify(signature, MESSAGE),
            "=": lambda: suite.verify(public, MESSAGE, signature),
        },
        "Ed25519 check a public key": {
            "*by y": lambda: suite.check_signature_key(public),
            "libsodium, by order": lambda: sodium.crypto_core_ed25519_is_valid_point(public),
        },
    }


def x25519_exchange() -> Table:
    """The two halves of DHKEM."""
    scalar, point = os.urandom(32), sodium.crypto_scalarmult_base(os.urandom(32))
    load_private = x25519.X25519PrivateKey.from_private_bytes
    load_public = x25519.X25519PublicKey.from_public_bytes
    kept = load_private(scalar)
    return {
        "X25519 private bytes to public bytes": {
            "*libsodium": lambda: sodium.crypto_scalarmult_base(scalar),
            "cryptography": lambda: load_private(scalar).public_key().public_bytes_raw(),
        },
        "X25519 exchange with public bytes": {
            "*libsodium": lambda: sodium.crypto_scalarmult(scalar, point),
            "cryptography": lambda: load_private(scalar).exchange(load_public(point)),
            "cryptography, private kept": lambda: kept.exchange(load_public(point)),
        },
    }


def mlkem768() -> Table:
    """X-Wing's other half, which only OpenSSL has."""
    seed = os.urandom(64)
    private = mlkem.MLKEM768PrivateKey.from_seed_bytes(seed)
    public = private.public_key()
    octets, (_, ciphertext) = public.public_bytes_raw(), public.encapsulate()
    return {
        "ML-KEM-768 expand a seed": {"*cryptography": lambda: mlkem.MLKEM768PrivateKey.from_seed_bytes(seed)},
        "ML-KEM-768 load a public key": {"*cryptography": lambda: mlkem.MLKEM768PublicKey.from_public_bytes(octets)},
        "ML-KEM-768 encapsulate": {"*cryptography": public.encapsulate},
        "ML-KEM-768 decapsulate": {"*cryptography": lambda: private.decapsulate(ciphertext)},
    }


def nist(curve: NistCurve) -> Table:
    """Where the scalar comes from matters more than all else."""
    key, peer = curve.generate_ephemeral(), curve.generate_ephemeral().public_key()
    octets = curve.encode_public(peer)
    return {
        f"{curve.name} generate a key": {
            "*from rng": lambda: curve.generate(os.urandom),
            "*cryptography, ephemeral": curve.generate_ephemeral,
        },
        f"{curve.name} load a public key": {"*cryptography": lambda: curve.load_public(octets)},
        f"{curve.name} exchange": {"*cryptography": lambda: key.exchange(ec.ECDH(), peer)},
    }


def library_hpke(number: int, key: KemPrivateKey) -> dict[str, Call]:
    """`cryptography`'s own HPKE sealing, where it has the suite; the public key comes as bytes."""
    octets, sha256 = key.public_key, hpke.KDF.HKDF_SHA256
    load_x25519, load_mlkem = (
        x25519.X25519PublicKey.from_public_bytes,
        mlkem.MLKEM768PublicKey.from_public_bytes,
    )
    if number == 0x0001:
        suite = hpke.Suite(hpke.KEM.X25519, sha256, hpke.AEAD.AES_128_GCM)
        return {"cryptography's HPKE": lambda: suite.encrypt(KEY, load_x25519(octets), INFO)}
    if number == 0x0002:
        suite = hpke.Suite(hpke.KEM.P256, sha256, hpke.AEAD.AES_128_GCM)
        return {"cryptography's HPKE": lambda: suite.encrypt(KEY, P256.load_public(octets), INFO)}
    if number == 0xF0A2:
        suite = hpke.Suite(hpke.KEM.MLKEM768_X25519, sha256, hpke.AEAD.CHACHA20_POLY1305)

        def load() -> hpke.MLKEM768X25519PublicKey:
            return hpke.MLKEM768X25519PublicKey(load_mlkem(octets[:1184]), load_x25519(octets[1184:]))

        return {"cryptography's HPKE": lambda: suite.encrypt(KEY, load(), INFO)}
    return {}


def whole_suite(suite: NativeSuite) -> Table:
    """What a suite's own operations cost."""
    kem, number = suite.parameters.kem.name, suite.parameters.number
    key, signer = suite.generate_kem_key(), suite.generate_signer()
    public, signature = key.public_key, signer.sign(MESSAGE)
    enc, ciphertext = suite.hpke_seal(public, INFO, b"", KEY)
    return {
        f"{number:#06x} sign": {"=": lambda: signer.sign(MESSAGE)},
        f"{number:#06x} verify": {"=": lambda: suite.verify(signer.public_key, MESSAGE, signature)},
        f"{number:#06x} HPKE seal 32 B, {kem}": {
            "=": lambda: suite.hpke_seal(public, INFO, b"", KEY),
            **library_hpke(number, key),
        },
        f"{number:#06x} HPKE open 32 B, {kem}": {"=": lambda: suite.hpke_open(key, enc, INFO, b"", ciphertext)},
        f"{number:#06x} HPKE derive a key pair": {"=": lambda: suite.derive_kem_key(SEED).public_key},
        f"{number:#06x} HPKE check a public key": {"=": lambda: suite.check_kem_public_key(public)},
    }


def files() -> Table:
    """1 MiB sealed and opened."""
    aead = PROVIDER.chacha20_poly1305

    def seal() -> bytes:
        sealer = Sealer(aead, KEY)
        return b"".join([*sealer.feed(MEBIBYTE), sealer.finish()])

    sealed = seal()

    def unseal() -> bytes:
        opener = Opener(aead, KEY)
        return b"".join([*opener.feed(sealed), opener.finish()])

    if len(sealed) != sealed_size(len(MEBIBYTE)) or unseal() != MEBIBYTE:
        raise SystemExit("sealing is broken")
    return {"file of 1 MiB, seal": {"=": seal}, "file of 1 MiB, open": {"=": unseal}}


def wall_millis(call: Call, rounds: int = 7) -> float:
    """Shortest wall time of a call."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times) * 1e3


def print_threads(count: int = 256) -> None:
    """Wall time of `count` operations one after another, and cut in slices for threads."""
    print(f"\nWall time of {count} operations (ms)            one thread   threads")
    for number in PROVIDER.supported():
        suite = PROVIDER.suite(number)
        signer, public = suite.generate_signer(), suite.generate_kem_key().public_key
        key, signature = signer.public_key, signer.sign(MESSAGE)
        calls: dict[str, Call] = {
            "verify": lambda suite=suite, key=key, signature=signature: suite.verify(key, MESSAGE, signature),  # type: ignore[misc]
            "HPKE seal": lambda suite=suite, public=public: suite.hpke_seal(public, INFO, b"", KEY),  # type: ignore[misc]
        }
        for name, call in calls.items():
            one = wall_millis(lambda call=call: [call() for _ in range(count)])  # type: ignore[misc]
            work = lambda part, call=call: [call() for _ in part]  # noqa: E731
            cut = wall_millis(lambda work=work: map_slices(work, count, smallest=16))  # type: ignore[misc]
            print(f"{number:#06x} {name:40}{one:10.1f}{cut:10.1f}")


def main() -> None:
    """Print all tables."""
    tables = [hashing(), aeads(), ed25519_signatures(), x25519_exchange(), mlkem768()]
    tables += [nist(curve) for curve in (P256, P384, P521)]
    tables += [whole_suite(PROVIDER.suite(number)) for number in PROVIDER.supported()]
    for table in [*tables, files()]:
        for primitive, candidates in table.items():
            shown = "   ".join(f"{library} {cpu_micros(call):.1f}" for library, call in candidates.items())
            print(f"{primitive:40}{shown}")
    print_threads()


if __name__ == "__main__":
    main()
