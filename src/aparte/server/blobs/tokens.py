"""Random names and secrets as text: base64url (RFC 4648 §5) without padding, one spelling for each."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

__all__ = ["TOKEN_LENGTH", "decode_token", "encode_token"]

#: Bytes of an id or an erase token. Nobody guesses one.
TOKEN_LENGTH: Final = 16

_ALPHABET: Final = re.compile(r"[A-Za-z0-9_-]*")


def encode_token(token: bytes) -> str:
    return urlsafe_b64encode(token).decode().rstrip("=")


def decode_token(text: str) -> bytes:
    """Raises ValueError for anything that `encode_token` does not write."""
    if not _ALPHABET.fullmatch(text):  # the decoder would skip what it does not know
        raise ValueError("not base64url")
    token = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if encode_token(token) != text:
        raise ValueError("not the shortest spelling")
    return token
