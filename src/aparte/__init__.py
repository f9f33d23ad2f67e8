"""Aparte: a private messenger that anyone can host.

This package is a house of rooms; imports go one way, from `cli` down to `codec` (docs/design.md, §2).
"""

__all__ = ["__version__"]

__version__ = "0.1.0"
