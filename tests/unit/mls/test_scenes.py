"""Alice, Bob and Carol: what the package does, told as scenes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aparte.crypto import Suite, labeled_context
from aparte.mls import (
    ApplicationMessage,
    CallerError,
    ContentProof,
    ContentType,
    ExternalPskId,
    GenerationGone,
    GroupContextExtensions,
    GroupStatus,
    LeafIndex,
    MissingPsk,
    OwnMessage,
    PreSharedKey,
    PreSharedKeyId,
    PskSource,
    ReceivedCommit,
    ReceivedProposal,
    Remove,
    ResumptionPskId,
    ResumptionUsage,
    Sender,
    SenderType,
    Update,
    WrongEpoch,
    WrongGroup,
    external_psk,
    resumption_psk,
)
from tests.mls_scenes import PRIVATE, PUBLIC, Person, agree, all_hear, export, people, stage

BOTH = pytest.mark.parametrize("wire", [PUBLIC, PRIVATE], ids=["public", "private"])


@pytest.fixture
def trio() -> list[Person]:
    return stage("alice", "bob", "carol")


# -- messages -----------------------------------------------------------------------------------------------------
def test_everybody_hears_what_alice_says(trio: list[Person]) -> None:
    alice, bob, carol = trio
    letter = alice.says("hello", authenticated_data=b"in the open")
    for event in all_hear(letter, [bob, carol]):
        assert isinstance(event, ApplicationMessage)
        assert (event.sender, event.data, event.authenticated_data) == (alice.leaf, b"hello", b"in the open")


def test_a_letter_comes_once(trio: list[Person]) -> None:
    alice, bob, _ = trio
    letter = alice.says("once")
    bob.hears(letter)
    with pytest.raises(GenerationGone):
        bob.hears(letter)


def test_letters_come_in_any_order(trio: list[Person]) -> None:
    alice, bob, _ = trio
    letters = [alice.says(str(number)) for number in range(5)]
    assert [bob.hears(letters[i]).data for i in (4, 0, 3, 1, 2)] == [b"4", b"0", b"3", b"1", b"2"]


def test_letters_to_another_group_are_refused(trio: list[Person]) -> None:
    dave, erin = stage("dave", "erin")
    with pytest.raises(WrongGroup):
        trio[0].hears(dave.says("hello"))
    assert erin.hears(dave.says("again")).data == b"again"


def test_epochs_are_strict(trio: list[Person]) -> None:
    alice, bob, carol = trio
    early = alice.says("before")
    bob.hears(carol.commits().message)
    with pytest.raises(WrongEpoch) as late:
        bob.hears(early)
    assert (late.value.expected, late.value.got) == (2, 1)
    with pytest.raises(WrongEpoch) as ahead:
        alice.hears(bob.says("after"))
    assert (ahead.value.expected, ahead.value.got) == (1, 2)


# -- own messages -------------------------------------------------------------------------------------------------
def test_own_letters_are_recognised(trio: list[Person]) -> None:
    alice, *_ = trio
    event = alice.hears(alice.says("to all", authenticated_data=b"id 7"))
    assert isinstance(event, OwnMessage)
    assert (event.content_type, event.authenticated_data) == (ContentType.APPLICATION, b"id 7")
    assert not event.beyond_state


@BOTH
def test_own_proposals_are_recognised(trio: list[Person], wire: int) -> None:
    alice, *_ = trio
    event = alice.hears(alice.proposes(Remove(LeafIndex(2)), wire_format=wire))
    assert isinstance(event, OwnMessage)
    assert event.content_type is ContentType.PROPOSAL
    assert not event.beyond_state
    assert len(alice.group.proposals) == 1


@BOTH
def test_own_commits_come_back_and_are_merged(trio: list[Person], wire: int) -> None:
    alice, bob, carol = trio
    draft = alice.drafts(wire_format=wire, authenticated_data=b"draft")
    assert alice.group.epoch == 1
    event = alice.hears(draft.message)
    assert isinstance(event, ReceivedCommit)
    assert (event.own, event.authenticated_data) == (True, b"draft")
    all_hear(draft.message, [bob, carol])
    assert agree(*trio)


@BOTH
def test_a_state_that_was_rolled_back_notices(trio: list[Person], wire: int) -> None:
    """This leaf said something that the restored state knows nothing of: it ran ahead, or runs elsewhere."""
    alice, *_ = trio
    backup = alice.group
    letter = alice.says("lost")
    proposal = alice.proposes(Remove(LeafIndex(2)), wire_format=wire)
    alice.seat = backup
    for message, kind in ((letter, ContentType.APPLICATION), (proposal, ContentType.PROPOSAL)):
        event = alice.hears(message)
        assert isinstance(event, OwnMessage)
        assert event.beyond_state
        assert event.content_type is kind


# -- commits ------------------------------------------------------------------------------------------------------
def test_a_commit_is_inspected_and_refused(trio: list[Person]) -> None:
    alice, bob, carol = trio
    (dave,) = people("dave")
    staged = bob.considers(alice.commits(dave.package(), Remove(LeafIndex(carol.leaf))).message)
    assert staged.committer == alice.leaf
    assert [(leaf, node.credential.identity) for leaf, node in staged.changes.added] == [(2, b"dave")]
    assert [(leaf, node.credential.identity) for leaf, node in staged.changes.removed] == [(2, b"carol")]
    assert [(leaf, new.credential.identity) for leaf, _, new in staged.changes.updated] == [(0, b"alice")]
    assert not staged.changes.extensions_changed
    assert not staged.removes_me
    assert staged.epoch_authenticator == alice.group.epoch_authenticator
    assert bob.group.epoch == 1
    all_hear(bob.says("I stay where I am"), [carol])
    with pytest.raises(WrongEpoch):
        alice.hears(bob.says("and alone"))


def test_a_commit_that_lost_the_race(trio: list[Person]) -> None:
    alice, bob, carol = trio
    lost, won = alice.drafts(), bob.drafts()
    for who in (alice, bob, carol):
        who.hears(won.message)
    assert agree(*trio)
    assert alice.group.pending_commit is None
    for who in trio:
        with pytest.raises(WrongEpoch):
            who.hears(lost.message)


def test_a_commit_that_was_given_up(trio: list[Person]) -> None:
    alice, *_ = trio
    draft = alice.drafts(wire_format=PUBLIC)
    alice.seat = alice.group.without_pending_commit()
    event = alice.hears(draft.message)
    assert isinstance(event, OwnMessage)
    assert event.content_type is ContentType.COMMIT
    assert alice.group.epoch == 1


@BOTH
def test_an_update_is_carried_out_by_somebody_else(trio: list[Person], wire: int) -> None:
    alice, bob, carol = trio
    signer = bob.suite.generate_signer()
    message = bob.proposes_update(signer=signer, wire_format=wire)
    events = all_hear(message, [alice, carol])
    assert all(isinstance(event, ReceivedProposal) and isinstance(event.proposal, Update) for event in events)
    with pytest.raises(CallerError, match="pending"):
        carol.says("not before a commit")
    all_hear(carol.commits().message, [alice, bob])
    assert agree(*trio)
    assert bob.group.own_leaf.signature_key == signer.public_key
    assert all(event.data == b"it is still me" for event in all_hear(bob.says("it is still me"), [alice, carol]))


def test_carol_is_removed(trio: list[Person]) -> None:
    alice, bob, carol = trio
    commit = alice.commits(Remove(LeafIndex(carol.leaf)))
    event = carol.hears(commit.message)
    assert event.staged.removes_me
    assert event.staged.epoch_authenticator == b""
    assert carol.group.status is GroupStatus.REMOVED
    bob.hears(commit.message)
    for attempt in (lambda: carol.hears(bob.says("x")), lambda: export(carol.group), carol.drafts, carol.invites):
        with pytest.raises(CallerError):
            attempt()


def test_proposals_may_be_declined(trio: list[Person]) -> None:
    alice, bob, carol = trio
    all_hear(bob.proposes(Remove(LeafIndex(carol.leaf))), [alice, carol])
    draft = alice.drafts(pending=False)
    for who in trio:
        who.hears(draft.message)
    assert agree(*trio)
    assert not carol.group.proposals


# -- secrets for the application ----------------------------------------------------------------------------------
def test_exported_secrets(trio: list[Person]) -> None:
    alice, bob, _ = trio
    one = alice.group.export_secret(b"label", b"context", 40)
    assert len(one) == 40
    assert one == bob.group.export_secret(b"label", b"context", 40)
    others = [(b"Label", b"context"), (b"label", b""), (b"label", b"contexts")]
    assert all(alice.group.export_secret(label, context, 40) != one for label, context in others)


def test_the_exporter_can_be_erased(trio: list[Person]) -> None:
    alice, bob, carol = trio
    alice.seat = alice.group.without_exporter()
    with pytest.raises(CallerError, match="erased"):
        export(alice.group)
    all_hear(alice.says("I can still speak"), [bob, carol])
    all_hear(alice.commits().message, [bob, carol])
    assert agree(*trio)


def proof_holds(proof: ContentProof, suite: Suite, signature_key: bytes) -> None:
    suite.verify(signature_key, labeled_context(b"FramedContentTBS", proof.tbs), proof.signature)


def test_a_proof_needs_nothing_but_the_leafs_key(trio: list[Person]) -> None:
    alice, bob, _ = trio
    event = bob.hears(alice.says("I said so"))
    proof = event.proof
    proof_holds(proof, bob.suite, proof.leaf.signature_key)
    assert proof.leaf == alice.group.own_leaf
    assert proof.tbs.endswith(proof.group_context)
    assert proof.group_context == alice.group.context.encode()
    assert b"I said so" in proof.tbs
    for false in (replace(proof, tbs=proof.tbs.replace(b"I said", b"I said not")), replace(proof, signature=bytes(64))):
        with pytest.raises(Exception, match="verify"):
            proof_holds(false, bob.suite, proof.leaf.signature_key)


# -- pre-shared keys ----------------------------------------------------------------------------------------------
def test_an_agreed_key_is_mixed_in(trio: list[Person]) -> None:
    alice, bob, carol = trio
    agreed = PskSource(external={b"word": b"open sesame"})
    draft = alice.drafts(external_psk(alice.suite, b"word"), psks=agreed)
    alice.hears(draft.message)
    bob.hears(draft.message, psks=agreed)
    with pytest.raises(MissingPsk):
        carol.hears(draft.message)
    with pytest.raises(Exception, match="confirmation tag"):
        carol.hears(draft.message, psks=PskSource(external={b"word": b"open barley"}))
    carol.hears(draft.message, psks=agreed)
    assert agree(*trio)


def test_a_joiner_needs_the_agreed_key_too(trio: list[Person]) -> None:
    alice, *_ = trio
    (dave,) = people("dave")
    agreed = PskSource(external={b"word": b"open sesame"})
    draft = alice.commits(dave.package(), external_psk(alice.suite, b"word"), psks=agreed)
    with pytest.raises(MissingPsk):
        dave.joins(draft.welcomes[0])
    dave.joins(draft.welcomes[0], psks=agreed)
    assert agree(alice, dave)


def test_an_earlier_epoch_is_mixed_in(trio: list[Person]) -> None:
    alice, bob, carol = trio
    for author in (alice, bob):
        message = author.drafts().message
        for who in trio:
            who.hears(message)
    draft = carol.drafts(resumption_psk(carol.suite, carol.group.group_id, 1))
    for who in trio:
        who.hears(draft.message)
    assert agree(*trio)


def test_kept_epochs_are_bounded() -> None:
    alice, bob = stage("alice", "bob", resumption_epochs=2)
    for _ in range(5):
        bob.hears(alice.commits().message)
    assert sorted(bob.group.state.resumption) == [4, 5]
    with pytest.raises(MissingPsk):
        alice.drafts(resumption_psk(alice.suite, alice.group.group_id, 3))
    alice.drafts(resumption_psk(alice.suite, alice.group.group_id, 4))


def test_keys_for_subgroups_serve_in_no_ordinary_commit(trio: list[Person]) -> None:
    alice, *_ = trio
    for usage in (ResumptionUsage.REINIT, ResumptionUsage.BRANCH):
        key = ResumptionPskId(usage, alice.group.group_id, 0)
        with pytest.raises(Exception, match="PSK outside"):
            alice.drafts(PreSharedKey(PreSharedKeyId(key, bytes(32))))
    with pytest.raises(Exception, match="nonce"):
        alice.drafts(PreSharedKey(PreSharedKeyId(ExternalPskId(b"x"), b"short")))


def test_senders_say_who_they_are(trio: list[Person]) -> None:
    alice, bob, _ = trio
    event = bob.hears(alice.proposes(GroupContextExtensions(alice.group.extensions)))
    assert event.sender == Sender(SenderType.MEMBER, alice.leaf)
