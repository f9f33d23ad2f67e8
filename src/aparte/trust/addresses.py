"""Addresses: `name@host` and `host[:port]`, in the one form in which they are kept, compared and signed.

Typing is forgiven case, other scripts' full stops, a dot at the end, and `:443`, which goes without saying. What
comes from elsewhere is compared with its normal form by whoever reads it. Hosts are printed as DNS has them, in ASCII:
what `xn--` stands for may be shown beside that, never instead, since letters of other scripts pass for Latin ones.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final, NewType

import idna

from aparte.trust.errors import AddressRefused
from aparte.trust.names import Name, normalize_name
from aparte.trust.rules import AddressRule
from aparte.wire.limits import MAX_HOST_NAME, MAX_NAME

__all__ = ["Address", "Host", "is_loopback", "normalize_host", "parse_address"]

#: A host's name in its normal form, with its port unless that is 443.
Host = NewType("Host", str)

_HTTPS_PORT: Final = 443
_PORT: Final = re.compile(r"[1-9][0-9]{0,4}")
_BRACKETED: Final = re.compile(r"\[([0-9A-Fa-f:.]*)\](?::(.*))?", re.DOTALL)
#: A last label that browsers, and C's inet_aton, take for a number: then the whole is an IPv4 address or nothing.
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")


@dataclass(frozen=True, slots=True)
class Address:
    """Where an account is looked up. Printed as `name@host`. A name may change hands; an account id does not."""

    name: Name
    host: Host

    def __str__(self) -> str:
        return f"{self.name}@{self.host}"


def parse_address(text: str) -> Address:
    """The address that was typed. Raises `AddressRefused` or `NameRefused`."""
    text = text.strip() if len(text) <= 2 * (MAX_NAME + MAX_HOST_NAME) else text
    _require(len(text) <= MAX_NAME + 1 + MAX_HOST_NAME, AddressRule.TOO_LONG)
    parts = text.replace("＠", "@").split("@")
    _require(len(parts) == 2 and all(parts), AddressRule.FORM)
    return Address(normalize_name(parts[0], allow_reserved=True), normalize_host(parts[1]))


def normalize_host(text: str) -> Host:
    """The host that was meant. Raises `AddressRefused`. What it returns it returns unchanged the next time."""
    _require(len(text) <= MAX_HOST_NAME, AddressRule.TOO_LONG)  # before work that grows with the length
    if text.startswith("["):
        found = _BRACKETED.fullmatch(text)
        _require(found is not None and _is_ipv6_loopback(found[1]), AddressRule.IP)
        return Host("[::1]" + _port(found[2] if found else None))
    name, colon, port = text.partition(":")
    _require(":" not in port, AddressRule.IP)
    return Host(_dns_name(name) + _port(port if colon else None))


def is_loopback(host: Host) -> bool:
    """Whether the host is on this machine, where nobody certifies names and TLS protects nothing."""
    name = host.partition(":")[0]
    return name in {"localhost", "["} or _is_ipv4_loopback(name)


def _dns_name(typed: str) -> str:
    try:
        name = idna.encode(typed, uts46=True).decode().removesuffix(".")
    except idna.IDNAError:
        raise AddressRefused(AddressRule.HOST) from None
    if _NUMBER.fullmatch(name.rpartition(".")[2]):
        _require(_is_ipv4_loopback(name), AddressRule.IP)
    return name


def _is_ipv4_loopback(name: str) -> bool:
    try:
        return ipaddress.IPv4Address(name).is_loopback
    except ValueError:
        return False


def _is_ipv6_loopback(name: str) -> bool:
    try:
        return ipaddress.IPv6Address(name) == ipaddress.IPv6Address(1)
    except ValueError:
        return False


def _port(typed: str | None) -> str:
    """How the port stands in the normal form."""
    if typed is None:
        return ""
    _require(_PORT.fullmatch(typed) is not None and int(typed) <= 65_535, AddressRule.PORT)
    return "" if int(typed) == _HTTPS_PORT else f":{typed}"


def _require(condition: bool, rule: AddressRule) -> None:
    if not condition:
        raise AddressRefused(rule)
