"""Dataclasses as JSON and back, checked field by field: what comes over a socket may be anything."""

from __future__ import annotations

from dataclasses import asdict, is_dataclass
from types import UnionType
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

__all__ = ["from_json", "to_json"]

T = TypeVar("T")


def to_json(record: Any) -> dict[str, Any]:
    """A dataclass of numbers, texts, and such dataclasses, as what `json` writes."""
    return asdict(record)


def from_json(kind: type[T], found: object) -> T:
    """The record of this kind. Raises `ValueError` unless every field is there, of its type, and nothing else is."""
    hints = get_type_hints(kind)
    if not isinstance(found, dict):
        raise ValueError(f"{kind.__name__}: not an object")
    if found.keys() != hints.keys():
        raise ValueError(f"{kind.__name__} has these fields: {', '.join(hints) or 'none'}")
    return kind(**{name: _value(hint, found[name], name=name) for name, hint in hints.items()})


def _value(hint: Any, found: object, *, name: str) -> object:
    if get_origin(hint) is UnionType:
        if found is None:
            return None
        hint = next(choice for choice in get_args(hint) if choice is not type(None))
    if get_origin(hint) is tuple:
        if not isinstance(found, list):
            raise ValueError(f"{name}: not a list")
        return tuple(_value(get_args(hint)[0], item, name=name) for item in found)
    if is_dataclass(hint):
        return from_json(cast("type[object]", hint), found)
    if type(found) is not hint:
        raise ValueError(f"{name}: not of type {hint.__name__}")
    return found
