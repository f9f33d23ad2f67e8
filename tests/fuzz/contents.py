# Invariant: whatever `read_message` takes, its content writes back byte for byte; what it does not take raises
# DecodeError or ContentRefused, and nothing else.
"""What members send each other inside the encryption."""

from __future__ import annotations

from aparte.codec import DecodeError
from aparte.content import ContentRefused, read_message
from tests.unit.content.contents import ORIGIN, examples

seeds = examples


def target(data: bytes) -> None:
    try:
        message = read_message(data, ORIGIN)
    except (DecodeError, ContentRefused):
        return
    if message.content.encode() != data:
        raise AssertionError("decoded, but written differently")
