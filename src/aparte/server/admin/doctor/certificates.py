"""The TLS files: readable, a pair, for this name, and for how long; and whether those from a CA are renewed."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from aparte.server.admin.doctor.findings import Finding, fail, ok, warn
from aparte.server.shell.acme import AcmeFailed, Shelf
from aparte.server.shell.config import HostConfig
from aparte.server.shell.listening import spelled
from aparte.wire.ids import Millis

__all__ = ["SOON_DAYS", "check_tls", "matches"]

SOON_DAYS: Final = 14
_HOST_RENEWS: Final = "A running host tries again by itself: see to it that the CA reaches port 80 of the host's name."


def check_tls(config: HostConfig, now: Millis) -> Iterator[Finding]:
    """Of a host that has files; and whether one that has none needs them."""
    if config.certificate is not None:
        yield from _check_files(config, now, soon=SOON_DAYS, renewal="Renew it; the host takes up new files by itself.")
    elif config.acme is not None:
        yield from _check_acme(config, Shelf(config.data, config.acme.directory), now=now)
    elif config.behind_proxy:
        yield ok("tls", "left to the proxy in front; `aparte doctor --public NAME` looks at that")
    elif config.is_private:
        yield ok("tls", "none, and none needed: others cannot come in")
    else:
        yield fail(
            "tls",
            f"others can come in at {spelled((config.address, config.port))}, and nothing encrypts",
            do="Give --acme, or --tls-cert and --tls-key, or a proxy and --behind-proxy: browsers need one of them.",
        )


def _check_acme(config: HostConfig, shelf: Shelf, *, now: Millis) -> Iterator[Finding]:
    failures = shelf.failures()
    try:
        shelf.read_certificate()
    except AcmeFailed as error:
        yield fail("tls", str(error), do="The host does not start with a key that others may read.")
    if shelf.certificate.exists():
        files = replace(config, certificate=(shelf.certificate, shelf.certificate))
        yield from _check_files(files, now, soon=_days_of(shelf.certificate) / 4, renewal=_HOST_RENEWS)
    elif not failures.said:
        yield warn("tls", "there is no certificate yet", do="Start the host: it gets one before it serves.")
    if failures.said:
        when = f"{datetime.fromtimestamp(failures.at, UTC):%Y-%m-%d %H:%M}"
        yield warn("tls", f"on {when} UTC the CA gave no certificate: {failures.said}", do=_HOST_RENEWS)


def _days_of(chain: Path) -> float:
    """A CA decides for how long it certifies: some for 90 days, some for six."""
    try:
        leaf = x509.load_pem_x509_certificates(chain.read_bytes())[0]
    except (OSError, ValueError):
        return 0.0
    return (leaf.not_valid_after_utc - leaf.not_valid_before_utc).total_seconds() / 86_400


def _check_files(config: HostConfig, now: Millis, *, soon: float, renewal: str) -> Iterator[Finding]:
    chain_path, key_path = config.certificate or (Path(), Path())
    try:
        chain = x509.load_pem_x509_certificates(chain_path.read_bytes())
        key = load_pem_private_key(key_path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        yield fail("tls", f"{chain_path} and {key_path}: {error}", do="Give a certificate and its key, both in PEM.")
        return
    leaf, faults = chain[0], False
    own = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if leaf.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) != own:
        faults = True
        yield fail(
            "tls", f"{key_path} is not the key of {chain_path}", do="Give the key that the certificate was made for."
        )
    if key_path.stat().st_mode & stat.S_IROTH:
        faults = True
        yield warn("tls", f"everybody may read {key_path}", do=f"Close it to others: chmod o-r {key_path}")
    names = _names(leaf)
    if not matches(names, config.domain):
        faults = True
        yield fail("tls", f"it is for {', '.join(names) or 'no name'}", do=f"Get a certificate for {config.domain}.")
    days = (leaf.not_valid_after_utc - datetime.fromtimestamp(now / 1000, UTC)).total_seconds() / 86_400
    if days < 0:
        yield fail("tls", f"it ended {-days:.0f} days ago", do=renewal)
    elif leaf.not_valid_before_utc > datetime.fromtimestamp(now / 1000, UTC):
        yield fail("tls", f"it begins on {leaf.not_valid_before_utc:%Y-%m-%d}", do="Check the clock, or wait.")
    elif days < soon:
        yield warn("tls", f"it ends in {days:.0f} days", do=renewal)
    elif not faults:
        yield ok("tls", f"for {', '.join(names)}, {days:.0f} days more")


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [*found.get_values_for_type(x509.DNSName), *map(str, found.get_values_for_type(x509.IPAddress))]


def matches(names: list[str], domain: str) -> bool:
    """Whether one of a certificate's names is the host's (RFC 9525 §6.3: * stands for one label, the first)."""
    host = domain.rsplit(":", 1)[0] if domain.rsplit(":", 1)[-1].isdecimal() else domain
    host = host.strip("[]").lower()
    _, _, parent = host.partition(".")
    return any(name.lower() in {host, f"*.{parent}" if parent else host} for name in names)
