"""`python -m benchmarks.host`: the host beside a bare one and an echo, by turns; ratios of what one run measured.

A goal that is missed is said, and does not fail: machines are noisy. `APARTE_BENCH_QUICK=1` measures less.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.host.bench import Bench
from benchmarks.host.disk import flushes_a_second
from benchmarks.host.parts import PARTS
from benchmarks.host.plan import plan_from_environment
from benchmarks.host.report import as_table, as_text, merged, read_rows, write_results
from benchmarks.host.rows import NotMeasured, Row
from benchmarks.host.servers import Programs
from benchmarks.mls.machine import machine

RESULTS = Path(__file__).parents[1] / "results"


@contextmanager
def work_folder(parent: Path) -> Iterator[Path]:
    """A folder that is gone afterwards, even if the run is told to stop."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    parent.mkdir(parents=True, exist_ok=True)
    for left in parent.glob("run-*-*"):  # by a run that was killed: it may have many gigabytes
        if not Path("/proc", left.name.split("-")[1]).exists():
            shutil.rmtree(left)
    with tempfile.TemporaryDirectory(prefix=f"run-{os.getpid()}-", dir=parent) as name:
        yield Path(name)


def measure(bench: Bench, names: list[str]) -> Iterator[Row]:
    """Rows as they are found."""
    for name in names:
        begun = time.perf_counter()
        print(f"\n== {name}: {flushes_a_second(bench.folder):,.0f} fdatasync/s here, now ".ljust(80, "="), flush=True)
        try:
            yield from PARTS[name](bench)
        except NotMeasured as error:
            print(f"not measured: {error}")
        print(f"({time.perf_counter() - begun:.0f} s)", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.host", description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"what to measure (all): {', '.join(PARTS)}")
    parser.add_argument("--json", type=Path, default=RESULTS / "host.json", help="where the figures go, and come from")
    parser.add_argument("--folder", type=Path, default=RESULTS, help="where the servers keep their data meanwhile")
    parser.add_argument("--table", action="store_true", help="measure nothing: print what was measured, as Markdown")
    options = parser.parse_args()
    if unknown := [name for name in options.parts if name not in PARTS]:
        parser.error(f"no such part: {', '.join(unknown)}; there are: {', '.join(PARTS)}")
    if options.table:
        rows = read_rows(options.json)
        if not rows:
            parser.exit(1, f"{options.json}: nothing was measured yet\n")
        print("\n".join(as_table(rows)))
        return
    plan = plan_from_environment()
    print(f"Machine: {machine()}")
    rows = []
    earlier = read_rows(options.json, quick=plan.quick) if options.parts else []
    with work_folder(options.folder) as folder:
        bench = Bench(plan, folder, Programs.compiled(folder))
        about = {"machine": machine(), "quick": plan.quick, "flushes_s": flushes_a_second(folder)}
        for row in measure(bench, options.parts or list(PARTS)):
            print("\n".join(as_text(row)), flush=True)
            rows.append(row)
            write_results(options.json, merged(earlier, rows), about=about)
    if rows:
        print(f"\nWritten to {options.json}")


if __name__ == "__main__":
    main()
