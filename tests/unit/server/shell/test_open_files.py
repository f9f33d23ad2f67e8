"""The limit of open files, in a process of its own: raised as far as it may be, and no error if it may not."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest

from aparte.server.shell.open_files import open_files, raise_open_files


def test_raised_to_the_hard_limit() -> None:
    script = (
        "import resource as r; r.setrlimit(r.RLIMIT_NOFILE, (128, 512)); "
        "from aparte.server.shell.open_files import open_files, raise_open_files; "
        "print(open_files(), raise_open_files(), open_files(), raise_open_files(), r.getrlimit(r.RLIMIT_NOFILE))"
    )
    said = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert said.stdout == "128 512 512 512 (512, 512)\n"


class Kernel:
    """Limits as some system keeps them: it grants no more than `grants`."""

    def __init__(self, soft: int, hard: int, *, grants: int) -> None:
        self.limits = (soft, hard)
        self.grants = grants

    def getrlimit(self, _: int) -> tuple[int, int]:
        return self.limits

    def setrlimit(self, _: int, limits: tuple[int, int]) -> None:
        if limits[0] == resource.RLIM_INFINITY or limits[0] > self.grants:
            raise ValueError("current limit exceeds maximum limit")
        self.limits = limits


@pytest.mark.parametrize(
    ("soft", "hard", "grants", "found"),
    [
        (256, resource.RLIM_INFINITY, 24_576, 24_576),  # macOS: infinity is not granted
        (256, resource.RLIM_INFINITY, 10_240, 10_240),
        (256, resource.RLIM_INFINITY, 1_000, 256),
        (1024, 4096, 1 << 30, 4096),
        (1024, 4096, 1024, 1024),
        (4096, 4096, 1 << 30, 4096),
        (200_000, resource.RLIM_INFINITY, 70_000, 200_000),  # never lowered
    ],
)
def test_as_far_as_the_system_grants(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, grants: int, found: int
) -> None:
    kernel = Kernel(soft, hard, grants=grants)
    monkeypatch.setattr(resource, "getrlimit", kernel.getrlimit)
    monkeypatch.setattr(resource, "setrlimit", kernel.setrlimit)
    assert raise_open_files() == open_files() == found
    assert kernel.limits[1] == hard


def test_no_limit_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel(resource.RLIM_INFINITY, resource.RLIM_INFINITY, grants=0)
    monkeypatch.setattr(resource, "getrlimit", kernel.getrlimit)
    assert raise_open_files() > 1 << 60
