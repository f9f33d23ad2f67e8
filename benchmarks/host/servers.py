"""The servers under test, each a process of its own with a folder of its own."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
TICKS = os.sysconf("SC_CLK_TCK")
CONFIG = """
[limits]
posts_per_second_of_a_log = 1000
kib_per_second_of_a_log = 1000
frames_per_second_of_an_address = 1000
"""


@dataclass(frozen=True)
class Server:
    """A running one."""

    name: str
    port: int
    pid: int
    folder: Path

    def cpu(self) -> float:
        """Seconds that it computed, all threads, user and system."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def rss(self) -> int:
        """Bytes that it holds in memory."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+)", status)
        return int(found[1]) * 1024 if found else 0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(name: str, folder: Path) -> Iterator[Server]:
    """`host`, `bare` or `echo`."""
    port = free_port()
    if name == "host":
        folder.mkdir()
        config = folder / "bench.toml"
        config.write_text(CONFIG)
        script = Path(sys.executable).with_name("aparte")
        words = [str(script), "serve", "--config", str(config), "--data", str(folder / "data")]
        words += ["--listen", f"127.0.0.1:{port}"]
    else:
        mode = "rows" if name == "bare" else "echo"
        words = [sys.executable, "-m", "benchmarks.host.bare", str(port), str(folder), mode]
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield Server(name, port, process.pid, folder)
    finally:
        process.terminate()
        process.wait(20)


def compiled(folder: Path) -> Path:
    """The loader, made from `load.c`."""
    program = folder / "load"
    source = Path(__file__).with_name("load.c")
    subprocess.run([os.environ.get("CC", "cc"), "-O2", "-o", program, source], check=True)
    return program


def pause() -> None:
    """Let the disk and the other core come to rest."""
    time.sleep(0.5)
