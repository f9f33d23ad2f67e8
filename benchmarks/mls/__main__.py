"""`python -m benchmarks.mls`: run, print, write. A missed goal is said, and does not fail."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from benchmarks.mls.measure import measure
from benchmarks.mls.plan import plan_from_environment
from benchmarks.mls.report import as_json, as_text

_RESULTS = Path(__file__).parents[1] / "results" / "mls.json"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mls", description=__doc__)
    parser.add_argument("--json", type=Path, default=_RESULTS, help=f"where the figures go (default {_RESULTS})")
    parser.add_argument("--floor", action="store_true", help="list the floor's primitives by length, too")
    options = parser.parse_args()
    report = measure(plan_from_environment())
    for line in as_text(report, floor_in_full=options.floor):
        print(line)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(as_json(report), indent=1, ensure_ascii=False) + "\n")
    print(f"\nWritten to {options.json}")


if __name__ == "__main__":
    main()
