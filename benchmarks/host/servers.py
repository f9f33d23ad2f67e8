"""The servers under test, each a process of its own with a folder of its own, and the programs that load them."""

from __future__ import annotations

import json
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

__all__ = ["Programs", "Server", "computed", "finish", "free_port", "load", "loading", "pause", "running", "settled"]

ROOT = Path(__file__).parents[2]
TICKS = os.sysconf("SC_CLK_TCK")
#: A log's own pace is no part of what is measured here; all limits are on.
CONFIG = """
metrics = "127.0.0.1:{metrics}"
[limits]
posts_per_second_of_a_log = 10000
kib_per_second_of_a_log = 1000
frames_per_second_of_an_address = 1000
"""


def computed(pid: int) -> float:
    """Seconds that a process computed, all threads, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


@dataclass(frozen=True)
class Server:
    """A running one."""

    name: str
    port: int
    pid: int
    folder: Path
    #: Seconds from its beginning until it said that it serves.
    start_s: float
    #: Where a host shows its figures, if it was asked to.
    metrics: int | None = None

    def cpu(self) -> float:
        return computed(self.pid)

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


def _host_words(folder: Path, port: int, *, metrics: int | None) -> list[str]:
    folder.mkdir(exist_ok=True)
    config = folder / "bench.toml"
    text = CONFIG.format(metrics=metrics)
    config.write_text(text if metrics else text.replace('metrics = "127.0.0.1:None"\n', ""))
    script = Path(sys.executable).with_name("aparte")
    words = [str(script), "serve", "--config", str(config), "--data", str(folder / "data")]
    return [*words, "--listen", f"127.0.0.1:{port}"]


def _words(name: str, folder: Path, *, port: int, metrics: int | None) -> list[str]:
    match name:
        case "host":
            return _host_words(folder, port, metrics=metrics)
        case "plain":
            return [sys.executable, "-m", "benchmarks.host.plain", str(port)]
        case _:
            mode = {"bare": "rows", "echo": "echo"}[name]
            return [sys.executable, "-m", "benchmarks.host.bare", str(port), str(folder), mode]


@contextmanager
def running(name: str, folder: Path, *, has_metrics: bool = False) -> Iterator[Server]:
    """`host`, `bare`, `echo` or `plain`. A host goes on with what its folder holds."""
    port, metrics = free_port(), free_port() if has_metrics else None
    words = _words(name, folder, port=port, metrics=metrics)
    begun = time.perf_counter()
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        if not process.stdout.readline():
            raise RuntimeError(f"{name} did not start: exit {process.wait(20)}")
        yield Server(name, port, process.pid, folder, time.perf_counter() - begun, metrics)
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@dataclass(frozen=True)
class Programs:
    """The loaders."""

    load: Path
    arrive: Path

    @classmethod
    def compiled(cls, folder: Path) -> Programs:
        here = Path(__file__).parent
        for name in ("load", "arrive"):
            words = [os.environ.get("CC", "cc"), "-O2", "-o", str(folder / name), str(here / f"{name}.c")]
            subprocess.run(words, check=True)
        return cls(folder / "load", folder / "arrive")

    @contextmanager
    def arriving(self, server: Server, grants: Path, *, links: int, counts: tuple[int, ...]) -> Iterator[Arrivals]:
        """Links that come and stay until the context is left."""
        words = [str(self.arrive), str(server.port), str(grants), str(links), "64", *map(str, counts)]
        process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            yield Arrivals(process)
        finally:
            process.terminate()
            process.wait(20)


class Arrivals:
    """The links of one run of `arrive`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def seconds(self) -> float:
        """Wait until all links have opened what they are to open in this phase; how long that took."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the links did not come up: exit {self._process.wait(20)}")
        return float(line)

    def go_on(self) -> None:
        """Begin the next phase."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()


@contextmanager
def loading(
    programs: Programs, server: Server, *, words: tuple[float | Path, ...], body: int = 1024
) -> Iterator[subprocess.Popen[str]]:
    """A loader whose links have opened their logs; it begins to post when told a line. `words`: see `load`."""
    command = [str(programs.load), str(server.port), *map(str, words), str(body), str(server.pid)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        if process.stdout.readline() != "opened\n":
            raise RuntimeError(f"the loader could not begin: exit {process.wait(20)}")
        yield process
    finally:
        process.kill()
        process.wait()


def load(programs: Programs, server: Server, *, words: tuple[float | Path, ...], body: int = 1024) -> dict[str, float]:
    """One turn; `words` are grants, links, posters, window, seconds."""
    with loading(programs, server, words=words, body=body) as process:
        return finish(process)


def finish(process: subprocess.Popen[str]) -> dict[str, float]:
    """Let a loader post; what it found. Raises if the host held posters back."""
    printed, _ = process.communicate("\n")
    if process.returncode:
        raise RuntimeError(f"the loader failed: exit {process.returncode}")
    found: dict[str, float] = json.loads(printed)
    if found["busy_s"]:
        raise RuntimeError(f"the host's paces held {found['busy_s']:.0f} posts a second back: no measure of its speed")
    return found


def pause() -> None:
    """Let the disk and the other core come to rest."""
    time.sleep(0.5)


def settled(server: Server, *, patience: float = 30.0) -> None:
    """Return when the server computes hardly anything any more."""
    until = time.monotonic() + patience
    before = server.cpu()
    while time.monotonic() < until:
        time.sleep(0.5)
        after = server.cpu()
        if after - before < 0.05:
            return
        before = after
