"""The schema of an engine's file, as numbered SQL files."""

from aparte.schema import SchemaStep, migrations

__all__ = ["steps"]


def steps() -> list[SchemaStep]:
    """All of them, in order."""
    return migrations(__name__)
