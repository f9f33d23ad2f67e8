"""The composition root: the `aparte` command. The real clock, randomness and files enter here alone."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib.util import find_spec

import aparte

__all__ = ["main"]

_ROOMS = {
    "codec": "the TLS presentation language: bounded reader, writer",
    "crypto": "cipher suites, HPKE, chunked file encryption",
    "mls": "RFC 9420, Messaging Layer Security",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with *argv* (default: the process's arguments); return the exit status."""
    parser = argparse.ArgumentParser(prog="aparte", description="A private messenger that anyone can host.")
    parser.add_argument("--version", action="version", version=f"aparte {aparte.__version__}")
    parser.parse_args(argv)
    print(_welcome())
    return 0


def _welcome() -> str:
    rooms = [f"  aparte.{name:8}{duty}" for name, duty in _ROOMS.items() if find_spec(f"aparte.{name}")]
    return "\n".join(
        [
            f"Aparte {aparte.__version__}: a private messenger that anyone can host.",
            "",
            "The protocol core is here; the host and the clients come next. Rooms so far:",
            *rooms,
            "",
            "Read on: docs/start.md, then docs/design.md.",
        ]
    )
