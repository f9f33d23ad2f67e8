"""Link codes: what an old device shows, and a new one scans or types, to become a device of the account.

    struct { uint8 version = 1; opaque secret[16]; opaque check[3]; } Code;         in base 32, 32 letters and digits
    check = SHA-256(label<V> "aparte/1 link code check" || host<V> || version || secret)[0..3]

    example.org ABCD-EFGH-IJKL-MNOP-QRST-UVWX-YZ23-4567

The secret is the hash of the offer that waits in the rendezvous log, and all of that log's keys come from it (docs/
protocol/linking.md). So 128 bits say where to meet, keep the host out, and name one account and one old device.

No link and no URI holds such a code, and QR codes hold it as plain text: nothing on a system opens it but a camera
within the program. How it came in is asked for, so that a caller has to know.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from aparte.codec import Reader, encode_vector
from aparte.trust.addresses import Host, normalize_host
from aparte.trust.errors import AddressRefused, LinkingRefused
from aparte.trust.fields import digest, encode_version, label, opaque, read_version
from aparte.trust.rules import LinkingRule
from aparte.wire.limits import MAX_HOST_NAME

__all__ = ["LINK_SECRET_LENGTH", "CodeSource", "LinkCode", "read_link_code"]

LINK_SECRET_LENGTH: Final = 16
_CHECK_LENGTH: Final = 3
_LETTERS: Final = 32
_CHECK: Final = label(b"link code check")
_MAX_TYPED: Final = MAX_HOST_NAME + 4 * _LETTERS
#: What base 32 leaves out because it looks like another one.
_MEANT: Final = str.maketrans("08", "OB", "-")
#: Both letters and digits, in groups or not, after the host.
_FORM: Final = re.compile(r"(\S+)\s+([A-Za-z0-9\s-]+)")


class CodeSource(Enum):
    """How a code came into the program."""

    SCANNED = "scanned by the program's own camera view"
    TYPED = "typed, letter by letter"
    PASTED = "pasted"
    OPENED = "opened from a chat, a page, a link or another program"


#: A code is on the screen of a device that lies beside the new one; what lies there needs no clipboard.
_TAKEN: Final = frozenset({CodeSource.SCANNED, CodeSource.TYPED})


@dataclass(frozen=True, slots=True)
class LinkCode:
    """Where the two devices meet, and the secret between them, for some minutes."""

    host: Host
    secret: bytes = field(repr=False)

    def text(self) -> str:
        """For people, and for the QR code."""
        data = encode_version() + opaque(self.secret, LINK_SECRET_LENGTH)
        letters = base64.b32encode(data + _check(data, self.host)).decode()
        return f"{self.host} " + "-".join([letters[start : start + 4] for start in range(0, _LETTERS, 4)])


def read_link_code(text: str, source: CodeSource) -> LinkCode:
    """The code that was scanned or typed. Raises `LinkingRefused`, or `UnknownVersion` for a newer program's code."""
    if source not in _TAKEN:
        raise LinkingRefused(LinkingRule.SOURCE)
    found = _FORM.fullmatch(text.strip()) if len(text) <= _MAX_TYPED else None
    if found is None:
        raise LinkingRefused(LinkingRule.FORM)
    try:
        host = normalize_host(found[1])
    except AddressRefused as error:
        raise LinkingRefused(LinkingRule.FORM, error.rule.problem) from None
    letters = "".join(found[2].split()).upper().translate(_MEANT)
    data = _whole(letters, host)
    reader = Reader(data)
    read_version(reader, "LinkCode")
    return LinkCode(host, reader.rest())


def _whole(letters: str, host: Host) -> bytes:
    if len(letters) != _LETTERS:
        raise LinkingRefused(LinkingRule.TYPING, f"it has {len(letters)} letters and digits of {_LETTERS}")
    try:
        found = base64.b32decode(letters)
    except binascii.Error:
        raise LinkingRefused(LinkingRule.TYPING, "it has letters A to Z and digits 2 to 7") from None
    data, check = found[:-_CHECK_LENGTH], found[-_CHECK_LENGTH:]
    if check != _check(data, host):
        raise LinkingRefused(LinkingRule.TYPING)
    return data


def _check(data: bytes, host: Host) -> bytes:
    return digest(_CHECK + encode_vector(host.encode()) + data)[:_CHECK_LENGTH]
