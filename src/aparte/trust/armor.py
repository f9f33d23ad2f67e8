"""How a structure stands in a link: base64url without padding, with four bytes that tell whether it is whole.

    check = SHA-256(label<V> || context<V> || data)[0..4]                       text = base64url(data || check)

The check keeps nobody from writing another link. It notices one that was cut, or that a program "improved".
"""

from __future__ import annotations

import base64
import binascii
from typing import Final

from aparte.codec import DecodeError, encode_vector
from aparte.trust.fields import digest

__all__ = ["CHECK_LENGTH", "armored", "unarmored"]

CHECK_LENGTH: Final = 4


def armored(data: bytes, *, label: bytes, context: bytes) -> str:
    """`context` is what stands beside the text, and is covered without being repeated."""
    return base64.urlsafe_b64encode(data + _check(data, label, context=context)).decode().rstrip("=")


def unarmored(text: str, *, label: bytes, context: bytes) -> bytes:
    """The data. Raises `DecodeError` unless it is whole, and written in the one way that there is."""
    try:
        found = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (ValueError, binascii.Error):
        raise DecodeError("not base64url") from None
    data, check = found[:-CHECK_LENGTH], found[-CHECK_LENGTH:]
    if armored(data, label=label, context=context) != text or check != _check(data, label, context=context):
        raise DecodeError("cut or altered", len(data))
    return data


def _check(data: bytes, label: bytes, *, context: bytes) -> bytes:
    return digest(label + encode_vector(context) + data)[:CHECK_LENGTH]
