"""`aparte`, but its clock is off by as many milliseconds as the file `off` says, and it sweeps all the time.

With `--believes-all` it forgets by whatever the clock says: what the suite has to find.
"""

from __future__ import annotations

import importlib
import sys
import time
from pathlib import Path

from aparte.cli import main
from aparte.server.forgetting import ForgettingClock
from aparte.wire.ids import Millis


def now() -> Millis:
    """The real clock, and what it is off by."""
    path = Path("off")
    off = int(path.read_text()) if path.exists() else 0
    return Millis(time.time_ns() // 1_000_000 + off)


def believe(_: ForgettingClock, _now: Millis, *, swept: Millis | None, steady: int) -> bool:  # noqa: ARG001
    return swept is not None


if __name__ == "__main__":
    if "--believes-all" in sys.argv:
        sys.argv.remove("--believes-all")
        ForgettingClock.may_forget = believe  # type: ignore[method-assign]
    vars(importlib.import_module("aparte.server.shell.serve"))["now"] = now
    background = vars(importlib.import_module("aparte.server.shell.background"))
    background["_SWEEPS"] = background["_STEP"] = 0.05
    main()
