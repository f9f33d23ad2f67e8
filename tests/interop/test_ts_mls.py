"""The engine and ts-mls in one group, in both directions, in every suite that both have."""

from __future__ import annotations

import os

import pytest

from tests.interop import script as steps
from tests.interop import script_joins as joins
from tests.interop.peers import TsMlsPeer
from tests.interop.script import Script

STEPS = {
    "send": steps.send,
    "add": steps.add,
    "propose add": steps.propose_add,
    "remove": steps.remove,
    "propose remove": steps.propose_remove,
    "empty commit": steps.empty_commit,
    "update": steps.update,
    "external psk": steps.external_psk,
    "resumption psk": steps.resumption_psk,
    "group context extensions": steps.group_context_extensions,
    "external join": joins.external_join,
    "resync": joins.resync,
    "new member proposal": joins.new_member_proposal,
    "branch": joins.branch,
    "reinit": joins.reinit,
}
#: ts-mls's NIST curves take some twenty times as long as its X25519.
SLOW = (2, 5, 7)
SUITES = (1, 2, 3, 5, 7, 0x0053, 0x0054)
SEEDS = range(2 if os.environ.get("APARTE_SOAK") == "1" else 1)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("suite", SUITES)
def test_script(mended_ts_mls: TsMlsPeer, suite: int, seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    most = 5 if suite in SLOW else 8
    script = Script(mended_ts_mls, suite=suite, seed=1000 * suite + seed, most_members=most)
    script.run(STEPS, count=210)
    with capsys.disabled():
        print(f"\nts-mls, suite {suite:#06x}, seed {script.seed}: {script.taken} steps: {dict(script.ran)}")
    assert all(script.ran[name] for name in (*STEPS, "as PublicMessage", "as PrivateMessage"))
