"""The fuzz targets run on their own seeds: they stay alive without atheris, and no seed is a finding."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.fuzz import contents, decoders, frames, join, process, state

TARGETS = {
    "decoders": decoders,
    "process": process,
    "join": join,
    "state": state,
    "frames": frames,
    "contents": contents,
}


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_are_no_findings(name: str) -> None:
    target: Callable[[bytes], None] = TARGETS[name].target
    seeds = TARGETS[name].seeds()
    assert seeds
    for seed in (b"", b"\x00", *seeds):
        target(seed)


def test_control_a_broken_invariant_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "BEFORE", b"another group")
    with pytest.raises(AssertionError, match="changed"):
        process.target(process.seeds()[0])
    monkeypatch.undo()
    monkeypatch.setattr(process, "VALID", set())
    with pytest.raises(AssertionError, match="believed"):
        process.target(process.seeds()[0])
