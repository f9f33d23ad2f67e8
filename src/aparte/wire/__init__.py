"""Frames between client and host, their identifiers, limits and error codes. Encodings only: no I/O, no keys."""

__all__: list[str] = []
