"""Fuzz the decoders, `process`, `join`, the saved state, the host's frames and contents with atheris (libFuzzer).

    python tools/fuzz.py --minutes N [--target NAME]

The minutes are shared by the targets of tests/fuzz. Seeds are made at run time from valid messages; what coverage
finds stays in .fuzz/ and is where the next run begins. A finding is printed and left as crash-*; exit 1. Without
atheris nothing can be fuzzed: that is said aloud, and with APARTE_CI=1 it is a failure.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOUND = ROOT / ".fuzz"
TARGETS = ("decoders", "process", "join", "state", "frames", "contents")

#: An input that takes longer, in seconds, or more memory, in MB, counts as a finding.
SLOW, LARGE = 10, 2_000


def load(name: str) -> tuple[Callable[[bytes], None], list[bytes]]:
    """The target and its seeds; imported here so that atheris can instrument what they import."""
    if name == "decoders":
        from tests.fuzz.decoders import seeds, target
    elif name == "process":
        from tests.fuzz.process import seeds, target
    elif name == "join":
        from tests.fuzz.join import seeds, target
    elif name == "state":
        from tests.fuzz.state import seeds, target
    elif name == "frames":
        from tests.fuzz.frames import seeds, target
    else:
        from tests.fuzz.contents import seeds, target
    return target, seeds()


def child(name: str, seconds: int) -> None:
    """Run one target in this process; libFuzzer ends it."""
    import atheris

    with atheris.instrument_imports(include=["aparte"]):
        target, seeds = load(name)
    folder = FOUND / name
    folder.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        (folder / hashlib.sha256(seed).hexdigest()[:32]).write_bytes(seed)
    options = [f"-max_total_time={seconds}", f"-timeout={SLOW}", f"-rss_limit_mb={LARGE}", "-print_final_stats=1"]
    options += ["-max_len=8192", f"-artifact_prefix={ROOT}/", "-verbosity=0"]
    atheris.Setup([sys.argv[0], *options, str(folder)], target)
    atheris.Fuzz()


def run(name: str, seconds: int) -> bool:
    """One target in a process of its own; whether it found nothing."""
    print(f"== {name}: {seconds} s", flush=True)
    command = [sys.executable, __file__, "--child", name, "--seconds", str(seconds)]
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    begin = time.monotonic()
    finished = subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True)
    runs = [line.split()[-1] for line in finished.stderr.splitlines() if "number_of_executed_units" in line]
    spent = time.monotonic() - begin
    if finished.returncode == 0 and runs:
        print(f"   {runs[0]} inputs in {spent:.0f} s, nothing found", flush=True)
        return True
    said = [line for line in finished.stderr.splitlines() if not line.startswith("INFO: Instrumenting")]
    print(finished.stdout, *said, sep="\n", file=sys.stderr)
    what = "FOUND SOMETHING" if runs or "artifact" in finished.stderr else "DID NOT RUN"
    print(f"   {what} after {spent:.0f} s: see above, and {ROOT}/crash-*", file=sys.stderr, flush=True)
    return False


def without_atheris() -> int:
    """Say so, and fail where everything has to run."""
    print("!" * 80, "NOTHING WAS FUZZED: atheris is not installed on this Python.", "!" * 80, sep="\n", file=sys.stderr)
    return int(os.environ.get("APARTE_CI") == "1")


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=4.0, help="for all targets together")
    parser.add_argument("--target", choices=TARGETS, help="this one alone")
    parser.add_argument("--child", choices=TARGETS, help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=int, default=60, help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if importlib.util.find_spec("atheris") is None:
        return without_atheris()
    if chosen.child:
        child(chosen.child, chosen.seconds)
        return 0
    names = (chosen.target,) if chosen.target else TARGETS
    seconds = max(1, round(chosen.minutes * 60 / len(names)))
    clean = [run(name, seconds) for name in names]
    return int(not all(clean))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
