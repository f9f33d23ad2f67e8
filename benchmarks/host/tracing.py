"""Which files a process flushes, as the kernel was asked for it: `strace` on all of its threads for a while."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.host.rows import NotMeasured

__all__ = ["flushes_traced"]

_CALLS = "fsync,fdatasync,sync_file_range,msync"
#: `<pid> fdatasync(7</path/to/file>) = 0`; a call that another thread interrupts stands in two lines, the path first.
_FLUSH = re.compile(r"\b(?:fsync|fdatasync)\(\d+<([^>]*)>")
_ATTACHED = 10.0


@contextmanager
def flushes_traced(pid: int, folder: Path) -> Iterator[Counter[str]]:
    """How often which file was flushed while the context lasted: filled when it is left."""
    strace = shutil.which("strace")
    if strace is None:
        raise NotMeasured("strace is not installed")
    out = folder / f"strace-{pid}"
    command = [strace, "-f", "-y", "-e", f"trace={_CALLS}", "-o", str(out), "-p", str(pid)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    found: Counter[str] = Counter()
    try:
        _await_attached(process)
        yield found
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    found.update(_FLUSH.findall(out.read_text()))
    out.unlink()


def _await_attached(process: subprocess.Popen[str]) -> None:
    """strace says so, thread by thread. Raises `NotMeasured` if it may not."""
    assert process.stderr is not None
    line = process.stderr.readline()
    if "attached" not in line:
        raise NotMeasured(f"strace cannot look at the process: {line.strip() or process.wait(_ATTACHED)}")
    time.sleep(0.5)
