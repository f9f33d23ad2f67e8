"""The provider contract, part 2: Wycheproof, all cases of every file, through the contract's own calls."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from aparte.crypto import Aead, CryptoError, Hash, InvalidKey, Kem, OpenError, Provider, SignatureScheme, Suite
from aparte.crypto.api import AeadCipher
from tests.contracts import rfc9180
from tests.contracts.vectors import Case, run_cases, suites_where, through, wycheproof

octets = bytes.fromhex

SIGNATURE_FILES = {
    SignatureScheme.ED25519: "ed25519_test",
    SignatureScheme.ED448: "ed448_test",
    SignatureScheme.ECDSA_P256_SHA256: "ecdsa_secp256r1_sha256_test",
    SignatureScheme.ECDSA_P384_SHA384: "ecdsa_secp384r1_sha384_test",
    SignatureScheme.ECDSA_P521_SHA512: "ecdsa_secp521r1_sha512_test",
}
DH_FILES = {
    Kem.X25519: "x25519_test",
    Kem.X448: "x448_test",
    Kem.P256: "ecdh_secp256r1_ecpoint_test",
}

#: Flags of what may be right elsewhere, but not under RFC 9180 §7.1.1 and §7.1.4.
UNWANTED = {
    Kem.X25519: {"ZeroSharedSecret"},
    Kem.X448: {"ZeroSharedSecret"},
    Kem.P256: {"CompressedPoint", "CompressedPublic"},
}


def refuses(error: type[CryptoError], call: Callable[[], object]) -> bool:
    """True when the call raises just that; anything else that it raises goes through."""
    try:
        call()
    except error:
        return True
    return False


def aead_passes(aead: AeadCipher, key_length: int, case: Case) -> bool:
    key, nonce, aad = octets(case["key"]), octets(case["iv"]), octets(case["aad"])
    plaintext, ciphertext = octets(case["msg"]), octets(case["ct"]) + octets(case["tag"])
    if len(key) != key_length or len(nonce) != 12:
        return refuses(InvalidKey, lambda: aead.seal(key, nonce, aad, plaintext)) and refuses(
            OpenError, lambda: aead.open(key, nonce, aad, ciphertext)
        )
    if case["result"] == "invalid":
        return refuses(OpenError, lambda: aead.open(key, nonce, aad, ciphertext))
    return aead.seal(key, nonce, aad, plaintext) == ciphertext and aead.open(key, nonce, aad, ciphertext) == plaintext


class TestWycheproof:
    @pytest.mark.parametrize("suite", suites_where(lambda row: row.aead is not Aead.CHACHA20_POLY1305), indirect=True)
    def test_aes_gcm(self, suite: Suite) -> None:
        length = suite.parameters.key_length
        cases = wycheproof("aes_gcm_test")
        assert sum(c["group"]["keySize"] == 8 * length and c["group"]["ivSize"] == 96 for c in cases) > 50
        run_cases(through("aes_gcm_test", suite), cases, lambda case: aead_passes(suite, length, case))

    @pytest.mark.parametrize("suite", suites_where(lambda row: row.aead is Aead.CHACHA20_POLY1305), indirect=True)
    def test_chacha20_poly1305(self, suite: Suite, provider: Provider) -> None:
        cases = wycheproof("chacha20_poly1305_test")
        for aead in (suite, provider.chacha20_poly1305):
            run_cases(through("chacha20_poly1305_test", suite), cases, lambda case, a=aead: aead_passes(a, 32, case))

    def test_signatures(self, suite: Suite) -> None:
        name = SIGNATURE_FILES[suite.parameters.signature]

        def passes(case: Case) -> bool:
            key = case["group"]["publicKey"]
            public_key = octets(key.get("uncompressed") or key["pk"])
            suite.check_signature_key(public_key)
            verdict = refuses(CryptoError, lambda: suite.verify(public_key, octets(case["msg"]), octets(case["sig"])))
            return verdict == (case["result"] == "invalid")

        run_cases(through(name, suite), wycheproof(name), passes)

    def test_hkdf(self, suite: Suite) -> None:
        name = f"hkdf_{suite.parameters.hash.value}_test"

        def passes(case: Case) -> bool:
            prk, info, size = (
                suite.extract(octets(case["salt"]), octets(case["ikm"])),
                octets(case["info"]),
                case["size"],
            )
            if case["result"] == "invalid":
                return refuses(CryptoError, lambda: suite.expand(prk, info, size))
            return suite.expand(prk, info, size) == octets(case["okm"])

        run_cases(through(name, suite), wycheproof(name), passes)

    @pytest.mark.parametrize("suite", suites_where(lambda row: row.hash is Hash.SHA256), indirect=True)
    def test_hmac(self, suite: Suite) -> None:
        def passes(case: Case) -> bool:
            tag = suite.mac(octets(case["key"]), octets(case["msg"]))[: case["group"]["tagSize"] // 8]
            return (tag == octets(case["tag"])) == (case["result"] == "valid")

        run_cases(through("hmac_sha256_test", suite), wycheproof("hmac_sha256_test"), passes)

    @pytest.mark.parametrize("suite", suites_where(lambda row: row.kem in DH_FILES), indirect=True)
    def test_diffie_hellman(self, suite: Suite) -> None:
        """The contract gives no raw secret; so the peer's key is taken for an encapsulation and exported from."""
        kem, name = suite.parameters.kem, DH_FILES[suite.parameters.kem]

        def passes(case: Case) -> bool:
            key, peer, dh = suite.load_kem_key(octets(case["private"])), octets(case["public"]), case["shared"]
            if case["result"] == "invalid" or not UNWANTED[kem].isdisjoint(case["flags"]):
                return refuses(InvalidKey, lambda: suite.check_kem_public_key(peer)) and refuses(
                    OpenError, lambda: suite.hpke_export_from(key, peer, b"", b"", 32)
                )
            suite.check_kem_public_key(peer)
            secret = rfc9180.dhkem_shared_secret(kem, octets(dh), enc=peer, public_key=key.public_key)
            expected = rfc9180.export(suite.parameters, secret, b"", b"", 32)
            return suite.hpke_export_from(key, peer, b"", b"", 32) == expected

        run_cases(through(name, suite), wycheproof(name), passes)

    @pytest.mark.parametrize("suite", suites_where(lambda row: row.kem is Kem.XWING), indirect=True)
    def test_mlkem_public_keys(self, suite: Suite) -> None:
        """Encapsulation keys, valid and not, as the ML-KEM half of an X-Wing key."""
        x25519 = suite.generate_kem_key().public_key[1184:]

        def passes(case: Case) -> bool:
            public_key = octets(case["ek"]) + x25519
            if case["result"] == "invalid":
                return refuses(InvalidKey, lambda: suite.check_kem_public_key(public_key)) and refuses(
                    InvalidKey, lambda: suite.hpke_seal(public_key, b"", b"", b"")
                )
            suite.check_kem_public_key(public_key)
            return len(suite.hpke_seal(public_key, b"", b"", b"")[0]) == 1120

        run_cases(through("mlkem_768_encaps_test", suite), wycheproof("mlkem_768_encaps_test"), passes)
