"""The small world that scenes play in: people over real engines, and a delivery service that is a list.

    alice, bob, carol = stage("alice", "bob", "carol")
    letter = alice.says("hello")
    assert bob.hears(letter).data == b"hello"

A `Person` holds the newest value of one group and replaces it as messages come; nothing else is hidden here.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

from aparte.crypto import Suite
from aparte.crypto.native import NativeProvider
from aparte.mls import (
    Capabilities,
    Change,
    CommitOptions,
    Committed,
    Config,
    Credential,
    Extensions,
    Group,
    JoinOptions,
    KeyPackageSecrets,
    Lifetime,
    Received,
    ReceivedCommit,
    StagedCommit,
    VerifiedKeyPackage,
    WireFormat,
    commit,
    create_group,
    create_key_package,
    decode_group,
    encode_group,
    export_group_info,
    external_join,
    join,
    process,
    propose,
    propose_update,
    protect,
    verify_key_package,
)

NOW = 1_700_000_000
LIFETIME = Lifetime(NOW - 3600, NOW + 90 * 24 * 3600)
NO_EXTENSIONS = Extensions()
PUBLIC, PRIVATE = WireFormat.PUBLIC_MESSAGE, WireFormat.PRIVATE_MESSAGE


def trusting(**choices: Any) -> Config:
    """A configuration that believes every credential."""
    return Config(authenticate=lambda _credential, _key: True, **choices)


def seeded_provider(seed: int) -> NativeProvider:
    """A provider whose keys and nonces come from a seed, so that a failure repeats."""
    return NativeProvider(rng=random.Random(seed).randbytes)


@dataclass(slots=True)
class Person:
    """Somebody with a name, a signature key, key packages, and at most one group."""

    name: str
    suite: Suite
    config: Config
    provider: NativeProvider
    packages: list[KeyPackageSecrets] = field(default_factory=list)
    seat: Group | None = None

    @property
    def group(self) -> Group:
        assert self.seat is not None, f"{self.name} is in no group"
        return self.seat

    @property
    def leaf(self) -> int:
        return self.group.own_index

    # -- coming in --------------------------------------------------------------------------------------------
    def package(self, **choices: Any) -> VerifiedKeyPackage:
        """A fresh key package, verified; its secrets stay here."""
        own = self.identity(**choices)
        self.packages.append(own)
        return verify_key_package(self.suite, own.key_package, config=self.config, now=NOW)

    def identity(self, **choices: Any) -> KeyPackageSecrets:
        """What founders and external joiners start from: a key package that nobody else will see."""
        credential = Credential.basic(self.name.encode())
        return create_key_package(self.suite, credential, lifetime=LIFETIME, **choices)

    def founds(self, group_id: bytes | None = None, extensions: Extensions = NO_EXTENSIONS, **choices: Any) -> None:
        own = self.identity(**choices)
        self.seat = create_group(self.suite, self.config, own, group_id=group_id, extensions=extensions)

    def joins(self, welcome: bytes, **options: Any) -> None:
        self.seat = join(self.suite, self.config, welcome, self.packages, JoinOptions(**options))

    def enters(self, group_info: bytes, **options: Any) -> bytes:
        """Join from outside; the commit that the others have to hear."""
        entered = external_join(self.suite, self.config, group_info, self.identity(), **options)
        self.seat = entered.group
        return entered.message

    # -- speaking ---------------------------------------------------------------------------------------------
    def says(self, text: str, **options: Any) -> bytes:
        sent = protect(self.group, text.encode(), **options)
        self.seat = sent.group
        return sent.message

    def proposes(self, change: Change, **options: Any) -> bytes:
        proposed = propose(self.group, change, **options)
        self.seat = proposed.group
        return proposed.message

    def proposes_update(self, **options: Any) -> bytes:
        proposed = propose_update(self.group, **options)
        self.seat = proposed.group
        return proposed.message

    def drafts(self, *changes: Change, **options: Any) -> Committed:
        """Commit, and wait for the commit to come back."""
        committed = commit(self.group, changes, CommitOptions(**options))
        self.seat = committed.group
        return committed

    def commits(self, *changes: Change, **options: Any) -> Committed:
        """Commit, and move on at once."""
        committed = self.drafts(*changes, **options)
        self.seat = committed.staged.merge()
        return committed

    def invites(self, **options: Any) -> bytes:
        return export_group_info(self.group, **options)

    # -- listening --------------------------------------------------------------------------------------------
    def hears(self, message: bytes, **options: Any) -> Any:
        """Take what a message brings, a commit included; the event."""
        event = process(self.group, message, **options)
        self.seat = event.staged.merge() if isinstance(event, ReceivedCommit) else event.group
        return event

    def considers(self, message: bytes, **options: Any) -> StagedCommit:
        """A commit, looked at and not taken."""
        event: Received = process(self.group, message, **options)
        assert isinstance(event, ReceivedCommit)
        return event.staged

    # -- resting ----------------------------------------------------------------------------------------------
    def restarts(self) -> None:
        """Forget everything but the saved state."""
        self.seat = decode_group(encode_group(self.group), self.provider, self.config)


def person(name: str, *, suite: int = 0x0001, provider: NativeProvider | None = None, **choices: Any) -> Person:
    """Somebody new; `choices` are `Config`'s."""
    provider = provider or seeded_provider(crc32(name.encode()))
    return Person(name, provider.suite(suite), trusting(**choices), provider)


def people(*names: str, suite: int = 0x0001, **choices: Any) -> list[Person]:
    """Several of them, over one provider that their names seed."""
    provider = seeded_provider(crc32(" ".join(names).encode()))
    return [person(name, suite=suite, provider=provider, **choices) for name in names]


def gather(*crowd: Person, **founding: Any) -> None:
    """Put everybody into a group that the first one founds."""
    founder, *others = crowd
    founder.founds(**founding)
    if others:
        welcome = founder.commits(*(other.package() for other in others)).welcomes[0]
        for other in others:
            other.joins(welcome)


def stage(*names: str, suite: int = 0x0001, **choices: Any) -> list[Person]:
    """People who are in one group already."""
    crowd = people(*names, suite=suite, **choices)
    gather(*crowd)
    return crowd


def all_hear(message: bytes, listeners: Sequence[Person], **options: Any) -> list[Any]:
    return [listener.hears(message, **options) for listener in listeners]


def agree(*crowd: Person) -> bool:
    """Whether all are in one and the same epoch, by what they can export."""
    views = {(p.group.epoch_authenticator, p.group.tree.tree_hash(), export(p.group)) for p in crowd}
    return len(views) == 1


def export(group: Group) -> bytes:
    return group.export_secret(b"scene", b"context", 32)


def knowing(*extension_types: int, suite: int = 0x0001) -> Capabilities:
    """The usual capabilities, and some extension types besides."""
    usual = Capabilities.for_suites((suite,))
    return Capabilities(
        usual.versions, usual.cipher_suites, (*usual.extensions, *extension_types), usual.proposals, usual.credentials
    )
