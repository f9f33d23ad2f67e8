"""Fuzz targets, for `tools/fuzz.py`. Each module has `seeds()`, valid inputs to begin with, and `target(data)`."""
