"""The schema as numbered SQL files, applied in order."""

from __future__ import annotations

from aparte import schema

__all__ = ["migrations"]


def migrations(package: str = __name__) -> list[schema.SchemaStep]:
    """Every step in a package of SQL files, in order."""
    return schema.migrations(package)
