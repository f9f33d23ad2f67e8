"""What RFC 9420 asks of those who send, §5–§9: right keys, tags and padding, fresh randomness, one key one message."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aparte.codec import Reader, encode_vector
from aparte.crypto import InvalidSignature
from aparte.crypto.labeled import labeled_context
from aparte.mls import (
    ApplicationMessage,
    CallerError,
    ContentType,
    LeafIndex,
    LeafNode,
    NodeIndex,
    PrivateMessage,
    PublicMessage,
    Remove,
    Sender,
    SenderType,
    WireFormat,
    decode_message,
    external_psk,
    process,
    propose_as_external_sender,
    propose_own_addition,
    protect,
    resumption_psk,
)
from aparte.mls.framing import SIGNATURE_LABEL, AuthenticatedContent, frame
from aparte.mls.private_message import open_sender_data
from aparte.mls.public_message import membership_tag, to_public_message
from aparte.mls.ratchet_tree import RatchetTree
from aparte.mls.tree_math import leaf_of
from aparte.mls.update_path import UpdatePath
from tests.mls_scenes import PRIVATE, PUBLIC, Person, agree, all_hear, gather, people, person, stage
from tests.unit.mls.forge import doctored_path, drafted, flipped, knowing_outsider, shares_of


@pytest.fixture
def trio() -> list[Person]:
    return stage("alice", "bob", "carol")


def private(message: bytes) -> PrivateMessage:
    decoded = decode_message(message)
    assert isinstance(decoded, PrivateMessage)
    return decoded


def public(message: bytes) -> PublicMessage:
    decoded = decode_message(message)
    assert isinstance(decoded, PublicMessage)
    return decoded


# -- signing and framing (§6) -------------------------------------------------------------------------------------
def test_a_message_is_signed_with_the_key_of_its_senders_leaf(trio: list[Person]) -> None:
    alice, bob, _ = trio
    event = process(bob.group, alice.says("hello"))
    assert isinstance(event, ApplicationMessage)
    content = labeled_context(SIGNATURE_LABEL, event.proof.tbs)
    bob.suite.verify(event.proof.leaf.signature_key, content, event.proof.signature)
    assert event.proof.leaf == alice.group.own_leaf
    message = public(alice.proposes(Remove(LeafIndex(2)), wire_format=PUBLIC)).authenticated
    key = alice.group.own_leaf.signature_key
    bob.suite.verify(key, message.signed_content(bob.group.context.encode()), message.signature)


def test_application_data_is_never_sent_in_the_open(trio: list[Person]) -> None:
    alice, *_ = trio
    assert isinstance(decode_message(alice.says("hello")), PrivateMessage)
    content = frame(alice.group.group_id, alice.group.epoch, Sender.member(LeafIndex(0)), b"hello")
    signed = AuthenticatedContent(WireFormat.PUBLIC_MESSAGE, content, b"", None)
    with pytest.raises(CallerError, match="never sent as a PublicMessage"):
        to_public_message(alice.suite, signed, membership_key=bytes(32), group_context=b"")


def test_a_public_message_of_a_member_has_its_membership_tag(trio: list[Person]) -> None:
    alice, *_ = trio
    context, key = alice.group.context.encode(), alice.group.state.secrets.membership
    for message in (
        alice.proposes(Remove(LeafIndex(2)), wire_format=PUBLIC),
        drafted(alice, wire_format=PUBLIC).message,
    ):
        sent = public(message)
        assert sent.membership_tag == membership_tag(alice.suite, key, sent.authenticated, context)


def test_proposals_from_outside_are_public() -> None:
    alice, bob, dave = people("alice", "bob", "dave")
    signer = alice.suite.generate_signer()
    gather(alice, bob, extensions=knowing_outsider(signer))
    own = dave.identity()
    added = propose_own_addition(own, group_id=alice.group.group_id, epoch=alice.group.epoch)
    removal = propose_as_external_sender(alice.group.context, signer, Remove(LeafIndex(1)))
    kinds = [public(message).authenticated.content.sender.sender_type for message in (added, removal)]
    assert kinds == [SenderType.NEW_MEMBER_PROPOSAL, SenderType.EXTERNAL]
    assert [public(message).membership_tag for message in (added, removal)] == [None, None]
    all_hear(added, [alice, bob])
    all_hear(removal, [alice])


# -- encrypting (§6.3) --------------------------------------------------------------------------------------------
def plaintext_of(who: Person, message: bytes) -> bytes:
    """What `who`'s key opens, padding and all."""
    sealed, group = private(message), who.group
    sender = open_sender_data(group.state.frame, sealed)
    application = sealed.content_type is ContentType.APPLICATION
    (key, nonce), _ = group.secret_tree.key_at(
        who.suite, sender.leaf, sender.generation, application=application, bounds=who.config.bounds
    )
    guard = int.from_bytes(sender.reuse_guard)
    guarded = (int.from_bytes(nonce[:4]) ^ guard).to_bytes(4) + nonce[4:]
    data = sealed.head + encode_vector(sealed.authenticated_data)
    return who.suite.open(key, guarded, data, sealed.ciphertext)


def test_padding_is_zero(trio: list[Person]) -> None:
    alice, bob, _ = trio
    for message in (alice.says("x" * 1000), alice.proposes(Remove(LeafIndex(2)), wire_format=PRIVATE)):
        plain = plaintext_of(bob, message)
        reader = Reader(plain)
        if private(message).content_type is ContentType.APPLICATION:
            reader.vector()
        else:
            reader.take(6)
        reader.vector()
        padding = reader.rest()
        assert padding == bytes(len(padding))
        assert len(plain) == bob.config.padding(len(plain))


def test_the_reuse_guard_is_random_and_sent_along(trio: list[Person]) -> None:
    alice, bob, _ = trio
    before = alice.group
    guards = set()
    for number in range(8):
        message = protect(before, str(number).encode()).message  # One key, as after a state that was lost.
        guards.add(open_sender_data(bob.group.state.frame, private(message)).reuse_guard)
        event = process(bob.group, message)
        assert isinstance(event, ApplicationMessage)
        assert event.data == str(number).encode()
    assert len(guards) == 8


def test_sender_data_names_ones_own_leaf(trio: list[Person]) -> None:
    for who, other in zip(trio, reversed(trio), strict=True):
        sender = open_sender_data(other.group.state.frame, private(who.says("hello")))
        assert sender.leaf == who.leaf


def test_no_key_serves_twice_even_after_a_restart(trio: list[Person]) -> None:
    alice, bob, _ = trio
    generations = []
    for _ in range(3):
        message = private(alice.says("hello"))
        generations.append(open_sender_data(bob.group.state.frame, message).generation)
        alice.restarts()
    assert generations == [0, 1, 2]


def test_a_message_stays_inside_the_aeads_limit(trio: list[Person], monkeypatch: pytest.MonkeyPatch) -> None:
    alice, *_ = trio
    monkeypatch.setattr("aparte.mls.private_message.MAX_SEALED", 1000)
    assert alice.says("x" * 800)
    with pytest.raises(CallerError, match="too long"):
        alice.says("x" * 1000)
    with pytest.raises(CallerError, match="too long"):
        alice.says("x", authenticated_data=b"x" * 1000)


# -- the tree (§7) ------------------------------------------------------------------------------------------------
def test_every_byte_of_a_leaf_is_signed(trio: list[Person]) -> None:
    alice, *_ = trio
    alice.commits()
    for leaf in (alice.group.own_leaf, alice.group.member(LeafIndex(1))):
        place = alice.group.group_id, leaf_of(NodeIndex(0))
        alice.suite.verify(leaf.signature_key, leaf.signed_content(*place), leaf.signature)
        for index in range(leaf.tbs_length):
            changed = replace(leaf, raw=flipped(leaf.raw, index))
            with pytest.raises(InvalidSignature):
                alice.suite.verify(leaf.signature_key, changed.signed_content(*place), leaf.signature)
        if leaf.lifetime is None:
            with pytest.raises(InvalidSignature):
                alice.suite.verify(leaf.signature_key, leaf.signed_content(b"other", LeafIndex(0)), leaf.signature)


def test_no_path_secret_is_sealed_to_those_who_join(trio: list[Person]) -> None:
    alice, bob, carol = trio
    dave, erin = people("dave", "erin")
    seen: list[UpdatePath] = []
    with doctored_path(lambda path: (seen.append(path), path)[1]):
        made = alice.commits(dave.package(), erin.package())
    # Towards bob: bob. Towards carol and dave: carol alone. Towards erin: nobody, but the node is there.
    assert [len(shares_of(seen[0], position)) for position in range(3)] == [1, 1, 0]
    all_hear(made.message, [bob, carol])
    for who in (dave, erin):
        who.joins(made.welcomes[0])
    assert agree(alice, bob, carol, dave, erin)


def test_a_blank_node_is_hashed_as_absent(trio: list[Person]) -> None:
    alice, *_ = trio
    suite, tree = alice.suite, alice.group.tree
    own = alice.group.own_leaf
    assert tree.tree_hash(NodeIndex(6)) == suite.hash(b"\x01\x00\x00\x00\x03\x00")
    assert tree.tree_hash(NodeIndex(0)) == suite.hash(b"\x01\x00\x00\x00\x00\x01" + own.encode())
    alone = RatchetTree(suite, [own, None, None])
    halves = [encode_vector(alone.tree_hash(NodeIndex(node))) for node in (0, 2)]
    assert alone.tree_hash() == suite.hash(b"\x02\x00" + b"".join(halves))


def test_a_tree_is_sent_without_blanks_at_its_end(trio: list[Person]) -> None:
    alice, *_ = trio
    tree = alice.group.tree
    assert tree.nodes[-1] is None
    reader = Reader(tree.encode()).nested()
    written = 0
    while reader:
        if reader.optional():
            assert reader.u8() in (1, 2)
            LeafNode.read(reader) if written % 2 == 0 else [reader.vector() for _ in range(3)]
        written += 1
    assert written == 5 < len(tree.nodes)


# -- nonces (§8.4, §11.3, §12.1.4) --------------------------------------------------------------------------------
def test_psk_nonces_are_random_and_of_the_hashs_length() -> None:
    for number in (0x0001, 0x0005):
        suite = person("alice", suite=number).suite
        proposals = [external_psk(suite, b"key") for _ in range(4)] + [resumption_psk(suite, b"g", 1)] * 1
        nonces = {proposal.psk.nonce for proposal in proposals}
        assert len(nonces) == len(proposals)
        assert {len(nonce) for nonce in nonces} == {suite.parameters.hash_length}


def test_no_two_key_packages_share_an_init_key() -> None:
    alice = people("alice")[0]
    signer = alice.suite.generate_signer()
    packages = [alice.identity(signer=signer).key_package for _ in range(4)]
    assert len({package.init_key for package in packages}) == len(packages)
    assert len({package.leaf_node.encryption_key for package in packages}) == len(packages)
