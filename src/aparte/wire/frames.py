"""A frame is one message on a link: a byte that says its type, then its fields.

Numbers below 0x80 go from client to host, the others back. A frame's first field is the number of the request, which
the client chooses and the answer repeats; what the host sends unasked has none. `@frame` enters a class in `FRAMES`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar, dataclass_transform

from aparte.codec import DecodeError, Reader
from aparte.wire.layout import Layout, layout_of, structure

__all__ = ["FRAMES", "FROM_HOST", "UnknownFrame", "decode_frame", "encode_frame", "frame", "frame_type"]

#: This bit is set in the types that the host sends.
FROM_HOST: Final = 0x80


class UnknownFrame(DecodeError):
    """No frame that this version knows has this type. Nothing is wrong with the bytes otherwise."""


FRAMES: Final[dict[int, type]] = {}
_HEADS: dict[type, tuple[bytes, Layout[object]]] = {}

T = TypeVar("T")


@dataclass_transform(frozen_default=True)
def frame(number: int) -> Callable[[type[T]], type[T]]:
    """A structure that travels on its own, under this type number."""

    def enter(cls: type[T]) -> type[T]:
        if number in FRAMES:
            raise ValueError(f"{number:#04x} is {FRAMES[number].__name__}'s")
        made = structure(cls)
        FRAMES[number] = made
        _HEADS[made] = (bytes((number,)), layout_of(made))
        return made

    return enter


def frame_type(cls: type) -> int:
    """The type number of a frame's class."""
    return _HEADS[cls][0][0]


def encode_frame(value: object) -> bytes:
    """The bytes of a frame. Raises `EncodeError` for what does not fit."""
    head, layout = _HEADS[type(value)]
    return head + layout.encode(value)


def decode_frame(data: bytes) -> object:
    """The frame that is all of `data`. Raises `DecodeError`; `UnknownFrame` for a type that nobody knows."""
    reader = Reader(data)
    number = reader.u8()
    cls = FRAMES.get(number)
    if cls is None:
        raise UnknownFrame(f"no frame has type {number:#04x}")
    value: object = layout_of(cls).decode_from(reader)
    reader.finish()
    return value
