"""Valid bytes of every kind, made at run time around one victim: what mutations and fuzzers start from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from aparte.mls import (
    CommitOptions,
    ContentType,
    Credential,
    Extension,
    Extensions,
    ExtensionType,
    ExternalSender,
    Group,
    GroupContextExtensions,
    KeyPackageSecrets,
    LeafIndex,
    PskSource,
    PublicMessage,
    ReInit,
    Remove,
    SelfRemove,
    commit,
    decode_message,
    encode_group,
    encode_key_package_secrets,
    export_group_info,
    external_join,
    external_psk,
    propose,
    propose_as_external_sender,
    propose_own_addition,
    propose_update,
    protect,
)
from aparte.mls.framing import encode_body
from tests.mls_scenes import PRIVATE, PUBLIC, Person, people, stage

PSK_ID = b"the agreed word"


@dataclass(frozen=True)
class Corpus:
    """`victim` is a member, `insider` another one; `joiner` was added by `welcome` and has not joined yet."""

    victim: Person
    insider: Person
    joiner: Person
    messages: dict[str, bytes]
    bodies: tuple[tuple[ContentType, bytes], ...]
    welcome: bytes
    group_info: bytes
    tree: bytes
    states: tuple[bytes, ...]
    secrets: bytes

    @property
    def everything(self) -> list[bytes]:
        """All of it, to begin from or to splice with."""
        found = [*self.messages.values(), self.welcome, self.group_info, self.tree, *self.states, self.secrets]
        return found + [body for _, body in self.bodies]


@cache
def corpus() -> Corpus:
    """A group of five with a grown tree and an external sender, in one epoch for all."""
    alice, bob, carol, dave, erin = crowd = stage("alice", "bob", "carol", "dave", "erin")
    outsider, newcomer, joiner = people("outsider", "newcomer", "joiner")
    outside = outsider.identity()
    sender = ExternalSender(outside.signer.public_key, Credential.basic(b"outsider"))
    senders = Extensions((Extension(ExtensionType.EXTERNAL_SENDERS, ExternalSender.encode_list([sender])),))
    for author, changes in ((alice, [GroupContextExtensions(senders)]), (carol, []), (dave, [])):
        draft = author.drafts(*changes, wire_format=PUBLIC)
        for who in crowd:
            who.hears(draft.message)
    assert erin.group.epoch == 4
    messages = handshakes(alice, newcomer, outside)
    messages["application"] = protect(alice.group, b"hello", authenticated_data=b"data").message
    messages["long application"] = protect(carol.group, bytes(5_000)).message
    messages["own"] = bob.says("to myself")
    draft = commit(alice.group, [joiner.package()], CommitOptions(wire_format=PUBLIC))
    messages["commit with an addition"] = draft.message
    return Corpus(
        victim=bob,
        insider=alice,
        joiner=joiner,
        messages=messages,
        bodies=tuple(public_bodies(messages.values())),
        welcome=draft.welcomes[0],
        group_info=export_group_info(alice.group),
        tree=alice.group.tree.encode(),
        states=states(bob),
        secrets=encode_key_package_secrets(joiner.packages[0]),
    )


def handshakes(alice: Person, newcomer: Person, outside: KeyPackageSecrets) -> dict[str, bytes]:
    """Every kind of proposal and commit, public and private, all for the present epoch."""
    group, found = alice.group, {}
    changes = {
        "add": newcomer.package(),
        "remove": Remove(LeafIndex(3)),
        "psk": external_psk(alice.suite, PSK_ID),
        "reinit": ReInit(b"next", 1, 3, group.extensions),
        "extensions": GroupContextExtensions(group.extensions),
        "self-remove": SelfRemove(),
    }
    for name, change in changes.items():
        for wire in (PUBLIC, PRIVATE):
            found[f"{name} {wire.name}"] = propose(group, change, wire_format=wire).message
            if name != "self-remove":
                draft = commit(group, [change], CommitOptions(wire_format=wire, psks=agreed()))
                found[f"commit {name} {wire.name}"] = draft.message
    for wire in (PUBLIC, PRIVATE):
        found[f"update {wire.name}"] = propose_update(group, wire_format=wire).message
    found["from outside"] = propose_as_external_sender(group.context, outside.signer, Remove(LeafIndex(4)))
    own = newcomer.identity()
    found["own addition"] = propose_own_addition(own, group_id=group.group_id, epoch=group.epoch)
    info = export_group_info(group)
    found["external commit"] = external_join(newcomer.suite, newcomer.config, info, own).message
    return found


def agreed() -> PskSource:
    return PskSource(external={PSK_ID: b"secret"})


def public_bodies(messages: Iterable[bytes]) -> Iterator[tuple[ContentType, bytes]]:
    """What the public ones say, for an insider to bend before signing it anew."""
    for message in messages:
        decoded = decode_message(message)
        if isinstance(decoded, PublicMessage):
            content = decoded.authenticated.content
            yield content.content_type, encode_body(content.body)
    yield ContentType.APPLICATION, encode_body(b"hello")


def states(bob: Person) -> tuple[bytes, ...]:
    """Saved groups: quiet, with a heard proposal, with an own update, with a pending commit, reinitialised."""
    group = bob.group
    heard = propose(group, Remove(LeafIndex(3))).group
    values: list[Group] = [group, heard, propose_update(group).group]
    values += [commit(group).group, commit(group, [ReInit(b"n", 1, 3, group.extensions)]).staged.merge()]
    return tuple(encode_group(value) for value in values)
