# Invariant: whatever a decoder takes it writes back byte for byte; what it does not take raises DecodeError or
# PeerError, and nothing else. The first byte of the input chooses the decoder.
"""All decoders of wire structures."""

from __future__ import annotations

from aparte.mls import DecodeError, PeerError
from tests.properties.corpus import corpus
from tests.properties.structures import STRUCTURES

ORDER = tuple(STRUCTURES.values())


def seeds() -> list[bytes]:
    """Every valid message, once for each decoder, with its envelope and without."""
    found = corpus().everything
    return [bytes([number]) + data[cut:] for number in range(len(ORDER)) for data in found for cut in (0, 4)]


def target(data: bytes) -> None:
    if not data:
        return
    structure = ORDER[data[0] % len(ORDER)]
    try:
        value = structure.decode(data[1:])
    except (DecodeError, PeerError):
        return
    if structure.encode(value) != data[1:]:
        raise AssertionError("decoded, but written differently")
