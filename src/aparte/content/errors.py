"""The error tree: bytes that are no content, and contents that break a rule.

Both say by which rule. `CborRefused` is a `DecodeError`, as every room raises it for bytes that decode to nothing (and
as such it stands outside the tree). A value that would be refused is not written: `aparte.codec.EncodeError`.
"""

from __future__ import annotations

from aparte.codec import DecodeError
from aparte.content.rules import CborRule, ContentRule

__all__ = ["CborRefused", "ContentError", "ContentRefused"]


class CborRefused(DecodeError):
    """The bytes are not a deterministic data item within the bounds."""

    def __init__(self, rule: CborRule, offset: int) -> None:
        super().__init__(f"{rule.problem} [rule {rule.number}]", offset)
        self.rule = rule


class ContentError(Exception):
    """Root of the tree."""


class ContentRefused(ContentError):
    """The data item breaks a rule of contents."""

    def __init__(self, rule: ContentRule, detail: str = "") -> None:
        problem = f"{rule.problem}: {detail}" if detail else rule.problem
        super().__init__(f"{problem} [rule {rule.number}]")
        self.rule = rule
