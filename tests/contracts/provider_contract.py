"""The provider contract, part 1: what `aparte.crypto.api` promises, beyond published vectors."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aparte.crypto import (
    CIPHER_SUITES,
    CryptoError,
    InvalidKey,
    InvalidSignature,
    Kem,
    OpenError,
    Provider,
    SignatureScheme,
    Suite,
    UnsupportedSuite,
)

#: None of them is the length of anything.
WRONG_LENGTHS = [0, 1, 31, 33, 63, 100, 1217, 100_000]
KEM_SIZES = {
    Kem.X25519: (32, 32, 32),
    Kem.X448: (56, 56, 56),
    Kem.P256: (32, 65, 65),
    Kem.P384: (48, 97, 97),
    Kem.P521: (66, 133, 133),
    Kem.XWING: (32, 1216, 1120),
}
SIGNATURE_SIZES = {
    SignatureScheme.ED25519: (32, 32),
    SignatureScheme.ED448: (57, 57),
    SignatureScheme.ECDSA_P256_SHA256: (32, 65),
    SignatureScheme.ECDSA_P384_SHA384: (48, 97),
    SignatureScheme.ECDSA_P521_SHA512: (66, 133),
}


def flips(data: bytes) -> Iterator[bytes]:
    """`data` with one bit changed: the first, the last, and some between."""
    for position in sorted({0, len(data) // 3, len(data) // 2, len(data) - 1}):
        changed = bytearray(data)
        changed[position] ^= 0x80 if position == 0 else 1
        yield bytes(changed)


class TestProvider:
    def test_suites(self, provider: Provider) -> None:
        supported = provider.supported()
        assert supported
        assert len(set(supported)) == len(supported)
        assert set(supported) <= CIPHER_SUITES.keys()
        for number in supported:
            assert provider.suite(number) is provider.suite(number)
            assert provider.suite(number).parameters == CIPHER_SUITES[number]

    @pytest.mark.parametrize("number", [-1, 0, 0x0A0A, 0xFFFF, 1 << 40])
    def test_unsupported_suite(self, provider: Provider, number: int) -> None:
        with pytest.raises(UnsupportedSuite):
            provider.suite(number)

    def test_chacha20_poly1305(self, provider: Provider) -> None:
        """RFC 8439 §2.8.2."""
        key, nonce = bytes(range(0x80, 0xA0)), bytes.fromhex("070000004041424344454647")
        aad = bytes.fromhex("50515253c0c1c2c3c4c5c6c7")
        sealed = provider.chacha20_poly1305.seal(key, nonce, aad, b"Ladies and Gentlemen")
        assert sealed[:16].hex() == "d31a8d34648e60db7b86afbc53ef7ec2"
        assert provider.chacha20_poly1305.open(key, nonce, aad, sealed) == b"Ladies and Gentlemen"

    def test_seeded_runs_repeat(self, seeded: Callable[[], Provider], suite: Suite) -> None:
        number = suite.parameters.number
        first, second = seeded().suite(number), seeded().suite(number)
        assert first.random(17) == second.random(17)
        assert first.generate_signer().private_key == second.generate_signer().private_key
        assert first.generate_kem_key().private_key == second.generate_kem_key().private_key


class TestHashing:
    def test_random(self, suite: Suite) -> None:
        assert [len(suite.random(length)) for length in (0, 1, 32, 1000)] == [0, 1, 32, 1000]
        assert suite.random(16) != suite.random(16)

    @pytest.mark.parametrize("length", [0, 1, 63, 64, 65, 127, 128, 129, 5000])
    def test_hash_and_mac(self, suite: Suite, length: int) -> None:
        name, data = suite.parameters.hash.value, bytes(range(251)) * 20
        assert suite.hash(data[:length]) == hashlib.new(name, data[:length]).digest()
        assert suite.mac(data[:length], data) == hmac.digest(data[:length], data, name)
        assert suite.mac(data, data[:length]) == hmac.digest(data, data[:length], name)
        assert suite.extract(data[:length], data) == hmac.digest(data[:length], data, name)

    def test_expand(self, suite: Suite) -> None:
        size = suite.parameters.hash_length
        longest = suite.expand(b"k" * size, b"info", 255 * size)
        assert len(longest) == 255 * size
        for length in (0, 1, size - 1, size, size + 1, 2 * size, 254 * size + 1):
            assert suite.expand(b"k" * size, b"info", length) == longest[:length]
        for length in (-1, 255 * size + 1, 1 << 20):
            with pytest.raises(CryptoError):
                suite.expand(b"k" * size, b"info", length)


class TestAead:
    def test_round_trip(self, suite: Suite) -> None:
        key, nonce = suite.random(suite.parameters.key_length), suite.random(12)
        for length in (0, 1, 16, 1000, 70_000):
            sealed = suite.seal(key, nonce, b"aad", b"p" * length)
            assert len(sealed) == length + suite.parameters.tag_length
            assert suite.open(key, nonce, b"aad", sealed) == b"p" * length

    def test_altered(self, suite: Suite) -> None:
        arguments = [suite.random(suite.parameters.key_length), suite.random(12), b"aad"]
        arguments.append(suite.seal(*arguments, b"plaintext"))
        for i, argument in enumerate(arguments):
            for changed in flips(argument):
                with pytest.raises(OpenError):
                    suite.open(*arguments[:i], changed, *arguments[i + 1 :])
        for cut in (0, 1, 15, 16, 24):
            with pytest.raises(OpenError):
                suite.open(*arguments[:3], arguments[3][:cut])

    def test_wrong_sizes(self, suite: Suite) -> None:
        key, nonce = suite.random(suite.parameters.key_length), suite.random(12)
        wrong_keys = [(bytes(n), nonce) for n in [*WRONG_LENGTHS, 16, 24, 32] if n != len(key)]
        wrong_nonces = [(key, bytes(n)) for n in (0, 8, 11, 13, 16, 24, 100_000)]
        for wrong_key, wrong_nonce in wrong_keys + wrong_nonces:
            with pytest.raises(InvalidKey):
                suite.seal(wrong_key, wrong_nonce, b"", b"")
            with pytest.raises(OpenError):
                suite.open(wrong_key, wrong_nonce, b"", bytes(100))


class TestSignatures:
    def test_round_trip(self, suite: Suite) -> None:
        signer = suite.generate_signer()
        again = suite.load_signer(signer.private_key)
        assert again.public_key == signer.public_key
        assert again.private_key == signer.private_key
        sizes = (len(signer.private_key), len(signer.public_key))
        assert sizes == SIGNATURE_SIZES[suite.parameters.signature]
        suite.check_signature_key(signer.public_key)
        for message in (b"", b"m", b"m" * 100_000):
            suite.verify(signer.public_key, message, again.sign(message))

    def test_altered(self, suite: Suite) -> None:
        signer, other = suite.generate_signer(), suite.generate_signer()
        signature = signer.sign(b"message")
        for wrong in [*flips(signature), signature + b"\x00", signature[:-1], *map(bytes, WRONG_LENGTHS)]:
            with pytest.raises(InvalidSignature):
                suite.verify(signer.public_key, b"message", wrong)
        for message in (b"", b"massage", b"message\x00"):
            with pytest.raises(InvalidSignature):
                suite.verify(signer.public_key, message, signature)
        with pytest.raises(InvalidSignature):
            suite.verify(other.public_key, b"message", signature)
        for wrong in flips(signer.public_key):
            with pytest.raises((InvalidKey, InvalidSignature)):
                suite.verify(wrong, b"message", signature)

    def test_bytes_cannot_move_between_signature_and_message(self, suite: Suite) -> None:
        """libsodium takes the two as one string."""
        signer = suite.generate_signer()
        signature = signer.sign(b"message")
        for moved in ((signature + b"mes", b"sage"), (signature[:-3], signature[-3:] + b"message")):
            with pytest.raises(InvalidSignature):
                suite.verify(signer.public_key, moved[1], moved[0])

    @pytest.mark.parametrize("length", WRONG_LENGTHS)
    def test_wrong_key_sizes(self, suite: Suite, length: int) -> None:
        signature = suite.generate_signer().sign(b"message")
        with pytest.raises(InvalidKey):
            suite.check_signature_key(bytes(length))
        with pytest.raises(InvalidKey):
            suite.verify(bytes(length), b"message", signature)
        with pytest.raises(InvalidKey):
            suite.load_signer(bytes(length))
        with pytest.raises(InvalidKey):
            suite.load_signer(b"\xff" * max(length, 67))

    @pytest.mark.parametrize("scheme", list(SIGNATURE_SIZES), ids=lambda scheme: scheme.name)
    def test_private_scalars_out_of_range(self, provider: Provider, scheme: SignatureScheme) -> None:
        """ECDSA alone has private keys of the right length that are none."""
        numbers = [n for n in provider.supported() if CIPHER_SUITES[n].signature is scheme]
        for number in numbers if "ECDSA" in scheme.name else []:
            for wrong in (b"\x00", b"\xff"):
                with pytest.raises(InvalidKey):
                    provider.suite(number).load_signer(wrong * SIGNATURE_SIZES[scheme][0])

    def test_ecdsa_private_keys_with_other_leading_zeros(self, suite: Suite) -> None:
        if "ECDSA" not in suite.parameters.signature.name:
            return
        signer = suite.generate_signer()
        while signer.private_key[0]:
            signer = suite.generate_signer()
        for encoding in (signer.private_key.lstrip(b"\x00"), b"\x00" + signer.private_key):
            assert suite.load_signer(encoding).private_key == signer.private_key

    def test_verify_many(self, suite: Suite) -> None:
        signers = [suite.generate_signer() for _ in range(3)]
        messages = [b"%d" % i for i in range(70)]
        good = [(s.public_key, m, s.sign(m)) for m, s in zip(messages, signers * 24, strict=False)]
        suite.verify_many([])
        suite.verify_many(good)
        suite.verify_many(good[:1])
        wrong_message, wrong_key = (good[0][0], b"?", good[0][2]), (b"", b"?", b"")
        for first, second in ((0, 69), (34, 35), (35, 36), (69, 69), (17, 52)):
            for broken in (wrong_message, wrong_key):
                items = list(good)
                items[first] = items[second] = broken
                with pytest.raises(InvalidSignature) as failure:
                    suite.verify_many(items)
                assert failure.value.index == first


class TestSecretsAndNoise:
    def test_reprs_show_nothing(self, suite: Suite) -> None:
        for key in (suite.generate_signer(), suite.generate_kem_key()):
            shown = repr(key) + str(key) + f"{key}"
            for octets in (key.private_key, key.public_key):
                assert octets.hex()[:8] not in shown
                assert repr(octets)[2:12] not in shown

    @given(data=st.data())
    def test_noise_leads_to_crypto_errors_alone(self, suite: Suite, data: st.DataObject) -> None:
        kem, scheme = suite.parameters.kem, suite.parameters.signature
        lengths = st.sampled_from([*KEM_SIZES[kem], *SIGNATURE_SIZES[scheme], 0, 12, 16, 64, 72, 114])
        noise = lengths.flatmap(lambda length: st.binary(min_size=length, max_size=length))
        a, b, c = data.draw(noise), data.draw(noise), data.draw(noise)
        key = suite.derive_kem_key(b"ikm")
        for call in (
            lambda: suite.verify(a, b, c),
            lambda: suite.verify_many([(a, b, c)]),
            lambda: suite.check_signature_key(a),
            lambda: suite.load_signer(a),
            lambda: suite.load_kem_key(a),
            lambda: suite.check_kem_public_key(a),
            lambda: suite.hpke_seal(a, b, c, b""),
            lambda: suite.hpke_open(key, a, b, b"", c),
            lambda: suite.hpke_export_from(key, a, b, c, 32),
            lambda: suite.seal(a, b, c, b""),
            lambda: suite.open(a, b, b"", c),
        ):
            try:
                call()
            except CryptoError:
                continue
