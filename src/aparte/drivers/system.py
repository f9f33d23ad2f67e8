"""The real clock and the real randomness, for whoever composes a program."""

from __future__ import annotations

import time

from aparte.crypto import Provider
from aparte.crypto.native import NativeProvider
from aparte.wire.ids import Millis

__all__ = ["provider", "system_clock"]


def system_clock() -> Millis:
    """Milliseconds since 1970-01-01T00:00Z, by the machine's clock."""
    return Millis(time.time_ns() // 1_000_000)


def provider() -> Provider:
    """Cryptography that draws from the system's randomness."""
    return NativeProvider()
