"""What goes wrong between a host and its CA."""

from __future__ import annotations

from typing import Final

__all__ = ["AcmeFailed", "plain"]

_MOST_CHARACTERS: Final = 600


class AcmeFailed(Exception):
    """No certificate. `heard` if the CA said so itself; `pause` is the seconds that it wants to be left alone for."""

    def __init__(self, said: str, *, heard: bool = False, pause: float = 0.0) -> None:
        super().__init__(said)
        self.heard = heard
        self.pause = pause


def plain(text: str) -> str:
    """What somebody else wrote, as one line of bounded length for people and logs."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: 2 * _MOST_CHARACTERS]).split())
    return line if len(line) <= _MOST_CHARACTERS else f"{line[:_MOST_CHARACTERS]}…"
