"""Reading hex fields, and comparing without `assert`, which an optimised run would drop."""

from __future__ import annotations

from typing import Any

__all__ = ["equal", "raw", "refused"]


def raw(value: str) -> bytes:
    return bytes.fromhex(value)


def equal(found: Any, expected: Any, what: str) -> None:
    if found != expected:
        shown = [v.hex() if isinstance(v, bytes) else repr(v) for v in (found, expected)]
        raise ValueError(f"{what}: {shown[0]} instead of {shown[1]}")


def refused(error: type[Exception], call: Any, what: str) -> None:
    """Raise unless `call()` raises `error`."""
    try:
        call()
    except error:
        return
    raise ValueError(f"{what} was not refused")
