"""External commits and what leads to them (RFC 9420 §12.4.3.2, §12.2, §8.3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest

from aparte.codec import encode_vector
from aparte.mls import (
    BadSignature,
    Extensions,
    ExternalInit,
    GroupContextExtensions,
    LeafIndex,
    LeafNodeContent,
    Proposal,
    Remove,
    SelfRemove,
    Sender,
    SenderType,
    decode_message,
    external_join,
)
from aparte.mls import external as external_module
from aparte.mls.commits import Commit, ProposalRef
from aparte.mls.grease import GREASE_VALUES
from aparte.mls.group_info import GroupInfo, sign_group_info
from aparte.mls.messages import encode_message
from aparte.mls.proposal_list import CommittedProposal
from aparte.mls.update_path import UpdatePath
from tests.mls_scenes import PUBLIC, Person, agree, all_hear, gather, people, stage
from tests.unit.mls.forge import (
    deciding,
    doctored_path,
    drafted,
    flipped,
    from_outside,
    hearing,
    in_public,
    knowing_outsider,
    lenient,
    refused,
    respoiled,
    signed_by,
)

JOINER = Sender(SenderType.NEW_MEMBER_COMMIT)
Crowd = tuple[Person, Person, Person, Person]


@pytest.fixture
def crowd() -> Crowd:
    """alice, bob and carol in a group, dave at the door."""
    alice, bob, carol, dave = people("alice", "bob", "carol", "dave")
    gather(alice, bob, carol)
    return alice, bob, carol, dave


def entering(who: Person, host: Person, *extra: Proposal, breaking: tuple[str, ...] = (), **options: Any) -> bytes:
    """An external commit with some proposals more, whatever rules they break."""
    with lenient(*breaking):
        return who.enters(host.invites(), psks=extra, **options)


# -- the list -----------------------------------------------------------------------------------------------------
BAD_LISTS: dict[str, Callable[[Person], list[Proposal]]] = {
    "12.2.2/external-list": lambda who: [GroupContextExtensions(who.group.extensions)],
    "12.2.2/one-external-init": lambda _: [ExternalInit(bytes(32))],
    "12.2.2/one-external-remove": lambda _: [Remove(LeafIndex(1)), Remove(LeafIndex(2))],
    "12.4.3.2.2": lambda _: [SelfRemove()],
}


@pytest.mark.parametrize("rule", BAD_LISTS)
def test_a_bad_list(crowd: Crowd, rule: str) -> None:
    alice, _, carol, dave = crowd
    if "remove" in rule:
        for who in (carol, dave):
            who.config = replace(who.config, succeeds=lambda _old, _new: True)
        deciding(carol)
    message = entering(dave, alice, *BAD_LISTS[rule](alice), breaking=(rule,))
    refused(rule, hearing(alice, message), alice)


def test_a_list_without_external_init(crowd: Crowd) -> None:
    alice, bob, _, dave = crowd
    with patch.object(external_module, "ExternalInit", lambda _kem: Remove(LeafIndex(2))):
        deciding(alice, succeeds=lambda _old, _new: True)
        dave.config = alice.config
        message = entering(dave, alice, breaking=("12.2.2/one-external-init",))
    refused("12.2.2/one-external-init", hearing(bob, message), bob)


def test_a_proposal_by_reference(crowd: Crowd) -> None:
    alice, bob, _, dave = crowd
    bob.hears(alice.proposes(Remove(LeafIndex(2)), wire_format=PUBLIC))
    heard = bob.group.proposals[0]
    named = CommittedProposal(heard.proposal, heard.sender, by_reference=True, verified=True)
    dave.config = replace(dave.config, succeeds=lambda _old, _new: True)
    with patch.object(external_module, "_pending", lambda _view, _message: (named, ProposalRef(heard.reference))):
        message = entering(dave, alice, breaking=("12.4.3.2.2",), self_removes=[b""])
    refused("12.4.3.2.2", hearing(bob, message), bob)


def test_a_member_that_commits_from_outside(crowd: Crowd) -> None:
    """Whoever has a leaf and says so cannot use an external init (rule 12.4.3.2.6)."""
    alice, bob, _, _ = crowd
    with lenient("12.2.2/external-init"):
        draft = drafted(alice, ExternalInit(bytes(32)))
    refused("12.2.2/external-init", hearing(bob, draft.message), bob)


# -- the path -----------------------------------------------------------------------------------------------------
def test_no_path(crowd: Crowd) -> None:
    _, bob, _, dave = crowd
    message = from_outside(bob.group, Commit((ExternalInit(bytes(32)),), None), JOINER, dave.suite.generate_signer())
    refused("12.4.3.2.1", hearing(bob, message), bob, gate=False)


def test_a_signature_by_another_key_than_the_leafs(crowd: Crowd) -> None:
    alice, bob, _, dave = crowd
    decoded = decode_message(entering(dave, alice))
    body = decoded.authenticated.content.body
    for signer in (dave.suite.generate_signer(), alice.group.state.signer):
        forged = from_outside(bob.group, body, JOINER, signer)
        refused("6.1.7", hearing(bob, forged), bob, kind=BadSignature, gate=False)


def test_a_leaf_with_a_bad_signature(crowd: Crowd) -> None:
    alice, bob, _, dave = crowd

    def respoil(path: UpdatePath) -> UpdatePath:
        return replace(path, leaf_node=respoiled(path.leaf_node))

    with doctored_path(respoil):
        message = entering(dave, alice)
    refused("7.3/signature", hearing(bob, message), bob, kind=BadSignature)


def test_a_leaf_that_was_not_made_for_a_commit(crowd: Crowd) -> None:
    alice, bob, _, dave = crowd

    def for_update(self: LeafNodeContent, signer: Any, _hash: bytes, *, group_id: bytes, leaf: LeafIndex) -> object:
        return self.sign_for_update(signer, group_id, leaf)

    with patch.object(LeafNodeContent, "sign_for_commit", for_update):
        message = entering(dave, alice)
    refused("12.4.2.1", hearing(bob, message), bob)


def test_a_signature_key_of_a_member(crowd: Crowd) -> None:
    alice, bob, carol, dave = crowd
    dave.suite = SignerOf(dave.suite, carol.group.state.signer)
    rule = "7.3/unique-signature-key"
    message = entering(dave, alice, breaking=(rule,))
    refused(rule, hearing(bob, message), bob)


class SignerOf:
    """A suite whose next signer is a known one."""

    def __init__(self, suite: Any, signer: Any) -> None:
        self._suite, self._signer = suite, signer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._suite, name)

    def generate_signer(self) -> Any:
        return self._signer


# -- in somebody's place ------------------------------------------------------------------------------------------
def test_a_return_under_another_name(crowd: Crowd) -> None:
    alice, bob, _, dave = crowd
    dave.config = replace(dave.config, succeeds=lambda _old, _new: True)
    message = entering(dave, alice, resync=LeafIndex(2))
    refused("5.3.1.2", hearing(bob, message), bob)


def test_a_return_in_place_of_one_who_wishes_to_leave(crowd: Crowd) -> None:
    """carol's wish to leave is no leave for dave to take her place by a Remove."""
    alice, bob, carol, dave = crowd
    all_hear(carol.proposes(SelfRemove()), [alice, bob])
    dave.config = replace(dave.config, succeeds=lambda _old, _new: True)
    message = entering(dave, alice, resync=LeafIndex(2))
    refused("5.3.1.2", hearing(bob, message), bob)


def test_a_return_in_place_of_nobody(crowd: Crowd) -> None:
    alice, bob, _, dave = crowd
    with lenient("12.1.3/blank"), patch.object(external_module, "check_replacement", lambda *_: None):
        message = entering(dave, alice, resync=LeafIndex(3))
    refused("12.1.3/blank", hearing(bob, message), bob)
    with lenient("12.1.3/blank"):
        refused("7.3/replaced", hearing(bob, message), bob, gate=False)


# -- keys out of nothing (§8.3) -----------------------------------------------------------------------------------
@pytest.mark.parametrize("kem_output", [b"", b"short", bytes(33)])
def test_a_malformed_kem_output(crowd: Crowd, kem_output: bytes) -> None:
    alice, bob, _, dave = crowd
    with patch.object(external_module, "_external_init", lambda _suite, _info: (kem_output, bytes(32))):
        message = entering(dave, alice)
    refused("8.3/kem-output", hearing(bob, message), bob, gate=False)


def test_an_init_secret_of_ones_own(crowd: Crowd) -> None:
    """Who does not derive the init secret from the group's external key is found out (rule 12.4.3.2.5)."""
    alice, bob, _, dave = crowd
    kem_output, _ = dave.suite.hpke_export_to(dave.suite.generate_kem_key().public_key, b"", b"", 32)
    with patch.object(external_module, "_external_init", lambda _suite, _info: (kem_output, bytes(32))):
        message = entering(dave, alice)
    refused("12.4.2/confirmation-tag", hearing(bob, message), bob)


def spoiled_info(host: Person, **changes: Any) -> bytes:
    """The host's GroupInfo with other fields, signed again."""
    info = decode_message(host.invites())
    assert isinstance(info, GroupInfo)
    fields = {"group_context": info.group_context, "extensions": info.extensions, **changes}
    signed = sign_group_info(host.group.state.signer, info.signer, confirmation_tag=info.confirmation_tag, **fields)
    return encode_message(signed)


def test_a_group_that_one_is_in(crowd: Crowd) -> None:
    alice, _, _, dave = crowd
    message, own = alice.invites(), dave.identity()

    def enter() -> None:
        known = [b"another", alice.group.group_id]
        external_join(dave.suite, dave.config, message, own, known_groups=known)

    refused("12.4.3.3", enter)


@pytest.mark.parametrize("key", [b"", b"short", bytes(33)])
def test_a_malformed_external_pub(crowd: Crowd, key: bytes) -> None:
    alice, _, _, dave = crowd
    info = decode_message(alice.invites())
    assert isinstance(info, GroupInfo)
    message = spoiled_info(alice, extensions=info.extensions.with_extension(4, encode_vector(key)))

    def enter() -> None:
        external_join(dave.suite, dave.config, message, dave.identity())

    refused("8.3/external-pub", enter, gate=False)


def test_a_group_info_with_a_bad_signature(crowd: Crowd) -> None:
    alice, _, _, dave = crowd
    message = flipped(alice.invites())

    def enter() -> None:
        external_join(dave.suite, dave.config, message, dave.identity())

    refused("12.4.3.4", enter, kind=BadSignature, gate=False)


def test_a_self_remove_from_outside() -> None:
    alice, bob, dave = people("alice", "bob", "dave")
    signer = alice.suite.generate_signer()
    gather(alice, bob, extensions=knowing_outsider(signer))
    forged = from_outside(alice.group, SelfRemove(), Sender(SenderType.EXTERNAL, 0), signer)

    def enter() -> None:
        external_join(dave.suite, dave.config, alice.invites(), dave.identity(), self_removes=[forged])

    refused("13.4/self-remove-sender", enter)


def test_a_self_remove_that_its_member_did_not_sign(crowd: Crowd) -> None:
    alice, bob, _, dave = crowd
    signed = signed_by(bob.group, SelfRemove(), Sender.member(LeafIndex(2)), bob.group.state.signer)

    def enter() -> None:
        forged = in_public(bob.group, signed)
        external_join(dave.suite, dave.config, alice.invites(), dave.identity(), self_removes=[forged])

    refused("6.1.7", enter, kind=BadSignature, gate=False)


# -- GREASE, which is no capability -------------------------------------------------------------------------------
def test_a_group_that_uses_grease() -> None:
    dave, host = people("dave", "host")
    own = dave.identity()
    greased = set(own.key_package.leaf_node.capabilities.extensions) & set(GREASE_VALUES)
    with lenient("13.4.7", "13.4.8"):
        host.founds(extensions=Extensions().with_extension(greased.pop(), b""))
    message = host.invites()

    def enter() -> None:
        external_join(dave.suite, dave.config, message, own)

    with lenient("13.4.7"):
        refused("13.4.8", enter)


def test_control(crowd: Crowd) -> None:
    alice, bob, carol, dave = crowd
    all_hear(entering(dave, alice), [alice, bob, carol])
    assert agree(alice, bob, carol, dave)
    again = stage("erin", "frank")
    message = again[1].enters(again[0].invites(), resync=LeafIndex(1))
    again[0].hears(message)
    assert agree(*again)
