"""The index's schema as numbered SQL files, applied in order."""

from __future__ import annotations

from importlib.resources import files
from typing import Final

__all__ = ["SCHEMA"]

SCHEMA: Final = files(__name__).joinpath("0001_blobs.sql").read_text(encoding="utf-8")
