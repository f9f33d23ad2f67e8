"""Invite links: whoever has one drops into the inviter's inboxes by the lane INVITE, and is no stranger.

    struct {
        uint8 version = 1;
        opaque account_id[32];
        opaque capability[32];              /* the proof of a Drop; the host knows its SHA-256 */
        uint32 last_day;                    /* days since 1970, UTC; 0: none is said. A hint, as the name is */
        opaque name<V>;                     /* without @host; may be empty */
    } Invite;

    https://<host>/i#<text>     what people send each other; a browser does not send what follows the #
    aparte:i/<host>/<text>      for a QR code that no browser is to open

The text is the structure with its check over label<V> "aparte/1 invite check" and the host (`armor`), which is said
once, in front. All versions keep these two forms, the first byte, and the check. Where the host is on this machine,
which nobody certifies, the scheme is http.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from aparte.codec import DecodeError, Reader, encode_vector
from aparte.trust.addresses import Host, is_loopback, normalize_host
from aparte.trust.armor import armored, unarmored
from aparte.trust.errors import AddressRefused, CallerError, InviteRefused, NameRefused, UnknownVersion
from aparte.trust.fields import encode_version, label, number, opaque, read_version
from aparte.trust.names import Name, normalize_name
from aparte.trust.rules import InviteRule
from aparte.wire.ids import HASH_LENGTH, AccountId, Millis
from aparte.wire.limits import MAX_NAME

__all__ = ["CAPABILITY_LENGTH", "MAX_INVITE_LINK", "Invite", "new_invite", "parse_invite"]

CAPABILITY_LENGTH: Final = 32
#: The longest host and name make a link of 462 characters.
MAX_INVITE_LINK: Final = 512

_CHECK: Final = label(b"invite check")
_DAY: Final = 86_400_000
#: A link that lost its end still shows what it was: the text may be missing, and the # before it.
_URL: Final = re.compile(r"((?i:https?))://([^/?#@\s]*)/i(?:#(\S*))?")
_URI: Final = re.compile(r"((?i:aparte)):i/([^/?#@\s]*)(?:/(\S*))?")


@dataclass(frozen=True, slots=True)
class Invite:
    """Where to drop, and what opens the lane. What the link says of name and time is not to be relied on."""

    host: Host
    account_id: AccountId
    capability: bytes = field(repr=False)
    last_day: int = 0
    name: Name | None = None

    def url(self) -> str:
        """`https://<host>/i#...`. Raises `EncodeError`."""
        scheme = "http" if is_loopback(self.host) else "https"
        return f"{scheme}://{self.host}/i#{self._text()}"

    def uri(self) -> str:
        """`aparte:i/<host>/...`. Raises `EncodeError`."""
        return f"aparte:i/{self.host}/{self._text()}"

    def is_over(self, now: Millis) -> bool:
        """Whether the link says that it has ended. If it has not, its owner may have ended it all the same."""
        return bool(self.last_day) and now // _DAY > self.last_day

    def _text(self) -> str:
        secret = opaque(self.account_id, HASH_LENGTH) + opaque(self.capability, CAPABILITY_LENGTH)
        hints = number(self.last_day, bits=32) + encode_vector((self.name or "").encode())
        return armored(encode_version() + secret + hints, label=_CHECK, context=self.host.encode())


def new_invite(
    host: Host, account_id: AccountId, *, rng: Callable[[int], bytes], last_day: int = 0, name: Name | None = None
) -> Invite:
    """With a capability of its own, so that this link is revoked without any other. Raises `CallerError`."""
    capability = rng(CAPABILITY_LENGTH)
    if len(capability) != CAPABILITY_LENGTH:
        raise CallerError(f"the source of randomness gave {len(capability)} bytes for {CAPABILITY_LENGTH}")
    return Invite(host, account_id, capability, last_day, name)


def parse_invite(text: str) -> Invite:
    """What a link says, in either form. Raises `InviteRefused`, or `UnknownVersion` for a newer program's link."""
    if len(text) > MAX_INVITE_LINK:
        raise InviteRefused(InviteRule.TOO_LONG)
    found = _URL.fullmatch(text.strip()) or _URI.fullmatch(text.strip())
    if found is None:
        raise InviteRefused(InviteRule.FORM)
    try:
        host = normalize_host(found[2])
    except AddressRefused as error:
        raise InviteRefused(InviteRule.HOST, error.rule.problem) from None
    if found[1].lower() == "http" and not is_loopback(host):
        raise InviteRefused(InviteRule.FORM, "it begins with https")
    try:
        data = unarmored(found[3] or "", label=_CHECK, context=host.encode())
    except DecodeError:
        raise InviteRefused(InviteRule.CUT) from None
    return _read(data, host)


def _read(data: bytes, host: Host) -> Invite:
    reader = Reader(data)
    try:
        read_version(reader, "Invite")
        account_id, capability = AccountId(reader.take(HASH_LENGTH)), reader.take(CAPABILITY_LENGTH)
        last_day, name = reader.u32(), _read_name(reader.vector(MAX_NAME))
        reader.finish()
    except UnknownVersion:
        raise
    except DecodeError as error:
        raise InviteRefused(InviteRule.CONTENT, error.problem) from None
    return Invite(host, account_id, capability, last_day, name)


def _read_name(data: bytes) -> Name | None:
    """A name in its normal form, and nothing else: what stands there is shown to people."""
    try:
        text = data.decode()
        name = normalize_name(text, allow_reserved=True) if text else None
    except (UnicodeDecodeError, NameRefused):
        raise InviteRefused(InviteRule.CONTENT, "nobody may be called that") from None
    if (name or "") != text:
        raise InviteRefused(InviteRule.CONTENT, "the name is not in its normal form")
    return name
