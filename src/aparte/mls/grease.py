"""GREASE (RFC 9420 §13.5): values that nobody knows, sent so that nobody forgets to ignore them.

Only those who write lists come here, and those who ask what they themselves can do. Nothing that judges others
may: unknown values take their usual way.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from aparte.crypto import Suite
from aparte.mls.capabilities import Capabilities
from aparte.mls.extensions import Extensions

__all__ = ["GREASE_VALUES", "grease_capabilities", "grease_extensions", "grease_value", "without_grease"]

GREASE_VALUES: Final = tuple(0x0A0A + 0x1010 * i for i in range(15))


def grease_value(suite: Suite) -> int:
    """One of the fifteen, at random."""
    return GREASE_VALUES[suite.random(1)[0] % len(GREASE_VALUES)]


def grease_capabilities(suite: Suite, own: Capabilities) -> Capabilities:
    """What goes into a leaf: one's own capabilities, and one unknown value at the end of each list that may hold one.

    The same value in all of them: fifteen variants of a capability list can be kept parsed, thousands cannot.
    """
    value = grease_value(suite)
    return replace(
        own,
        cipher_suites=(*own.cipher_suites, value),
        extensions=(*own.extensions, value),
        proposals=(*own.proposals, value),
        credentials=(*own.credentials, value),
    )


def without_grease(listed: Capabilities) -> Capabilities:
    """One's own capabilities as they are, out of one's own leaf (rules 13.5.5, 13.5.6)."""
    return replace(
        listed,
        cipher_suites=_real(listed.cipher_suites),
        extensions=_real(listed.extensions),
        proposals=_real(listed.proposals),
        credentials=_real(listed.credentials),
    )


def grease_extensions(suite: Suite, own: Extensions) -> Extensions:
    """The same list with an unknown, empty extension at the end; for GroupInfo, where it needs no capability."""
    return own.with_extension(grease_value(suite), b"")


def _real(values: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(value for value in values if value not in GREASE_VALUES)
