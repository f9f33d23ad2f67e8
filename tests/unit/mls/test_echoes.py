"""One's own messages that come back: known by their bytes alone, whatever anybody writes into a sender field."""

from __future__ import annotations

import pytest

from aparte.codec import encode_vector
from aparte.mls import (
    ContentType,
    GenerationGone,
    OwnMessage,
    PeerError,
    PrivateMessage,
    ReceivedCommit,
    Undecryptable,
    WireFormat,
    WrongEpoch,
    decode_group,
    decode_message,
    encode_group,
    encode_message,
    process,
    propose_update,
)
from aparte.mls.echoes import KEPT, Echoes
from aparte.mls.private_message import seal
from aparte.mls.secret_tree import SecretTree
from tests.mls_scenes import Person, stage

PUBLIC = WireFormat.PUBLIC_MESSAGE


@pytest.fixture
def trio() -> list[Person]:
    return stage("alice", "bob", "carol")


@pytest.mark.parametrize("wire_format", list(WireFormat)[:2])
def test_every_own_message_is_recognised(trio: list[Person], wire_format: WireFormat) -> None:
    alice, *_ = trio
    spoken = alice.says("hello")
    asked = alice.proposes_update(wire_format=wire_format)
    alice.restarts()
    for message, kind in ((spoken, ContentType.APPLICATION), (asked, ContentType.PROPOSAL)):
        event = process(alice.group, message)
        assert isinstance(event, OwnMessage)
        assert (event.content_type, event.beyond_state) == (kind, False)
    made = alice.drafts(wire_format=wire_format)
    alice.seat = made.group.without_pending_commit()
    event = process(alice.group, made.message)
    assert isinstance(event, OwnMessage)
    assert (event.content_type, event.beyond_state) == (ContentType.COMMIT, False)


def test_a_late_echo_of_a_declined_proposal_is_no_rollback(trio: list[Person]) -> None:
    alice, *_ = trio
    asked = alice.proposes_update(wire_format=PUBLIC)
    alice.seat = alice.group.without_proposals()
    event = process(alice.group, asked)
    assert isinstance(event, OwnMessage)
    assert not event.beyond_state


def test_what_the_delivery_service_altered_is_no_echo(trio: list[Person]) -> None:
    """The sender data and the start of the ciphertext are kept, all else is rewritten."""
    alice, bob, _ = trio
    letter = decode_message(alice.says("hello"))
    assert isinstance(letter, PrivateMessage)
    for altered in (
        letter._replace(authenticated_data=b"written by the service"),
        letter._replace(ciphertext=letter.ciphertext[:40] + bytes(40)),
    ):
        with pytest.raises(GenerationGone):
            process(alice.group, encode_message(altered))
        with pytest.raises(Undecryptable):
            process(bob.group, encode_message(altered))


def test_what_another_member_forged_is_no_echo(trio: list[Person]) -> None:
    """Any member can seal sender data that names any leaf and a generation long used."""
    alice, bob, _ = trio
    alice.says("the first")
    group = bob.group
    forged, _ = seal(
        group.state.frame,
        SecretTree.create(bytes(32), group.tree.leaf_count),
        alice.group.own_index,
        content_type=ContentType.APPLICATION,
        authenticated_data=b"mallory's",
        plaintext=encode_vector(b"never said") + encode_vector(bytes(64)),
    )
    with pytest.raises(GenerationGone):
        process(alice.group, forged)


def test_a_state_that_was_rolled_back_notices(trio: list[Person]) -> None:
    alice, bob, _ = trio
    before = alice.group
    letter, commit = alice.says("hello"), alice.drafts(wire_format=PUBLIC).message
    for message in (letter, commit):
        event = process(before, message)
        assert isinstance(event, OwnMessage)
        assert event.beyond_state
    assert isinstance(process(bob.group, commit), ReceivedCommit)


def test_a_joiner_knows_its_own_commit(trio: list[Person]) -> None:
    alice, *_ = trio
    dave = stage("dave")[0]
    message = dave.enters(alice.invites())
    event = process(dave.group, message)
    assert isinstance(event, OwnMessage)
    assert not event.beyond_state
    alice.hears(message)
    with pytest.raises(WrongEpoch):
        process(alice.group, message)


def test_a_public_message_in_ones_name_needs_the_membership_key_and_the_signature(trio: list[Person]) -> None:
    alice, *_ = trio
    asked = bytearray(propose_update(alice.group, wire_format=PUBLIC).message)
    asked[-1] ^= 1
    with pytest.raises(PeerError) as caught:
        process(alice.group, bytes(asked))
    assert caught.value.rule == "6.2.2"


def test_what_was_added_is_told_from_what_was_made_anew() -> None:
    one = Echoes().add(b"1")
    more = one.add(b"2").add(b"3")
    assert one.grew_from(Echoes())
    assert more.grew_from(one)
    assert more.grew_from(more)
    for other in (Echoes(), Echoes.of([b"1"]), Echoes.of([b"1", b"2"]), one.add(b"2"), one):
        assert not other.grew_from(more)
    assert not more.grew_from(Echoes.of([b"1"]))
    full = Echoes.of([b"x"] * 2 * KEPT)
    halved = full.add(b"y")
    assert (halved.forgotten, halved.count, halved.end) == (KEPT, KEPT + 1, 2 * KEPT + 1)
    assert not halved.grew_from(full)


def test_echoes_are_bounded_and_saved(trio: list[Person]) -> None:
    echoes = Echoes()
    for number in range(5 * KEPT):
        echoes = echoes.add(number.to_bytes(4))
        assert len([*echoes]) <= 2 * KEPT
    newest = [*echoes]
    assert len(newest) >= KEPT
    assert newest[0] == (5 * KEPT - 1).to_bytes(4)
    assert newest == sorted(newest, reverse=True)
    alice = trio[0]
    alice.says("hello")
    saved = decode_group(encode_group(alice.group), alice.provider, alice.config)
    assert [*saved.sent] == [*alice.group.sent] != []
