"""No repr, no str and no exception shows a secret, and no value can be changed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from aparte import mls
from aparte.mls import (
    CommitOptions,
    Group,
    LeafIndex,
    MlsError,
    PskSource,
    ReInit,
    Remove,
    commit,
    decode_group,
    decode_message,
    encode_group,
    external_psk,
    process,
    propose,
    propose_update,
    protect,
)
from aparte.mls.key_schedule import EpochSecrets
from aparte.mls.secret_tree import SecretTree
from tests.mls_scenes import PUBLIC, Person, people, stage

PSK = b"a pre-shared key, agreed outside"


@pytest.fixture(params=[0x0001, 0x0002, 0xF0A2], ids=hex)
def trio(request: pytest.FixtureRequest) -> list[Person]:
    """Three members with something in every field: skipped keys, proposals, an own update, a resumption PSK."""
    alice, bob, carol = crowd = stage("alice", "bob", "carol", suite=request.param)
    message = alice.commits().message
    bob.hears(message)
    carol.hears(message)
    first, second = alice.says("one"), alice.says("two")
    assert first
    bob.hears(second)
    carol.hears(bob.proposes_update())
    return crowd


def secrets_of(group: Group) -> Iterator[bytes]:
    """Every secret that the group's value holds."""
    state = group.state
    yield from (getattr(state.secrets, field.name) for field in dataclasses.fields(EpochSecrets))
    yield state.signer.private_key
    yield from (key.private_key for key in state.path_keys.values())
    yield from state.resumption.values()
    yield from secrets_in(group.secret_tree)
    for update in group.own_updates.values():
        yield update.encryption_key.private_key
        yield update.signer.private_key
    if group.pending_commit is not None:
        yield from secrets_of(group.pending_commit.staged.merge())


def secrets_in(tree: SecretTree) -> Iterator[bytes]:
    yield from tree.nodes.values()
    for ratchet in tree.ratchets.values():
        yield ratchet.secret
        for key, nonce in ratchet.skipped.values():
            yield from (key, nonce)


def shown(text: str, secrets: set[bytes]) -> list[bytes]:
    """Those secrets that a text shows: as bytes are printed, in hex, or as a list of numbers."""
    return [
        secret
        for secret in secrets
        if repr(secret)[2:-1] in text or secret.hex() in text.lower() or str(list(secret))[1:-1] in text
    ]


def walk(value: Any, seen: set[int]) -> Iterator[Any]:
    """The value and all that it is made of."""
    if id(value) in seen or isinstance(value, (bytes, str, int, type(None))):
        return
    seen.add(id(value))
    yield value
    if dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from walk(getattr(value, field.name), seen)
    elif isinstance(value, Mapping):
        for item in value.values():
            if not isinstance(item, tuple) or field_names(item):
                yield from walk(item, seen)
    elif isinstance(value, tuple):
        for item in value:
            yield from walk(item, seen)


def field_names(value: Any) -> tuple[str, ...]:
    """Of a dataclass or of a named tuple; none for anything else."""
    if dataclasses.is_dataclass(value):
        return tuple(field.name for field in dataclasses.fields(value))
    return getattr(value, "_fields", ())


def public_values(trio: list[Person]) -> list[Any]:
    """What the package hands out: groups, results, events, messages, key packages, sources, options."""
    alice, bob, carol = trio
    bob_group = bob.group
    dave, *_ = people("dave", suite=alice.suite.parameters.number)
    psks = PskSource(external={b"id": PSK})
    change = [dave.package(), external_psk(alice.suite, b"id"), Remove(LeafIndex(2))]
    clean = alice.group.without_proposals()
    committed = commit(clean, change, CommitOptions(psks=psks, wire_format=PUBLIC))
    proposed, updated = propose(clean, Remove(LeafIndex(1))), propose_update(clean)
    letter = protect(clean, b"hello")
    dave.joins(committed.welcomes[0], psks=psks, ratchet_tree=alice.group.tree.encode())
    heard = [
        process(bob_group, message, psks=psks) for message in (letter.message, proposed.message, committed.message)
    ]
    return [
        alice.group, bob_group, carol.group, dave.group, committed, proposed, updated, letter, *heard, psks,
        committed.group, committed.staged.merge(), dave.packages[0], CommitOptions(psks=psks), alice.config,
        *(decode_message(message) for message in (letter.message, committed.message, committed.welcomes[0])),
    ]  # fmt: skip


def test_values_show_nothing(trio: list[Person]) -> None:
    values = public_values(trio)
    groups = [value for value in walk(tuple(values), set()) if isinstance(value, Group)]
    own = [package for who in trio for package in who.packages]
    secrets = {secret for group in groups for secret in secrets_of(group)}
    secrets |= {key.private_key for own_one in own for key in (own_one.init_key, own_one.encryption_key)} | {PSK}
    secrets.discard(b"")
    assert len(secrets) > 40
    looked_at = list(walk((*values, *own), set()))
    assert {type(value).__name__ for value in looked_at} >= {
        "Group", "EpochState", "EpochSecrets", "SecretTree", "Ratchet", "OwnUpdate", "PendingCommit", "StagedCommit",
        "Committed", "Proposed", "Protected", "KeyPackageSecrets", "PskSource", "Welcome", "PublicMessage",
    }  # fmt: skip
    for value in looked_at:
        if not isinstance(value, (tuple, Mapping)):  # a bare container shows what it holds; ours have a class
            assert not shown(repr(value) + str(value), secrets), type(value)


def test_exceptions_show_nothing(trio: list[Person]) -> None:
    alice, bob, _ = trio
    secrets = {PSK, *secrets_of(alice.group), *secrets_of(bob.group)} - {b""}
    texts = []
    for attempt in failures(alice, bob):
        with pytest.raises((MlsError, mls.DecodeError)) as caught:
            attempt()
        error: BaseException | None = caught.value
        while error is not None:
            texts.append(f"{error} {error!r} {error.args}")
            error = error.__cause__ or error.__context__
    assert len(texts) >= 8
    assert not any(shown(text, secrets) for text in texts)


def failures(alice: Person, bob: Person) -> list[Any]:
    saved = encode_group(bob.group)
    message = protect(alice.group.without_proposals(), b"hello").message
    return [
        lambda: decode_group(saved[:-1], bob.provider, bob.config),
        lambda: decode_group(saved[:300] + bytes(9) + saved[309:], bob.provider, bob.config),
        lambda: process(bob.group, message[:-1]),
        lambda: process(bob.group, message[:-1] + bytes([message[-1] ^ 1])),
        lambda: process(bob.group, b""),
        lambda: bob.says("while a proposal waits"),
        lambda: commit(
            alice.group, [external_psk(alice.suite, b"missing")], CommitOptions(psks=PskSource({b"id": PSK}))
        ),
        lambda: alice.group.member(LeafIndex(9)),
        lambda: bob.group.without_exporter().export_secret(b"a", b"b", 16),
        lambda: bob.joins(message),
    ]


def test_control_a_shown_secret_is_found(trio: list[Person]) -> None:
    alice = trio[0]
    secret = alice.group.state.secrets.init
    for text in (f"x {secret!r} y", f"init={secret.hex()}", f"{list(secret)}", repr({"init": secret})):
        assert shown(text, {secret}) == [secret]
    assert not shown(repr(alice.group), {secret})


# -- frozen -------------------------------------------------------------------------------------------------------
def test_every_dataclass_is_frozen_and_slotted() -> None:
    for name in mls.__all__:
        kind = getattr(mls, name)
        if isinstance(kind, type) and dataclasses.is_dataclass(kind):
            assert kind.__dataclass_params__.frozen, name  # type: ignore[attr-defined]
            assert hasattr(kind, "__slots__"), name


def test_no_value_can_be_changed(trio: list[Person]) -> None:
    for value in walk(tuple(public_values(trio)), set()):
        if type(value).__module__.startswith("aparte.mls") and (field_names(value) or dataclasses.is_dataclass(value)):
            name = field_names(value)[0] if field_names(value) else "anything"
            with pytest.raises((dataclasses.FrozenInstanceError, AttributeError, TypeError)):
                setattr(value, name, None)
            with pytest.raises((dataclasses.FrozenInstanceError, AttributeError, TypeError)):
                value.no_such_field = None


def test_an_operation_changes_no_value(trio: list[Person]) -> None:
    alice, bob, _ = trio
    group, before = alice.group.without_proposals(), encode_group(alice.group.without_proposals())
    protect(group, b"x")
    commit(group, [Remove(LeafIndex(1))])
    propose(group, ReInit(b"next", 1, 1, group.extensions))
    process(bob.group, protect(group, b"y").message)
    assert encode_group(group) == before
