"""What holds for the native provider beyond the contract: its libraries' rules, pinned, and its randomness."""

from __future__ import annotations

import hashlib
import random

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, mlkem
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from nacl import bindings as sodium
from nacl.bindings import crypto_sign

from aparte.crypto import InvalidKey, InvalidSignature
from aparte.crypto.native import NativeProvider
from tests.contracts.vectors import Case, run_cases, wycheproof

octets = bytes.fromhex
SUITE = NativeProvider().suite(0x0001)

# -- Ed25519: libsodium's rules ------------------------------------------------------------------------------

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
IDENTITY = (1).to_bytes(32, "little")
ORDER_8 = octets("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")


def multiple(scalar: int, point: bytes | None = None) -> bytes:
    """scalar · point, or scalar · B."""
    octets_ = (scalar % L).to_bytes(32, "little")
    if point is None:
        return sodium.crypto_scalarmult_ed25519_base_noclamp(octets_)
    return sodium.crypto_scalarmult_ed25519_noclamp(octets_, point)


def challenge(r: bytes, a: bytes, message: bytes) -> int:
    return int.from_bytes(hashlib.sha512(r + a + message).digest(), "little")


def signature(r: bytes, s: int) -> bytes:
    return r + s.to_bytes(32, "little")


def accepts(public_key: bytes, message: bytes, signed: bytes) -> bool:
    try:
        SUITE.verify(public_key, message, signed)
    except InvalidSignature:
        return False
    return True


def library_accepts(public_key: bytes, message: bytes, signed: bytes) -> bool:
    """OpenSSL's verdict, for comparison."""
    try:
        ed25519.Ed25519PublicKey.from_public_bytes(public_key).verify(signed, message)
    except Exception:  # noqa: BLE001
        return False
    return True


def small_order_keys() -> list[bytes]:
    """All 32-byte strings that decode to a point of small order: y mod p, either sign, canonical or not."""
    y8 = int.from_bytes(ORDER_8, "little")
    ys = [y for base in (0, 1, P - 1, y8, P - y8) for y in (base, base + P) if y < 1 << 255]
    return [(y | sign << 255).to_bytes(32, "little") for y in ys for sign in (0, 1)]


def test_s_must_be_reduced() -> None:
    signer = SUITE.generate_signer()
    good = signer.sign(b"m")
    s = int.from_bytes(good[32:], "little")
    assert accepts(signer.public_key, b"m", good)
    for k in range(1, 15):
        assert not accepts(signer.public_key, b"m", signature(good[:32], s + k * L))


@pytest.mark.parametrize("public_key", small_order_keys(), ids=bytes.hex)
def test_small_order_public_keys_are_refused(public_key: bytes) -> None:
    """Under the identity as a key, (S·B, S) is a signature of every message; under the others, of every eighth."""
    with pytest.raises(InvalidKey):
        SUITE.check_signature_key(public_key)
    for i in range(64):
        assert not accepts(public_key, b"%d" % i, signature(multiple(12345), 12345))


def test_openssl_would_take_the_identity_as_a_key() -> None:
    assert library_accepts(IDENTITY, b"m", signature(multiple(12345), 12345))


def test_small_order_r_is_refused() -> None:
    a = 987654321
    public_key = multiple(a)
    signed = signature(IDENTITY, challenge(IDENTITY, public_key, b"m") * a % L)
    assert not accepts(public_key, b"m", signed)
    assert library_accepts(public_key, b"m", signed)


@pytest.mark.parametrize("y", [P + 2, P + 3, P + 18], ids=lambda y: f"p+{y - P}")
def test_keys_that_are_not_canonical_are_refused(y: int) -> None:
    public_key = y.to_bytes(32, "little")
    with pytest.raises(InvalidKey):
        SUITE.check_signature_key(public_key)
    assert not accepts(public_key, b"m", bytes(64))


def test_the_equation_has_no_cofactor() -> None:
    """A key with a small-order part verifies when the challenge cancels it, and only then."""
    a, r = 1122334455, 6677889900
    public_key = sodium.crypto_core_ed25519_add(multiple(a), ORDER_8)
    SUITE.check_signature_key(public_key)
    verdicts = set()
    for i in range(100):
        message, r_point = b"%d" % i, multiple(r)
        k = challenge(r_point, public_key, message)
        verdict = accepts(public_key, message, signature(r_point, (r + k * a) % L))
        assert verdict == (k % L % 8 == 0)
        verdicts.add(verdict)
    assert verdicts == {True, False}


def test_a_seed_with_its_public_key_is_a_private_key() -> None:
    signer = SUITE.generate_signer()
    both = signer.private_key + signer.public_key
    assert SUITE.load_signer(both).private_key == signer.private_key
    with pytest.raises(InvalidKey):
        SUITE.load_signer(signer.private_key + SUITE.generate_signer().public_key)


# -- ECDSA ---------------------------------------------------------------------------------------------------


def test_ecdsa_takes_high_s() -> None:
    """Signatures are malleable: nothing may identify a message by its signature."""
    suite = NativeProvider().suite(0x0002)
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    signer = suite.generate_signer()
    r, s = decode_dss_signature(signer.sign(b"m"))
    suite.verify(signer.public_key, b"m", encode_dss_signature(r, order - s))


# -- ML-KEM-768, which the contract reaches only inside X-Wing -----------------------------------------------


def test_mlkem_key_generation() -> None:
    def passes(case: Case) -> bool:
        key = mlkem.MLKEM768PrivateKey.from_seed_bytes(octets(case["seed"]))
        return key.public_key().public_bytes_raw() == octets(case["ek"])

    run_cases("mlkem_768_keygen_seed_test", wycheproof("mlkem_768_keygen_seed_test"), passes)


def test_mlkem_decapsulation() -> None:
    def passes(case: Case) -> bool:
        try:
            key = mlkem.MLKEM768PrivateKey.from_seed_bytes(octets(case["seed"]))
            secret = key.decapsulate(octets(case["c"]))
        except ValueError:
            return bool(case["result"] == "invalid")
        return case["result"] == "valid" and secret == octets(case["K"])

    run_cases("mlkem_768_test", wycheproof("mlkem_768_test"), passes)


# -- randomness ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [0x0001, 0x0003, 0x0004, 0x0006])
def test_seals_repeat_under_a_seeded_rng(number: int) -> None:
    first, second = (NativeProvider(random.Random(1).randbytes).suite(number) for _ in range(2))
    public_key = first.derive_kem_key(b"ikm").public_key
    items = [(public_key, b"", b"", b"%d" % i) for i in range(40)]
    assert first.hpke_seal_many(items) == second.hpke_seal_many(items)
    assert first.hpke_seal(public_key, b"", b"", b"") == second.hpke_seal(public_key, b"", b"", b"")


@pytest.mark.parametrize("number", NativeProvider().supported())
def test_signatures_draw_no_randomness(number: int) -> None:
    signer = NativeProvider().suite(number).generate_signer()
    assert signer.sign(b"m") == signer.sign(b"m")


@pytest.mark.parametrize("length", [16 * 1024, 16 * 1024 + 1, 200_000])
def test_long_ed25519_messages_have_the_same_signature(length: int) -> None:
    """OpenSSL signs what is long, libsodium what is short; RFC 8032 leaves them no choice but to agree."""
    signer = NativeProvider().suite(0x0001).generate_signer()
    message = bytes(range(256)) * (length // 256) + bytes(length % 256)
    secret_key = signer.private_key + signer.public_key
    assert signer.sign(message) == crypto_sign(message, secret_key)[:64]
    NativeProvider().suite(0x0001).verify(signer.public_key, message, signer.sign(message))
