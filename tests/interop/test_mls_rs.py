"""The engine and mls-rs in one group, in both directions (suite 1, all that its Python surface can do)."""

from __future__ import annotations

import os

import pytest

from tests.interop import script as steps
from tests.interop.peers import MlsRsPeer
from tests.interop.script import Script

STEPS = {
    "send": steps.send,
    "add": steps.add,
    "propose add": steps.propose_add,
    "remove": steps.remove,
    "propose remove": steps.propose_remove,
    "empty commit": steps.empty_commit,
}
SEEDS = range(8 if os.environ.get("APARTE_SOAK") == "1" else 2)


@pytest.mark.parametrize("seed", SEEDS)
def test_script(mls_rs: MlsRsPeer, seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    script = Script(mls_rs, suite=1, seed=seed)
    script.run(STEPS, count=220)
    with capsys.disabled():
        print(f"\nmls-rs, seed {seed}: {script.taken} steps: {dict(script.ran)}")
    assert all(script.ran[name] for name in (*STEPS, "as PublicMessage", "as PrivateMessage"))
