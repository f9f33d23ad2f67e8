"""Messages whose frame is false (RFC 9420 §6, §12.1): wrong place, wrong sender, wrong tag, wrong signature."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aparte.codec import encode_u32, encode_u64, encode_vector
from aparte.mls import (
    Add,
    BadSignature,
    ContentType,
    ExternalInit,
    Group,
    LeafIndex,
    NotAMember,
    PrivateMessage,
    PublicMessage,
    Remove,
    SelfRemove,
    Sender,
    SenderType,
    Undecryptable,
    Update,
    WireFormat,
    WrongEpoch,
    WrongGroup,
    decode_message,
    encode_message,
    process,
)
from aparte.mls.commits import Commit
from aparte.mls.framing import AuthenticatedContent, frame
from aparte.mls.private_message import seal
from aparte.mls.protect import sign_content
from aparte.mls.public_message import membership_tag
from tests.mls_scenes import PRIVATE, PUBLIC, Person, gather, people, stage
from tests.unit.mls.forge import (
    drafted,
    flipped,
    from_outside,
    hearing,
    in_public,
    knowing_outsider,
    refused,
    sent,
    signed_by,
)

OUTSIDER, NEWCOMER = Sender(SenderType.EXTERNAL, 0), Sender(SenderType.NEW_MEMBER_PROPOSAL)
JOINER = Sender(SenderType.NEW_MEMBER_COMMIT)


@pytest.fixture
def pair() -> list[Person]:
    return stage("alice", "bob")


def private_of(message: bytes) -> PrivateMessage:
    decoded = decode_message(message)
    assert isinstance(decoded, PrivateMessage)
    return decoded


def public_of(message: bytes) -> PublicMessage:
    decoded = decode_message(message)
    assert isinstance(decoded, PublicMessage)
    return decoded


# -- the wrong place ----------------------------------------------------------------------------------------------
def test_another_group(pair: list[Person]) -> None:
    _, bob = pair
    mallory, _ = stage("mallory", "trudy")
    for message in (mallory.says("hi"), drafted(mallory, wire_format=PUBLIC).message):
        refused("12.1.1/group", hearing(bob, message), bob, kind=WrongGroup, gate=False)


def test_another_epoch(pair: list[Person]) -> None:
    alice, bob = pair
    late = alice.says("late")
    bob.hears(alice.commits().message)
    early = drafted(alice, wire_format=PUBLIC)
    for message in (late, replaced_epoch(early.message, 9)):
        refused("12.1.1/epoch", hearing(bob, message), bob, kind=WrongEpoch, gate=False)
    with pytest.raises(WrongEpoch) as caught:
        process(bob.group, late)
    assert (caught.value.expected, caught.value.got) == (2, 1)


def replaced_epoch(message: bytes, epoch: int) -> bytes:
    content = public_of(message).authenticated.content
    head = message.index(encode_vector(content.group_id)) + len(encode_vector(content.group_id))
    return message[:head] + encode_u64(epoch) + message[head + 8 :]


# -- the wrong sender ---------------------------------------------------------------------------------------------
def test_application_data_in_the_open(pair: list[Person]) -> None:
    alice, bob = pair
    content = frame(alice.group.group_id, alice.group.epoch, Sender.member(LeafIndex(0)), b"hello")
    unsigned = AuthenticatedContent(WireFormat.PUBLIC_MESSAGE, content, b"", None)
    context, key = alice.group.context.encode(), alice.group.state.secrets.membership
    signed = replace(unsigned, signature=alice.group.state.signer.sign(unsigned.signed_content(context)))
    message = encode_message(PublicMessage(signed, membership_tag(alice.suite, key, signed, context)))
    refused("6.1", hearing(bob, message), bob)


@pytest.mark.parametrize("leaf", [3, 4, 2**32 - 1])
def test_a_member_that_is_nobody(leaf: int) -> None:
    alice, bob, _ = stage("alice", "bob", "carol")
    signed = signed_by(alice.group, Remove(LeafIndex(1)), Sender.member(LeafIndex(leaf)), alice.group.state.signer)
    refused("6.1.1", hearing(bob, in_public(alice.group, signed)), bob, kind=NotAMember, gate=False)


@pytest.mark.parametrize("leaf", [3, 4, 2**32 - 1])
def test_sender_data_that_names_nobody(leaf: int) -> None:
    alice, bob, _ = stage("alice", "bob", "carol")
    message = with_sender(alice, private_of(alice.says("hello")), leaf, 0)
    refused("6.3.2.2", hearing(bob, message), bob, kind=NotAMember, gate=False)


def with_sender(who: Person, message: PrivateMessage, leaf: int, generation: int, guard: bytes = bytes(4)) -> bytes:
    """The same ciphertext under other sender data, which any member can write."""
    key, nonce = who.group.state.frame.sender_data_keys(message.ciphertext)
    plain = encode_u32(leaf) + encode_u32(generation) + guard
    sealed = who.suite.seal(key, nonce, message.head, plain)
    return encode_message(message._replace(encrypted_sender_data=sealed))


def test_the_word_of_another_member() -> None:
    _, bob, carol = stage("alice", "bob", "carol")
    signed = signed_by(carol.group, Remove(LeafIndex(1)), Sender.member(LeafIndex(0)), carol.group.state.signer)
    refused("6.1.7", hearing(bob, in_public(carol.group, signed)), bob, kind=BadSignature, gate=False)
    body = encode_vector(b"hello")
    tbs = carol.group.state.frame.tbs(LeafIndex(0), b"", ContentType.APPLICATION, body)
    plain = body + encode_vector(carol.group.state.signer.sign(tbs))
    message, _ = seal(
        carol.group.state.frame, carol.group.secret_tree, LeafIndex(0),
        content_type=ContentType.APPLICATION, authenticated_data=b"", plaintext=plain,
    )  # fmt: skip
    refused("6.1.7", hearing(bob, message), bob, kind=BadSignature, gate=False)


@pytest.fixture
def watched() -> tuple[Person, Person, Person]:
    """A group of two that lets a third propose from outside."""
    alice, bob, outsider = people("alice", "bob", "outsider")
    outsider.packages.append(outsider.identity())
    gather(alice, bob, extensions=knowing_outsider(outsider.packages[0].signer))
    return alice, bob, outsider


Watched = tuple[Person, Person, Person]


def test_an_external_sender_that_nobody_knows(watched: Watched) -> None:
    _, bob, outsider = watched
    signer = outsider.packages[0].signer
    second = from_outside(bob.group, Remove(LeafIndex(0)), Sender(SenderType.EXTERNAL, 1), signer)
    refused("6.1.1/external", hearing(bob, second), bob)
    forged = from_outside(bob.group, Remove(LeafIndex(0)), OUTSIDER, outsider.suite.generate_signer())
    refused("6.1.7", hearing(bob, forged), bob, kind=BadSignature, gate=False)


def test_an_external_sender_that_commits(watched: Watched) -> None:
    _, bob, outsider = watched
    message = from_outside(bob.group, Commit((Remove(LeafIndex(0)),), None), OUTSIDER, outsider.packages[0].signer)
    refused("6.1.2", hearing(bob, message), bob)


def test_an_external_sender_that_proposes_what_members_may(watched: Watched) -> None:
    alice, bob, outsider = watched
    for proposal in (Update(alice.group.own_leaf), ExternalInit(b"kem"), SelfRemove()):
        message = from_outside(bob.group, proposal, OUTSIDER, outsider.packages[0].signer)
        refused("12.1.8.2", hearing(bob, message), bob)


def test_a_newcomer_that_commits_a_proposal(pair: list[Person]) -> None:
    _, bob = pair
    message = from_outside(bob.group, Remove(LeafIndex(0)), JOINER, bob.suite.generate_signer())
    refused("6.1.4", hearing(bob, message), bob)


def test_a_newcomer_that_proposes_something_else_than_itself(pair: list[Person]) -> None:
    _, bob = pair
    for body in (Remove(LeafIndex(0)), Commit((), None)):
        message = from_outside(bob.group, body, NEWCOMER, bob.suite.generate_signer())
        refused("6.1.5", hearing(bob, message), bob, gate=False)


def test_a_newcomer_that_does_not_sign_for_itself(pair: list[Person]) -> None:
    alice, bob = pair
    dave = people("dave")[0]
    package = dave.package().key_package
    message = from_outside(bob.group, Add(package), NEWCOMER, alice.suite.generate_signer())
    refused("6.1.7", hearing(bob, message), bob, kind=BadSignature, gate=False)


# -- tags, signatures, ciphertexts --------------------------------------------------------------------------------
def test_a_wrong_membership_tag(pair: list[Person]) -> None:
    alice, bob = pair
    dave = people("dave")[0]
    message = public_of(alice.proposes(dave.package(), wire_format=PUBLIC))
    tag = message.membership_tag or b""
    for wrong in (flipped(tag), tag[:-1], b"", tag + b"\x00"):
        refused("6.2.2", hearing(bob, encode_message(replace(message, membership_tag=wrong))), bob)


@pytest.mark.parametrize("wire", [PUBLIC, PRIVATE])
def test_a_wrong_signature(pair: list[Person], wire: WireFormat) -> None:
    alice, bob = pair
    signer = alice.group.state.signer
    alice.seat = replace(alice.group, state=replace(alice.group.state, signer=alice.suite.generate_signer()))
    refused("6.1.7", hearing(bob, sent(alice, Remove(LeafIndex(1)), wire=wire)), bob, kind=BadSignature, gate=False)
    alice.seat = replace(alice.group, state=replace(alice.group.state, signer=signer))
    other = signed_by(replace_epoch(alice), Remove(LeafIndex(1)), Sender.member(LeafIndex(0)), signer)
    moved = replace(other, content=frame(alice.group.group_id, 1, Sender.member(LeafIndex(0)), Remove(LeafIndex(1))))
    refused("6.1.7", hearing(bob, in_public(alice.group, moved)), bob, kind=BadSignature, gate=False)


def replace_epoch(who: Person) -> Group:
    """The same group, said to be in the next epoch."""
    return replace(who.group, state=replace(who.group.state, context=replace(who.group.context, epoch=2)))


def test_a_signature_for_another_wire_format(pair: list[Person]) -> None:
    alice, bob = pair
    signed = sign_content(alice.group, Remove(LeafIndex(1)), wire_format=PRIVATE, authenticated_data=b"")
    moved = replace(signed, wire_format=WireFormat.PUBLIC_MESSAGE)
    refused("6.1.7", hearing(bob, in_public(alice.group, moved)), bob, kind=BadSignature, gate=False)


@pytest.mark.parametrize("content_type", [ContentType.APPLICATION, ContentType.PROPOSAL])
def test_padding_that_is_not_zero(pair: list[Person], content_type: ContentType) -> None:
    alice, bob = pair
    group, state = alice.group, alice.group.state
    body = encode_vector(b"hello") if content_type is ContentType.APPLICATION else b"\x00\x03" + encode_u32(1)
    unsigned = state.frame.tbs(group.own_index, b"", content_type, body)
    signature = state.signer.sign(b"\x1bMLS 1.0 FramedContentTBS" + encode_vector(unsigned))
    for padding in (b"\x01", bytes(7) + b"\x80", b"\x01" + bytes(7)):
        message, _ = seal(
            state.frame, group.secret_tree, group.own_index,
            content_type=content_type, authenticated_data=b"", plaintext=body + encode_vector(signature) + padding,
        )  # fmt: skip
        refused("6.3.1.2", hearing(bob, message), bob)


def test_a_ciphertext_that_does_not_open(pair: list[Person]) -> None:
    alice, bob = pair
    message = private_of(alice.says("hello", authenticated_data=b"aad"))
    for changed in (
        message._replace(ciphertext=flipped(message.ciphertext)),
        message._replace(authenticated_data=b"AAD"),
    ):
        refused("6.3.1/open", hearing(bob, encode_message(changed)), bob, kind=Undecryptable, gate=False)
    other = with_sender(alice, message, 0, 0, guard=b"\xff\xff\xff\xff")
    refused("6.3.1/open", hearing(bob, other), bob, kind=Undecryptable, gate=False)


def test_sender_data_that_does_not_open(pair: list[Person]) -> None:
    alice, bob = pair
    message = private_of(alice.says("hello"))
    for changed in (
        message._replace(encrypted_sender_data=flipped(message.encrypted_sender_data)),
        message._replace(encrypted_sender_data=b""),
        message._replace(ciphertext=flipped(message.ciphertext, 0)),
        message._replace(ciphertext=b""),
    ):
        refused("6.3.2/open", hearing(bob, encode_message(changed)), bob, kind=Undecryptable, gate=False)
