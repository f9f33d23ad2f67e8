"""RSS growth of a fresh process that joins a group. This module is that process, too:

    python -m benchmarks.mls.memory SECRETS WELCOME

prints the growth in bytes. Key package and Welcome are in memory before the baseline is read.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from aparte.crypto.native import NativeProvider
from aparte.mls import Config, decode_key_package_secrets, encode_key_package_secrets, join
from benchmarks.mls.engine import Cast

__all__ = ["join_growth"]


def resident() -> int:
    """Bytes of this process that are in memory (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def join_growth(cast: Cast, welcome: bytes, runs: int) -> float | None:
    """Median growth in bytes over some processes; None where there is no /proc."""
    if not Path("/proc/self/statm").exists():
        return None
    with tempfile.TemporaryDirectory() as folder:
        secrets_file, welcome_file = Path(folder, "secrets"), Path(folder, "welcome")
        secrets_file.write_bytes(encode_key_package_secrets(cast.joiners[0]))
        welcome_file.write_bytes(welcome)
        command = [sys.executable, "-m", "benchmarks.mls.memory", str(secrets_file), str(welcome_file)]
        return median(int(subprocess.check_output(command)) for _ in range(runs))


def main(secrets_file: str, welcome_file: str) -> None:
    provider = NativeProvider()
    secrets = decode_key_package_secrets(Path(secrets_file).read_bytes(), provider)
    welcome = Path(welcome_file).read_bytes()
    suite = provider.suite(secrets.key_package.cipher_suite)
    config = Config(authenticate=lambda _credential, _key: True)
    before = resident()
    group = join(suite, config, welcome, [secrets])
    print(resident() - before)
    if not group.epoch:
        raise SystemExit("not joined")


if __name__ == "__main__":
    main(*sys.argv[1:])
