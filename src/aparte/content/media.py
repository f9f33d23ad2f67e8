"""What is known of a file before it has come: how long it plays, how loud it is when, how large the picture is.

    Media = { ? 1 => duration in ms, ? 2 => waveform, ? 3 => width, ? 4 => height, ? 5 => placeholder, * int => any }

It stands beside its `ExternalPart` as a preview of type `application/vnd.aparte.media+cbor`.
"""

from __future__ import annotations

from dataclasses import dataclass

from aparte.codec import DecodeError, EncodeError
from aparte.content.cbor import dumps, loads
from aparte.content.errors import ContentError, ContentRefused
from aparte.content.fields import take_bytes, take_number
from aparte.content.limits import MAX_PLACEHOLDER, MAX_WAVEFORM
from aparte.content.rules import ContentRule

__all__ = ["Media"]

_DURATION, _WAVEFORM, _WIDTH, _HEIGHT, _PLACEHOLDER = range(1, 6)


@dataclass(frozen=True, slots=True)
class Media:
    """All of it may be missing. `waveform` has a byte for each bar, 255 being the loudest, evenly over the duration."""

    duration_ms: int | None = None
    waveform: bytes | None = None
    width: int | None = None
    height: int | None = None
    placeholder: bytes | None = None

    @classmethod
    def decode(cls, data: bytes) -> Media:
        """Raises `ContentRefused`. What a newer version adds is passed over."""
        try:
            fields = loads(data)
        except DecodeError as error:
            raise ContentRefused(ContentRule.MEDIA, str(error)) from None
        if not isinstance(fields, dict):
            raise ContentRefused(ContentRule.TYPE, "media is no map")
        return cls(
            _number(fields.get(_DURATION), "duration", bits=32),
            _bytes(fields.get(_WAVEFORM), "waveform", most=MAX_WAVEFORM),
            _number(fields.get(_WIDTH), "width", bits=16),
            _number(fields.get(_HEIGHT), "height", bits=16),
            _bytes(fields.get(_PLACEHOLDER), "placeholder", most=MAX_PLACEHOLDER),
        )

    def encode(self) -> bytes:
        """Raises `EncodeError` for whatever would be refused."""
        values = (self.duration_ms, self.waveform, self.width, self.height, self.placeholder)
        data = dumps({key: value for key, value in enumerate(values, 1) if value is not None})
        try:
            Media.decode(data)
        except ContentError as error:
            raise EncodeError(f"it would be refused: {error}") from None
        return data


def _number(value: object, name: str, *, bits: int) -> int | None:
    return None if value is None else take_number(value, name, bits=bits)


def _bytes(value: object, name: str, *, most: int) -> bytes | None:
    return None if value is None else take_bytes(value, name, most=most)
