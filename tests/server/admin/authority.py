"""A certificate authority for tests, and certificates of all kinds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

_USES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)

Key = ec.EllipticCurvePrivateKey
PublicKey = ec.EllipticCurvePublicKey


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _pem(key: Key) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


class Authority:
    """Signs what tests need; `file` is what they trust."""

    def __init__(self, folder: Path, name: str = "a test's authority") -> None:
        self.folder = folder
        self._name = _name(name)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.file = folder / f"{name.replace(' ', '-')}.pem"
        uses = dict.fromkeys(_USES, False) | {"digital_signature": True, "key_cert_sign": True, "crl_sign": True}
        self._ca = (
            self._builder(self._name, self._key.public_key(), begins=-10, ends=3650)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(x509.KeyUsage(**uses), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        self.file.write_bytes(self._ca.public_bytes(Encoding.PEM))

    def _builder(self, subject: x509.Name, key: PublicKey, *, begins: float, ends: float) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + timedelta(days=begins))
            .not_valid_after(now + timedelta(days=ends))
        )

    def certify(self, *names: str, begins: float = -1, ends: float = 90, label: str = "leaf") -> tuple[Path, Path]:
        """The files of a chain and its key, for these names and days from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        chain, private = self.folder / f"{label}.pem", self.folder / f"{label}.key"
        chain.write_bytes(self.issue(key.public_key(), *names, begins=begins, ends=ends, label=label))
        private.write_bytes(_pem(key))
        private.chmod(0o600)
        return chain, private

    def issue(self, key: PublicKey, *names: str, begins: float = -1, ends: float = 90, label: str = "leaf") -> bytes:
        """A chain in PEM for somebody else's key."""
        leaf = (
            self._builder(_name(label), key, begins=begins, ends=ends)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return leaf.public_bytes(Encoding.PEM) + self._ca.public_bytes(Encoding.PEM)
