"""Structures by declaration: a dataclass whose annotations say how each field is written.

    @structure
    class Pass:
        day: Annotated[int, U32]
        mac: Annotated[bytes, Opaque(16)]

`layout_of(Pass)` then encodes, decodes, and writes itself down in the presentation language (RFC 8446 §3) for the
wire specification, so that code and specification cannot disagree. Neighbouring fields of fixed size are read and
written by one `struct.Struct`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Annotated, Any, Generic, TypeVar, dataclass_transform, get_origin, get_type_hints

from aparte.codec import DecodeError, EncodeError, Reader, encode_vector
from aparte.wire.ids import MAX_NUMBER
from aparte.wire.kinds import U8, U16, U32, U64, Choice, Field, Number, Opaque, Text, Vector

__all__ = [
    "U8",
    "U16",
    "U32",
    "U64",
    "Choice",
    "Field",
    "Layout",
    "ListOf",
    "Maybe",
    "Nested",
    "Opaque",
    "Text",
    "Vector",
    "encode",
    "layout_of",
    "structure",
]

T = TypeVar("T")


@dataclass(frozen=True)
class Maybe(Field):
    """`optional<T>` (RFC 9420 §2.1.1)."""

    inner: Field

    def encode(self, value: Any) -> bytes:
        return b"\x00" if value is None else b"\x01" + _encode_one(self.inner, value)

    def decode(self, reader: Reader) -> Any:
        return _decode_one(self.inner, reader) if reader.optional() else None

    def declare(self, name: str) -> str:
        inner, _, remark = self.inner.declare("").partition(";")
        return f"optional<{inner.replace(' ', '')}> {name};{remark}"


@dataclass(frozen=True)
class ListOf(Field):
    """A vector of at most `limit` structures, as a tuple."""

    inner: type[Any]
    limit: int

    def encode(self, value: Any) -> bytes:
        if len(value) > self.limit:
            raise EncodeError(f"{len(value)} items where {self.limit} are allowed")
        layout = layout_of(self.inner)
        return encode_vector(b"".join([layout.encode(item) for item in value]))

    def decode(self, reader: Reader) -> Any:
        start, layout = reader.position, layout_of(self.inner)
        inside = reader.nested()
        items: list[Any] = []
        while inside:
            if len(items) == self.limit:
                raise DecodeError(f"more than {self.limit} items", start)
            items.append(layout.decode_from(inside))
        return tuple(items)

    def declare(self, name: str) -> str:
        return f"{self.inner.__name__} {name}<V>;  /* at most {self.limit:,} items */"


@dataclass(frozen=True)
class Nested(Field):
    """A structure in its place, without a length."""

    inner: type[Any]

    def encode(self, value: Any) -> bytes:
        return layout_of(self.inner).encode(value)

    def decode(self, reader: Reader) -> Any:
        return layout_of(self.inner).decode_from(reader)

    def declare(self, name: str) -> str:
        return f"{self.inner.__name__} {name};"


def _encode_one(field: Field, value: Any) -> bytes:
    if not field.format:
        return field.encode(value)
    if isinstance(field, Opaque) and len(value) != field.length:
        raise EncodeError(f"{len(value)} bytes where {field.length} belong")
    return struct.pack(f">{field.format}", value)


def _decode_one(field: Field, reader: Reader) -> Any:
    if not field.format:
        return field.decode(reader)
    start = reader.position
    return _accepted(field, reader.unpack(struct.Struct(f">{field.format}"))[0], start=start)


def _accepted(field: Field, value: Any, *, start: int) -> Any:
    try:
        return field.accept(value)
    except ValueError as error:
        raise DecodeError(str(error), start) from error


class Layout(Generic[T]):
    """The fields of one structure, neighbours of fixed size taken together."""

    __slots__ = ("_cls", "_groups", "fields")

    def __init__(self, cls: type[T], declared: list[tuple[str, Field]]) -> None:
        self._cls = cls
        self.fields = declared
        self._groups = [_Group(run) for run in _runs(declared)]

    def encode(self, value: T) -> bytes:
        """Raises `EncodeError` for what does not fit."""
        try:
            return b"".join([group.encode(value) for group in self._groups])
        except (struct.error, UnicodeEncodeError) as error:
            raise EncodeError(f"{self._cls.__name__}: {error}") from error

    def decode_from(self, reader: Reader) -> T:
        """Read one structure; raises `DecodeError`."""
        start = reader.position
        values: list[Any] = []
        for group in self._groups:
            group.decode(reader, values)
        try:
            return self._cls(*values)
        except ValueError as error:
            raise DecodeError(str(error), start) from error

    def decode(self, data: bytes) -> T:
        """Read one structure that is all of `data`."""
        reader = Reader(data)
        value = self.decode_from(reader)
        reader.finish()
        return value

    def declare(self) -> str:
        """The structure in the presentation language."""
        lines = "".join(f"    {field.declare(name.rstrip('_'))}\n" for name, field in self.fields)
        return f"struct {{\n{lines}}} {self._cls.__name__};"


class _Group:
    """A run of fixed fields, or one field of its own length."""

    __slots__ = ("_accepts", "_get", "_lengths", "_numbers", "_struct", "_variable")

    def __init__(self, run: list[tuple[str, Field]]) -> None:
        names = [name for name, _ in run]
        one = attrgetter(names[0])
        self._get: Callable[[Any], Any] = attrgetter(*names) if len(names) > 1 else lambda value: (one(value),)
        self._variable = None if run[0][1].format else run[0][1]
        self._struct = struct.Struct(">" + "".join(field.format for _, field in run))
        self._lengths = [(i, field.length) for i, (_, field) in enumerate(run) if isinstance(field, Opaque)]
        self._numbers = [i for i, (_, field) in enumerate(run) if isinstance(field, Number)]
        self._accepts = [(i, field) for i, (_, field) in enumerate(run) if type(field).accept is not Field.accept]

    def encode(self, value: Any) -> bytes:
        given = self._get(value)
        if self._variable is not None:
            return self._variable.encode(given[0])
        for i, length in self._lengths:  # `struct` would cut or pad them without a word
            if len(given[i]) != length:
                raise EncodeError(f"{len(given[i])} bytes where {length} belong")
        for i in self._numbers:
            if given[i] > MAX_NUMBER:
                raise EncodeError(f"{given[i]} is above 2^63 - 1")
        return self._struct.pack(*given)

    def decode(self, reader: Reader, values: list[Any]) -> None:
        if self._variable is not None:
            values.append(self._variable.decode(reader))
            return
        start, found = reader.position, reader.unpack(self._struct)
        if self._accepts:
            converted = list(found)
            for i, field in self._accepts:
                converted[i] = _accepted(field, found[i], start=start)
            values += converted
        else:
            values += found


def _runs(declared: list[tuple[str, Field]]) -> list[list[tuple[str, Field]]]:
    runs: list[list[tuple[str, Field]]] = []
    for name, field in declared:
        if field.format and runs and runs[-1][-1][1].format:
            runs[-1].append((name, field))
        else:
            runs.append([(name, field)])
    return runs


_LAYOUTS: dict[type, Layout[Any]] = {}


@dataclass_transform(frozen_default=True)
def structure(cls: type[T]) -> type[T]:
    """A frozen, slotted dataclass with a layout. Every field is `Annotated` with a `Field`."""
    made = dataclass(frozen=True, slots=True)(cls)
    hints = get_type_hints(made, include_extras=True)
    declared = [(item.name, _annotation(hints[item.name], item.name)) for item in fields(made)]  # type: ignore[arg-type]
    _LAYOUTS[made] = Layout(made, declared)
    return made


def _annotation(hint: Any, name: str) -> Field:
    if get_origin(hint) is Annotated:
        for extra in hint.__metadata__:
            if isinstance(extra, Field):
                return extra
    raise TypeError(f"{name} does not say how it is written")


def layout_of(cls: type[T]) -> Layout[T]:
    """The layout of a class made by `structure`."""
    return _LAYOUTS[cls]


def encode(value: object) -> bytes:
    """The bytes of a value of a class made by `structure`."""
    return _LAYOUTS[type(value)].encode(value)
