"""What RFC 9420 asks of those who create groups and commit (§11, §12.3, §12.4), and of a group that is over."""

from __future__ import annotations

import pytest

from aparte.crypto import Suite
from aparte.mls import (
    CallerError,
    Capabilities,
    Extension,
    Extensions,
    GroupContextExtensions,
    GroupStatus,
    LeafIndex,
    PeerError,
    PskSource,
    ReInit,
    Remove,
    ResumptionUsage,
    Welcome,
    best_cipher_suite,
    branch,
    commit,
    decode_message,
    external_psk,
    process,
    propose,
    reinitialize,
)
from aparte.mls.key_schedule import EpochSecrets, initial_secrets
from aparte.mls.leaf_node import LeafNodeSource
from tests.mls_scenes import Person, agree, all_hear, knowing, people, person, stage
from tests.unit.mls.forge import ForgedPackage, drafted

KNOWN = PskSource(external={b"one": b"1" * 32, b"two": b"2" * 32})


@pytest.fixture
def trio() -> list[Person]:
    return stage("alice", "bob", "carol")


# -- creating (§11) -----------------------------------------------------------------------------------------------
def test_the_best_suite_that_all_can_do() -> None:
    suite = people("alice")[0].suite
    packages = [
        ForgedPackage(suite=suite, capabilities=Capabilities(cipher_suites=numbers)).build()
        for numbers in ((1, 2, 3), (3, 2, 0x0A0A), (2, 3, 7))
    ]
    assert best_cipher_suite((0xF0A2, 1, 3, 2), packages) == 3
    assert best_cipher_suite((2, 3), packages) == 2
    old = ForgedPackage(suite=suite, capabilities=Capabilities(versions=(2,), cipher_suites=(3,))).build()
    for numbers, given in (((7, 1), packages), ((3,), [*packages, old])):
        with pytest.raises(CallerError, match="no cipher suite in common"):
            best_cipher_suite(numbers, given)


def test_how_a_group_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    alice, other = people("alice", "other")
    begun: list[EpochSecrets] = []

    def initial(suite: Suite, secret: bytes) -> EpochSecrets:
        begun.append(initial_secrets(suite, secret))
        return begun[-1]

    monkeypatch.setattr("aparte.mls.create.initial_secrets", initial)
    alice.founds()
    other.founds()
    group = alice.group
    assert (group.epoch, group.context.confirmed_transcript_hash, group.own_index) == (0, b"", 0)
    assert group.context.tree_hash == group.tree.tree_hash()
    assert group.tree.nodes == [group.own_leaf]
    assert group.state.confirmation_tag == alice.suite.mac(begun[0].confirmation, b"")
    assert len({who.group.group_id for who in (alice, other)}) == 2
    assert len({who.group.epoch_authenticator for who in (alice, other)}) == 2


# -- the list (§12.3) ---------------------------------------------------------------------------------------------
def test_the_order_in_which_a_list_is_applied(trio: list[Person]) -> None:
    """Updates, removes, additions, whatever their order in the list: who comes takes the place of who goes."""
    alice, bob, carol = trio
    dave, erin = people("dave", "erin")
    all_hear(bob.proposes_update(), [alice, carol])
    made = alice.commits(dave.package(), erin.package(), Remove(LeafIndex(2)))
    changes = made.staged.changes
    assert [leaf for leaf, _ in changes.added] == [2, 3]
    assert [leaf for leaf, _ in changes.removed] == [2]
    bob.hears(made.message)
    for who in (dave, erin):
        who.joins(made.welcomes[0])
    assert agree(alice, bob, dave, erin)
    assert dave.leaf == 2


def test_new_extensions_count_for_the_rest_of_the_list() -> None:
    alice, bob, dave = people("alice", "bob", "dave")
    alice.founds(capabilities=knowing(0xF00D))
    bob.joins(alice.commits(bob.package(capabilities=knowing(0xF00D))).welcomes[0])
    odd = GroupContextExtensions(Extensions((Extension(0xF00D, b""),)))
    with pytest.raises(PeerError, match=r"13\.4\.7"):
        commit(alice.group, [dave.package(), odd])
    commit(alice.group, [dave.package(capabilities=knowing(0xF00D)), odd])
    commit(alice.group, [odd, Remove(LeafIndex(1))])


def test_new_extensions_may_lift_what_the_old_ones_required() -> None:
    alice, dave = people("alice", "dave")
    alice.founds(capabilities=knowing(0xF00D), extensions=Extensions((Extension(0xF00D, b""),)))
    with pytest.raises(PeerError, match=r"13\.4\.7"):
        commit(alice.group, [dave.package()])
    made = alice.commits(dave.package(), GroupContextExtensions(Extensions()))
    dave.joins(made.welcomes[0])
    assert agree(alice, dave)


# -- the commit (§12.4) -------------------------------------------------------------------------------------------
def test_application_data_waits_for_pending_proposals(trio: list[Person]) -> None:
    alice, bob, carol = trio
    all_hear(bob.proposes(Remove(LeafIndex(2))), [alice, carol])
    for who in (alice, bob):
        with pytest.raises(CallerError, match="proposals are pending"):
            who.says("too early")
    all_hear(alice.commits().message, [bob])
    assert bob.hears(alice.says("now")).data == b"now"


def test_a_path_where_one_is_needed(trio: list[Person]) -> None:
    alice, bob, carol = trio
    dave = people("dave")[0]
    assert commit(alice.group).staged.has_path
    for changes in ([], [Remove(LeafIndex(2))], [GroupContextExtensions(Extensions())]):
        assert drafted(alice, *changes, path=False).staged.has_path
    for changes in ([dave.package()], [external_psk(alice.suite, b"one")]):
        assert not drafted(alice, *changes, path=False, psks=KNOWN).staged.has_path
    all_hear(bob.proposes_update(), [alice, carol])
    assert drafted(alice, dave.package(), path=False).staged.has_path


def test_a_welcome_names_the_keys_of_the_commit_in_order(trio: list[Person]) -> None:
    alice, *_ = trio
    dave = people("dave")[0]
    keys = [external_psk(alice.suite, name) for name in (b"two", b"one", b"two")]
    made = drafted(alice, keys[0], dave.package(), keys[1], keys[2], psks=KNOWN)
    welcome = decode_message(made.welcomes[0])
    assert isinstance(welcome, Welcome)
    entry = welcome.addressed_to(dave.packages[0].key_package.reference(dave.suite))
    assert entry is not None
    secrets = welcome.open_secrets(dave.suite, entry, dave.packages[0].init_key)
    assert secrets.psks == made.staged.changes.psks == tuple(key.psk for key in keys)
    dave.joins(made.welcomes[0], psks=KNOWN)
    alice.seat = made.staged.merge()
    assert agree(alice, dave)


@pytest.mark.parametrize("each", [False, True])
def test_welcomes_reach_everybody_who_joins(trio: list[Person], each: bool) -> None:
    alice, *_ = trio
    crowd = people("dave", "erin", "frank")
    made = alice.commits(*(who.package() for who in crowd), welcome_each=each)
    assert len(made.welcomes) == (3 if each else 1)
    for number, who in enumerate(crowd):
        who.joins(made.welcomes[number if each else 0])
    assert agree(alice, *crowd)


def test_a_leaf_made_by_a_commit_says_so(trio: list[Person]) -> None:
    alice, bob, _ = trio
    bob.hears(alice.commits().message)
    assert bob.group.member(LeafIndex(0)).source is LeafNodeSource.COMMIT


def test_a_committer_takes_no_signature_key_of_another(trio: list[Person]) -> None:
    alice, _, carol = trio
    with pytest.raises(PeerError, match=r"7\.3/unique-signature-key"):
        drafted(alice, signer=carol.group.state.signer)


# -- a group that is over (§11.2, §12.4.2) ------------------------------------------------------------------------
@pytest.fixture
def over(trio: list[Person]) -> list[Person]:
    alice, bob, carol = trio
    all_hear(alice.commits(ReInit(b"next", 1, 0x0003, Extensions())).message, [bob, carol])
    return trio


def test_a_reinitialised_group_sends_nothing_more(over: list[Person]) -> None:
    for who in over:
        assert who.group.status is GroupStatus.REINITIALIZED
        for act in (
            lambda who=who: who.says("hello?"),
            lambda who=who: propose(who.group, Remove(LeafIndex(0))),
            lambda who=who: commit(who.group),
            lambda who=who: who.invites(),
            lambda who=who: process(who.group, b""),
        ):
            with pytest.raises(CallerError, match="wait for the Welcome to its successor"):
                act()


def successors(old: list[Person]) -> list[Person]:
    """The same three, with clients of the planned suite."""
    return [person(who.name, suite=0x0003, provider=who.provider) for who in old]


def test_who_waits_joins_the_successor(over: list[Person]) -> None:
    first, *others = successors(over)
    made = reinitialize(over[0].group, first.suite, first.identity(), [who.package() for who in others])
    first.seat = made.staged.merge()
    for who, old in zip(others, over[1:], strict=True):
        who.joins(made.welcomes[0], predecessor=old.group)
    assert agree(first, *others)
    assert first.group.group_id == b"next"
    assert first.group.epoch == 1


def test_the_successors_welcome_carries_the_link(over: list[Person]) -> None:
    first, second, third = successors(over)
    made = reinitialize(over[0].group, first.suite, first.identity(), [second.package(), third.package()])
    welcome = decode_message(made.welcomes[0])
    assert isinstance(welcome, Welcome)
    entry = welcome.addressed_to(second.packages[0].key_package.reference(second.suite))
    assert entry is not None
    (psk,) = welcome.open_secrets(second.suite, entry, second.packages[0].init_key).psks
    old = over[0].group
    assert (psk.key.usage, psk.key.group_id, psk.key.epoch) == (ResumptionUsage.REINIT, old.group_id, old.epoch)
    assert len(psk.nonce) == first.suite.parameters.hash_length


def test_a_link_is_random_each_time(trio: list[Person]) -> None:
    alice, bob, _ = trio
    nonces = set()
    for _ in range(3):
        made = branch(alice.group, alice.identity(), [bob.package()])
        (psk,) = made.staged.changes.psks
        assert len(psk.nonce) == alice.suite.parameters.hash_length
        nonces.add(psk.nonce)
    assert len(nonces) == 3
