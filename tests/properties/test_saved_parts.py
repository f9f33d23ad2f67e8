"""Saved in parts: after any history the store holds what one would write at once; damage is refused or harmless."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aparte.crypto import UnsupportedSuite
from aparte.mls import (
    DecodeError,
    Group,
    GroupParts,
    MlsError,
    StateError,
    commit,
    encode_group,
    join_parts,
    process,
    propose_update,
    protect,
    split_group,
)
from tests.conftest import SOAK
from tests.mls_scenes import all_hear, stage
from tests.properties.corpus import corpus
from tests.properties.mutations import bent
from tests.properties.operations import OPERATIONS
from tests.properties.saving import SavingVillage, Store, commit_on_its_way, decline, erase_exporters

ALSO = {
    "erase exporters": erase_exporters,
    "commit on its way": commit_on_its_way,
    "decline": decline,
}
EVERY = OPERATIONS | ALSO
RUNS = {0x0001: 30, 0xF0A2: 5}
LONGEST = 25
PROPOSED = ["update", "commit what is pending"]

counts: Counter[str] = Counter()


def play(suite: int, seed: int, script: list[str]) -> None:
    village = SavingVillage(suite, seed, Counter())
    for name in script:
        if EVERY[name](village):
            counts[name] += 1
        village.check()


# -- histories -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("suite", RUNS, ids=hex)
def test_changes_add_up_to_the_whole(suite: int) -> None:
    @settings(max_examples=RUNS[suite] * (10 if SOAK else 1), suppress_health_check=list(HealthCheck), deadline=None)
    @given(
        seed=st.integers(0, 2**32 - 1),
        script=st.lists(st.sampled_from(sorted(EVERY)), min_size=LONGEST // 2, max_size=LONGEST),
    )
    def they_do(seed: int, script: list[str]) -> None:
        play(suite, seed, ["add by value", *script])

    they_do()


def test_every_operation_was_saved() -> None:
    play(0x0001, 1, ["add many", *(name for name in sorted(EVERY) for _ in range(2)), *PROPOSED])
    never = [name for name in EVERY if not counts[name]]
    assert not never


def test_control_a_key_that_stays_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A change that forgets what is to go."""
    alice, bob = stage("alice", "bob")
    store = Store(alice.group)
    store.follow(protect(alice.group, b"x").group)
    stale = Store(bob.group)
    monkeypatch.setattr("aparte.mls.state_parts._secret_changes", lambda _before, _after: iter(()))
    with pytest.raises(AssertionError, match="still there"):
        stale.follow(protect(bob.group, b"x").group)


# -- damage --------------------------------------------------------------------------------------------------------
@cache
def bases() -> tuple[GroupParts, ...]:
    """The corpus's victim as it is, after some talk, with an update proposed, with a commit pending."""
    victim, insider = corpus().victim, corpus().insider
    group, theirs = victim.group, insider.group
    letters = []
    for number in range(40):
        said = protect(theirs, str(number).encode())
        theirs = said.group
        letters.append(said.message)
        group = protect(group, b"x").group
    for letter in (letters[20], letters[3], letters[39]):
        group = process(group, letter).group
    return tuple(map(split_group, (victim.group, group, propose_update(group).group, commit(group).group)))


@st.composite
def damaged(draw: st.DrawFn) -> GroupParts:
    """One to three parts bent, dropped, copied to other numbers, or of another state of the group."""
    parts, others = draw(st.sampled_from(bases())), draw(st.sampled_from(bases()))
    epoch, pieces = parts.epoch, dict(parts.pieces)
    for _ in range(draw(st.integers(1, 3))):
        number = draw(st.sampled_from(sorted(parts.pieces)))
        match draw(st.sampled_from(("epoch", "bend", "drop", "copy", "mix"))):
            case "epoch":
                epoch = draw(bent([epoch], [*pieces.values()]))
            case "bend":
                pieces[number] = draw(bent([parts.pieces[number]], [*parts.pieces.values()]))
            case "drop":
                pieces.pop(number, None)
            case "copy":
                away = draw(st.one_of(st.integers(-(2**70), 2**70), st.integers(0, 300)))
                pieces[away] = parts.pieces[number]
            case _:
                number = draw(st.sampled_from(sorted(others.pieces)))
                pieces[number] = others.pieces[number]
    return GroupParts(epoch, pieces)


@settings(max_examples=8_000 if SOAK else 1_500, suppress_health_check=list(HealthCheck), deadline=None)
@given(damaged())
def test_damage_is_refused_or_gives_a_group(parts: GroupParts) -> None:
    victim = corpus().victim
    try:
        group = join_parts(parts, victim.provider, victim.config)
    except (StateError, UnsupportedSuite):
        counts["refused"] += 1
        return
    counts["undetectable"] += 1
    again = join_parts(split_group(group), victim.provider, victim.config)
    assert encode_group(again) == encode_group(group)
    goes_on(group)


def goes_on(group: Group) -> None:
    for name in ("application", "commit remove PUBLIC_MESSAGE", "commit psk PRIVATE_MESSAGE"):
        with suppress(DecodeError, MlsError):
            process(group, corpus().messages[name])
    with suppress(MlsError):
        protect(group, b"x")


def test_most_damage_was_refused() -> None:
    """Of the test above: what was not refused are keys of the right length that say something else."""
    if not counts["refused"]:
        test_damage_is_refused_or_gives_a_group()
    assert counts["refused"] > counts["undetectable"] > 0


def test_talk_goes_on_after_a_restart_from_the_store() -> None:
    alice, bob, carol = stage("alice", "bob", "carol")
    store = Store(bob.group)
    for text in ("one", "two"):
        all_hear(alice.says(text), [bob, carol])
        store.follow(bob.group)
    bob.seat = join_parts(store.parts, bob.provider, bob.config)
    assert bob.hears(alice.says("three")).data == b"three"
    assert alice.hears(bob.says("four")).data == b"four"
