"""Media types that are read and written here, and how one is recognised (RFC 2045 §5.1)."""

from __future__ import annotations

from typing import Final

__all__ = ["MARKDOWN", "MEDIA", "PLAIN", "REPORT", "is_audio", "is_markdown", "is_media", "is_plain", "is_report"]

MARKDOWN: Final = "text/markdown;variant=GFM-MIMI"
PLAIN: Final = "text/plain;charset=utf-8"
REPORT: Final = "application/mimi-message-status"
MEDIA: Final = "application/vnd.aparte.media+cbor"

_PLAIN_CHARSETS: Final = {"", "utf-8", "us-ascii"}


def is_markdown(content_type: str) -> bool:
    """Markdown of the draft's variant. Others may mean another thing by the same signs, and are read as plain text."""
    name, parameters = _parse(content_type)
    return name == "text/markdown" and parameters.get("variant") == "gfm-mimi"


def is_plain(content_type: str) -> bool:
    """What may be shown as it stands."""
    name, parameters = _parse(content_type)
    return name in {"text/plain", "text/markdown"} and parameters.get("charset", "") in _PLAIN_CHARSETS


def is_report(content_type: str) -> bool:
    return _parse(content_type)[0] == REPORT


def is_media(content_type: str) -> bool:
    return _parse(content_type)[0] == MEDIA


def is_audio(content_type: str) -> bool:
    return content_type.lower().startswith("audio/")


def _parse(content_type: str) -> tuple[str, dict[str, str]]:
    """The type, and its parameters: all in lower case, for none that is read here is told apart by case."""
    name, *others = content_type.lower().split(";")
    pairs = [other.partition("=") for other in others]
    return name.strip(), {key.strip(): value.strip().strip('"') for key, _, value in pairs}
