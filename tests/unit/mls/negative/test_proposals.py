"""Proposals that are invalid whatever stands beside them (RFC 9420 §12.1, §8.4, §11.2, §11.3, §13.2)."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from aparte.mls import (
    Capabilities,
    CommitOptions,
    CredentialType,
    ExternalPskId,
    LeafIndex,
    MissingPsk,
    PeerError,
    PreSharedKey,
    PreSharedKeyId,
    PskSource,
    ReInit,
    Remove,
    ResumptionPskId,
    ResumptionUsage,
    SelfRemove,
    Sender,
    SenderType,
    UnknownProposal,
    Update,
    commit,
)
from aparte.mls.proposal_rules import check_proposal
from aparte.mls.proposals import OpaqueProposal
from aparte.mls.propose import proposal_context
from tests.mls_scenes import PRIVATE, PUBLIC, Person, all_hear, gather, people, stage
from tests.unit.mls.forge import drafted, from_outside, hearing, knowing_outsider, lenient, proposed, refused, sent

KNOWN = PskSource(external={b"key": bytes(32)})


@pytest.fixture
def trio() -> list[Person]:
    return stage("alice", "bob", "carol")


def test_the_removal_of_nobody(trio: list[Person]) -> None:
    alice, bob, _ = trio
    for leaf in (3, 4, 2**32 - 1):
        refused("12.1.3/blank", hearing(bob, proposed(alice, Remove(LeafIndex(leaf)))), bob)
    with lenient("12.1.3/blank"):
        draft = drafted(alice, Remove(LeafIndex(3)))
    refused("12.1.3/blank", hearing(bob, draft.message), bob)


def test_a_reinit_to_an_older_version(trio: list[Person]) -> None:
    alice, bob, _ = trio
    older = ReInit(b"next", 0, 0x0001, alice.group.extensions)
    refused("12.1.5/version", hearing(bob, proposed(alice, older)), bob)
    with lenient("12.1.5/version"):
        draft = drafted(alice, older)
    refused("12.1.5/version", hearing(bob, draft.message), bob)


@pytest.mark.parametrize("nonce", [b"", bytes(31), bytes(33)])
def test_a_psk_nonce_of_another_length(trio: list[Person], nonce: bytes) -> None:
    alice, bob, _ = trio
    psk = PreSharedKey(PreSharedKeyId(ExternalPskId(b"key"), nonce))
    refused("8.4.2", hearing(bob, proposed(alice, psk)), bob)
    with lenient("8.4.2"):
        draft = drafted(alice, psk, psks=KNOWN)
    refused("8.4.2", hearing(bob, draft.message, psks=KNOWN), bob)


@pytest.mark.parametrize(("rule", "usage"), [("11.2.5", ResumptionUsage.REINIT), ("11.3.6", ResumptionUsage.BRANCH)])
def test_a_linking_psk_in_a_group_that_lives(trio: list[Person], rule: str, usage: ResumptionUsage) -> None:
    alice, bob, _ = trio
    key = ResumptionPskId(usage, alice.group.group_id, alice.group.epoch)
    psk = PreSharedKey(PreSharedKeyId(key, bytes(32)))
    refused(rule, hearing(bob, proposed(alice, psk)), bob)
    with lenient(rule):
        draft = drafted(alice, psk)
    refused(rule, hearing(bob, draft.message), bob)
    refused(rule, lambda: commit(alice.group, [psk], CommitOptions(psk_usage=usage)), alice)


def test_a_psk_that_one_does_not_have(trio: list[Person]) -> None:
    alice, bob, _ = trio
    psk = PreSharedKey(PreSharedKeyId(ExternalPskId(b"key"), bytes(32)))
    draft = drafted(alice, psk, psks=KNOWN)
    with pytest.raises(MissingPsk):
        hearing(bob, draft.message)()
    assert bob.hears(draft.message, psks=KNOWN).staged.changes.psks == (psk.psk,)


def test_a_private_self_remove(trio: list[Person]) -> None:
    """Those who join from outside could not carry it out (draft-ietf-mls-extensions)."""
    alice, bob, _ = trio
    refused("12.1.8/self-remove", hearing(bob, sent(alice, SelfRemove(), wire=PRIVATE)), bob)


def test_more_proposals_than_are_kept(trio: list[Person], monkeypatch: pytest.MonkeyPatch) -> None:
    alice, bob, carol = trio
    monkeypatch.setattr(sys.modules["aparte.mls.propose"], "MAX_PROPOSALS", 2)
    for _ in range(2):
        bob.hears(alice.proposes_update())
    refused("12.1/count", hearing(bob, carol.proposes(Remove(LeafIndex(0)))), bob)


def test_more_keys_than_can_be_counted(trio: list[Person], monkeypatch: pytest.MonkeyPatch) -> None:
    alice, bob, _ = trio
    keys = [PreSharedKey(PreSharedKeyId(ExternalPskId(b"key"), bytes([i] * 32))) for i in range(3)]
    draft = drafted(alice, *keys, psks=KNOWN)
    monkeypatch.setattr("aparte.mls.psk._MAX_PSKS", 2)
    refused("8.4/count", hearing(bob, draft.message, psks=KNOWN), bob)


def test_an_update_from_outside() -> None:
    """Two guards stand in a row: with the first away, the second holds."""
    alice, bob = people("alice", "bob")
    signer = alice.suite.generate_signer()
    gather(alice, bob, extensions=knowing_outsider(signer))
    message = from_outside(bob.group, Update(alice.group.own_leaf), Sender(SenderType.EXTERNAL, 0), signer)
    with lenient("12.1.8.2"):
        refused("12.1.2/sender", hearing(bob, message), bob, gate=False)


def test_an_update_of_mine_that_i_do_not_know(trio: list[Person]) -> None:
    alice, bob, _ = trio
    alice.hears(bob.proposes_update())
    bob.seat = replace(bob.group, own_updates={})
    refused("12.1.2/own", hearing(bob, drafted(alice).message), bob, gate=False)


def test_a_proposal_that_was_never_received(trio: list[Person]) -> None:
    alice, bob, carol = trio
    alice.hears(carol.proposes_update())
    refused("12.4.2/reference", hearing(bob, drafted(alice).message), bob, kind=UnknownProposal, gate=False)


def test_a_proposal_of_unknown_type(trio: list[Person]) -> None:
    """It never comes out of a decoder, because its end is unknown; whoever builds one is refused."""
    _, bob, _ = trio
    sender, rules = Sender.member(LeafIndex(0)), proposal_context(bob.group)
    with pytest.raises(PeerError) as caught:
        check_proposal(OpaqueProposal(0xF00D, b""), sender, rules)
    assert caught.value.rule == "13.2.1"


def test_a_proposal_type_that_a_member_does_not_support() -> None:
    alice, bob, carol = people("alice", "bob", "carol")
    plain = Capabilities(cipher_suites=(1,), credentials=(CredentialType.BASIC,))
    alice.founds()
    welcome = alice.commits(bob.package(), carol.package(capabilities=plain, grease=False)).welcomes[0]
    bob.joins(welcome)
    carol.joins(welcome)
    with lenient("13.2.1"):
        all_hear(bob.proposes(SelfRemove(), wire_format=PUBLIC), [alice, carol])
        draft = drafted(alice)
    refused("13.2.1", hearing(carol, draft.message), carol)


def test_those_who_leave_need_not_support_it() -> None:
    alice, bob, carol = people("alice", "bob", "carol")
    plain = Capabilities(cipher_suites=(1,), credentials=(CredentialType.BASIC,))
    alice.founds()
    welcome = alice.commits(bob.package(), carol.package(capabilities=plain, grease=False)).welcomes[0]
    bob.joins(welcome)
    alice.hears(bob.proposes(SelfRemove()))
    draft = drafted(alice, Remove(LeafIndex(2)))
    assert [leaf for leaf, _ in draft.staged.changes.removed] == [1, 2]


def test_control(trio: list[Person]) -> None:
    alice, bob, _ = trio
    assert bob.hears(proposed(alice, Remove(LeafIndex(2)))).proposal == Remove(LeafIndex(2))
