"""`python -m benchmarks.peers`: the host beside Prosody, ejabberd and Synapse, by turns, under the same load.

`benchmarks/peers/setup` installs them; who is absent is left out, and that is said. A goal that is missed does not
fail. `APARTE_BENCH_QUICK=1` takes fewer, shorter turns.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import uvloop

from benchmarks.host.__main__ import RESULTS, work_folder
from benchmarks.host.disk import flushes_a_second
from benchmarks.host.plan import plan_from_environment
from benchmarks.host.report import as_table, as_text, read_rows, write_results
from benchmarks.host.rows import NotMeasured
from benchmarks.host.servers import Programs
from benchmarks.mls.machine import machine
from benchmarks.peers.contest import contest
from benchmarks.peers.servers import PEERS, Peer


def present() -> tuple[list[Peer], dict[str, str]]:
    """The peers that are installed, and their versions."""
    peers, versions = [], {}
    for peer in PEERS:
        try:
            versions[peer.package] = peer.version()
        except NotMeasured as error:
            print(f"{peer.name} is left out: {error}")
        else:
            peers.append(peer)
    return peers, versions


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--json", type=Path, default=RESULTS / "peers.json", help="where the figures go, and come from")
    parser.add_argument("--folder", type=Path, default=RESULTS, help="where the servers keep their data meanwhile")
    parser.add_argument("--table", action="store_true", help="measure nothing: print what was measured, as Markdown")
    options = parser.parse_args()
    if options.table:
        rows = read_rows(options.json)
        if not rows:
            parser.exit(1, f"{options.json}: nothing was measured yet\n")
        print("\n".join(as_table(rows)))
        return
    peers, versions = present()
    if not peers:
        parser.exit(1, "no peer is installed: run benchmarks/peers/setup\n")
    print(f"Machine: {machine()}")
    print("Versions: " + ", ".join(f"{name} {version}" for name, version in versions.items()))
    plan = plan_from_environment()
    with work_folder(options.folder) as folder:
        about = {"machine": machine(), "versions": versions, "quick": plan.quick, "flushes_s": flushes_a_second(folder)}
        print(f"{about['flushes_s']:,.0f} fdatasync/s here, now")
        rows = uvloop.run(contest(peers, plan, folder=folder, programs=Programs.compiled(folder)))
    for row in rows:
        print("\n".join(as_text(row)))
    write_results(options.json, rows, about=about)
    print(f"\nWritten to {options.json}")


if __name__ == "__main__":
    main()
