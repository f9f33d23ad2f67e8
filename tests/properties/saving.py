"""People who save their group in parts whenever it changes, as a client does: what changed, and nothing else."""

from __future__ import annotations

from typing import Any

from aparte.mls import Group, GroupParts, changed_parts, decode_group, encode_group, join_parts, split_group
from aparte.mls.secret_tree import SecretTree
from tests.mls_scenes import PRIVATE, PUBLIC, Person
from tests.properties.village import Village


class Store:
    """The parts of one group, written by changes alone after the first time."""

    def __init__(self, group: Group) -> None:
        self.newest, self.parts = group, split_group(group)

    def follow(self, group: Group) -> None:
        change, pieces = changed_parts(self.newest, group), dict(self.parts.pieces)
        for number in change.removed:
            del pieces[number]
        epoch = self.parts.epoch if change.epoch is None else change.epoch
        gone = secrets_in(self.newest.secret_tree) - secrets_in(group.secret_tree)
        self.newest, self.parts = group, GroupParts(epoch, pieces | {**change.put})
        kept = b"|".join((epoch, *self.parts.pieces.values()))
        assert not [secret for secret in gone if secret in kept], "a key that was used is still there"


def secrets_in(tree: SecretTree) -> set[bytes]:
    """Secrets and keys; a nonce that is not secret by itself need not be looked for."""
    ratchets = tree.ratchets.values()
    skipped = (key for ratchet in ratchets for key, _ in ratchet.skipped.values())
    return {*tree.nodes.values(), *(ratchet.secret for ratchet in ratchets), *skipped}


class SavingPerson(Person):
    """Each value of `seat` goes through the store, and `restarts` comes back from there."""

    store: Store | None = None

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name != "seat" or value is None:
            return
        if self.store is None:
            self.store = Store(value)
        else:
            self.store.follow(value)

    def restarts(self) -> None:
        self.check()
        self.seat = self.rejoined()
        self.check()

    def rejoined(self) -> Group:
        assert self.store is not None
        return join_parts(self.store.parts, self.provider, self.config)

    def check(self) -> None:
        """What was written bit by bit is what would be written at once, and gives the group back."""
        assert self.store is not None
        assert self.store.parts == split_group(self.group)
        whole = encode_group(self.group)
        back = encode_group(decode_group(whole, self.provider, self.config))
        assert encode_group(self.rejoined()) == back == whole


class SavingVillage(Village):
    """A village of such people."""

    def newcomer(self) -> Person:
        who = super().newcomer()
        return SavingPerson(who.name, who.suite, who.config, who.provider)

    def check(self) -> None:
        for who in [*self.members[:3], *self.members[3:][-3:]]:
            assert isinstance(who, SavingPerson)
            who.check()


# -- what else changes a group without a commit that all take ----------------------------------------------------
def erase_exporters(village: Village) -> bool:
    for who in village.members[::2]:
        who.seat = who.group.without_exporter()
    return True


def commit_on_its_way(village: Village) -> bool:
    """A commit is out, others talk meanwhile, and then it is given up or comes back."""
    free = village.free()
    if len(free) < 2 or any(who.group.proposals for who in village.members):
        return False
    author, speaker = free[:2]
    draft = author.drafts(wire_format=village.chance.choice((PUBLIC, PRIVATE)))
    for text in ("one", "two", "three"):
        letter = speaker.says(text)
        assert author.hears(letter).data == text.encode()
    author.restarts()
    author.says("meanwhile")
    if village.chance.random() < 0.3:
        author.seat = author.group.without_pending_commit()
        return True
    village.commit(author, draft)
    return True


def decline(village: Village) -> bool:
    """Members drop the proposals that they heard."""
    if village.arriving:
        return False
    village.busy.clear()
    village.leaving.clear()
    village.extended = False
    for who in village.members:
        who.seat = who.group.without_proposals()
    return True
