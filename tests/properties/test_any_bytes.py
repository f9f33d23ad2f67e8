"""Any bytes, anywhere: only the typed errors come out, the group stays as it was, and no altered word is believed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aparte.crypto import UnsupportedSuite
from aparte.mls import (
    ApplicationMessage,
    CommitOptions,
    ContentType,
    DecodeError,
    JoinOptions,
    MlsError,
    OwnMessage,
    PeerError,
    PublicMessage,
    Received,
    ReceivedCommit,
    ReceivedProposal,
    StateError,
    commit,
    decode_group,
    decode_key_package_secrets,
    decode_message,
    encode_group,
    encode_key_package_secrets,
    external_join,
    join,
    process,
)
from tests.conftest import SOAK
from tests.mls_scenes import Person
from tests.properties import hostile
from tests.properties.corpus import agreed, corpus
from tests.properties.mutations import bent
from tests.properties.structures import STRUCTURES

MANY = settings(max_examples=8_000 if SOAK else 1_500, suppress_health_check=list(HealthCheck))
SOME = settings(max_examples=2_000 if SOAK else 400, suppress_health_check=list(HealthCheck))

CORPUS = corpus()
VALID = {*CORPUS.messages.values()}


def bent_from(*bases: bytes) -> st.SearchStrategy[bytes]:
    return bent(bases, CORPUS.everything)


# -- decoders -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", STRUCTURES)
def test_decoders(name: str) -> None:
    structure = STRUCTURES[name]

    @SOME
    @given(st.one_of(st.binary(max_size=200), bent_from(*CORPUS.everything)))
    def only_typed_errors(data: bytes) -> None:
        with suppress(DecodeError, PeerError):
            structure.decode(data)

    only_typed_errors()


# -- process ------------------------------------------------------------------------------------------------------
def hear(message: bytes) -> Received | None:
    """What the victim makes of it, None if it is refused; the victim's group must not change."""
    group = CORPUS.victim.group
    before = encode_group(group)
    try:
        return process(group, message, psks=agreed())
    except (DecodeError, MlsError):
        return None
    finally:
        assert encode_group(group) == before


@MANY
@given(st.one_of(st.binary(max_size=300), bent_from(*CORPUS.messages.values())))
def test_process_from_outside(message: bytes) -> None:
    event = hear(message)
    assert message in VALID or event is None


@MANY
@given(st.sampled_from(CORPUS.bodies), st.data(), st.booleans(), st.binary(min_size=32, max_size=32))
def test_process_from_an_insider(body: tuple[Any, bytes], data: st.DataObject, private: bool, tag: bytes) -> None:
    """A member signs and seals whatever it likes: the layers behind the signature see it all."""
    kind, content = body
    wrong = data.draw(st.one_of(bent_from(content), st.binary(max_size=100)))
    send = hostile.signed_private if private else hostile.public_message
    event = hear(send(CORPUS.insider.group, kind, wrong, tag=tag))
    assert not isinstance(event, ReceivedCommit), "a confirmation tag of random bytes was accepted"
    if isinstance(event, ReceivedProposal):
        goes_on(event)


@SOME
@given(st.sampled_from(CORPUS.bodies), st.data())
def test_process_from_an_insider_without_a_signature(body: tuple[Any, bytes], data: st.DataObject) -> None:
    kind, content = body
    plaintext = data.draw(st.one_of(bent_from(content), st.binary(max_size=100)))
    assert hear(hostile.private_message(CORPUS.insider.group, kind, plaintext)) is None


def goes_on(event: ReceivedProposal) -> None:
    """A proposal that was believed can be saved, and committed or refused by its rule."""
    victim = CORPUS.victim
    saved = encode_group(event.group)
    assert encode_group(decode_group(saved, victim.provider, victim.config)) == saved
    with suppress(MlsError):
        commit(event.group, (), CommitOptions(psks=agreed())).staged.merge()


# -- joining ------------------------------------------------------------------------------------------------------
def refused_by(attempt: Callable[[], Any]) -> bool:
    try:
        attempt()
    except (DecodeError, MlsError):
        return True
    return False


def joins(welcome: bytes, **options: Any) -> Callable[[], Any]:
    joiner = CORPUS.joiner
    return lambda: join(joiner.suite, joiner.config, welcome, joiner.packages, JoinOptions(**options))


def enters(group_info: bytes, **options: Any) -> Callable[[], Any]:
    who = CORPUS.joiner
    return lambda: external_join(who.suite, who.config, group_info, who.packages[0], **options)


@MANY
@given(st.one_of(st.binary(max_size=300), bent_from(CORPUS.welcome)))
def test_join(welcome: bytes) -> None:
    assert refused_by(joins(welcome)) or welcome == CORPUS.welcome


@MANY
@given(bent_from(CORPUS.tree))
def test_join_with_any_tree(tree: bytes) -> None:
    """The inviter signs, seals and hashes whatever tree it likes; only the confirmation tag stays wrong."""
    insider = CORPUS.insider
    try:
        info = hostile.group_info(insider.suite, tree, signer=insider.group.state.signer, at=0)
    except (DecodeError, PeerError):
        info = hostile.group_info(insider.suite, tree, signer=insider.group.state.signer, at=0, tree_hash=bytes(32))
    package = CORPUS.joiner.packages[0].key_package
    assert refused_by(joins(hostile.welcome(insider.suite, package, info[4:])))
    refused_by(enters(info))


@SOME
@given(st.one_of(st.binary(max_size=300), bent_from(CORPUS.group_info[4:])))
def test_join_with_any_group_info(info: bytes) -> None:
    package = CORPUS.joiner.packages[0].key_package
    assert refused_by(joins(hostile.welcome(CORPUS.insider.suite, package, info)))


@MANY
@given(st.one_of(st.binary(max_size=300), bent_from(CORPUS.group_info)))
def test_external_join(group_info: bytes) -> None:
    assert refused_by(enters(group_info)) or group_info == CORPUS.group_info


@SOME
@given(st.one_of(st.binary(max_size=300), bent_from(CORPUS.tree)))
def test_external_join_with_a_tree_beside(tree: bytes) -> None:
    info = CORPUS.insider.invites(with_tree=False)
    assert refused_by(enters(info, ratchet_tree=tree)) or tree == CORPUS.tree


@SOME
@given(st.one_of(st.binary(max_size=300), bent_from(*CORPUS.messages.values())))
def test_external_join_with_any_self_remove(message: bytes) -> None:
    """A joiner has no membership key: it believes what the member signed, whatever tag stands behind."""
    if not refused_by(enters(CORPUS.group_info, self_removes=(message,))):
        taken, genuine = decode_message(message), decode_message(CORPUS.messages["self-remove PUBLIC_MESSAGE"])
        assert isinstance(taken, PublicMessage)
        assert isinstance(genuine, PublicMessage)
        assert taken.authenticated == genuine.authenticated


# -- saved state --------------------------------------------------------------------------------------------------
@MANY
@given(st.one_of(st.binary(max_size=300), bent_from(*CORPUS.states)))
def test_saved_groups(data: bytes) -> None:
    """What decodes is a group that can be saved again, whatever it holds."""
    victim = CORPUS.victim
    try:
        group = decode_group(data, victim.provider, victim.config)
    except (StateError, UnsupportedSuite):
        return
    again = encode_group(group)
    assert encode_group(decode_group(again, victim.provider, victim.config)) == again


@SOME
@given(st.one_of(st.binary(max_size=300), bent_from(CORPUS.secrets)))
def test_saved_key_packages(data: bytes) -> None:
    """A provider may bring a private key into its own form (X25519 clamps), but once only."""
    try:
        secrets = decode_key_package_secrets(data, CORPUS.victim.provider)
    except (StateError, UnsupportedSuite):
        return
    again = encode_key_package_secrets(secrets)
    assert encode_key_package_secrets(decode_key_package_secrets(again, CORPUS.victim.provider)) == again


# -- control ------------------------------------------------------------------------------------------------------
def test_control_what_is_not_bent_is_taken() -> None:
    for name, message in CORPUS.messages.items():
        event = hear(message)
        assert event is not None, name
        expected = OwnMessage if name == "own" else ReceivedCommit if "commit" in name else ReceivedProposal
        assert isinstance(event, ApplicationMessage if "application" in name else expected), name
    joins(CORPUS.welcome)()
    enters(CORPUS.group_info)()
    enters(CORPUS.group_info, self_removes=(CORPUS.messages["self-remove PUBLIC_MESSAGE"],))()
    believed = {ContentType.APPLICATION: ApplicationMessage, ContentType.PROPOSAL: ReceivedProposal}
    for kind, body in CORPUS.bodies:
        event = hear(hostile.signed_private(CORPUS.insider.group, kind, body))
        if hostile.only_public(body):
            assert event is None
        else:
            assert isinstance(event, believed.get(kind, type(None)))
        event = hear(hostile.public_message(CORPUS.insider.group, kind, body))
        assert isinstance(event, ReceivedProposal) is (kind is ContentType.PROPOSAL)
    for state in CORPUS.states:
        assert encode_group(decode_group(state, CORPUS.victim.provider, CORPUS.victim.config)) == state


def test_control_a_hostile_inviter_can_be_believed() -> None:
    """The same road with an honest tree leads in: so what is refused above is refused for its tree."""
    insider: Person = CORPUS.insider
    package = CORPUS.joiner.packages[0].key_package
    tree = hostile.encoded_tree([hostile.leaf_node(package.leaf_node)])
    signer = CORPUS.joiner.packages[0].signer
    joins(hostile.confirmed_welcome(insider.suite, package, tree, signer=signer, at=0))()
