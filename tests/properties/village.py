"""Up to 64 members of one group, and everything that has to hold between them after each commit."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from aparte.codec import encode_u64, encode_vector
from aparte.mls import (
    Committed,
    Group,
    GroupStatus,
    JoinOptions,
    LeafIndex,
    LeafNode,
    MlsError,
    OwnMessage,
    PskSource,
    ReceivedCommit,
    ReceivedProposal,
    RosterChange,
    Undecryptable,
    Welcome,
    WrongEpoch,
    decode_message,
    join,
    process,
)
from aparte.mls.ratchet_tree import RatchetTree
from aparte.mls.tree_validation import validate_tree
from tests.mls_scenes import PRIVATE, PUBLIC, Person, export, person, seeded_provider

LIMIT = 64

Roster = dict[LeafIndex, LeafNode]


class Village:
    """Who is in the group, who was, and what is waiting for a commit."""

    def __init__(self, suite: int, seed: int, counts: Counter[str]) -> None:
        self.chance = random.Random(seed)
        self.provider = seeded_provider(seed)
        self.suite_number = suite
        self.counts = counts
        self.names = 0
        self.members: list[Person] = []
        self.gone: list[tuple[Person, Group]] = []
        self.psks: dict[bytes, bytes] = {}
        self.busy: set[int] = set()
        self.leaving: list[bytes] = []
        self.arriving: list[Person] = []
        self.extended = False
        founder = self.newcomer()
        founder.founds()
        self.members.append(founder)

    # -- people -------------------------------------------------------------------------------------------------
    def newcomer(self) -> Person:
        self.names += 1
        name = f"villager {self.names}"
        wire = self.chance.choice((PUBLIC, PRIVATE))
        return person(name, suite=self.suite_number, provider=self.provider, handshake=wire)

    def anyone(self) -> Person:
        return self.chance.choice(self.members)

    def free(self, *others: Person) -> list[Person]:
        """Those whom no pending proposal changes, in a random order, without `others`."""
        found = [who for who in self.members if who.leaf not in self.busy and who not in others]
        self.chance.shuffle(found)
        return found

    def room(self) -> int:
        return LIMIT - len(self.members) - len(self.arriving)

    def roster(self) -> Roster:
        return dict(self.members[0].group.members())

    # -- what is sent -------------------------------------------------------------------------------------------
    def spread_proposal(self, author: Person, message: bytes) -> None:
        for who in self.members:
            event = who.hears(message)
            assert isinstance(event, OwnMessage if who is author else ReceivedProposal)
        self.count_wire(message)

    def count_wire(self, message: bytes) -> None:
        self.counts[f"{type(decode_message(message)).__name__} handshake"] += 1

    def commit(self, author: Person, draft: Committed, joiners: tuple[Person, ...] = ()) -> None:
        """Deliver a member's commit to everybody and its Welcome to those who join."""
        before = self.roster()
        self.spread_commit(author, draft.message, draft.staged.changes)
        for who in joiners:
            self.welcome(who, draft)
        self.members += joiners
        self.settle(before, draft.staged.changes)

    def spread_commit(self, author: Person, message: bytes, changes: RosterChange) -> None:
        self.count_wire(message)
        for who in list(self.members):
            event = process(who.group, message, psks=PskSource(external=self.psks))
            assert isinstance(event, ReceivedCommit)
            assert event.own is (who is author)
            assert event.staged.changes == changes
            assert event.staged.removes_me is (who.leaf in dict(changes.removed))
            if event.staged.removes_me:
                self.members.remove(who)
                self.gone.append((who, who.group))
            who.seat = event.staged.merge()
        with pytest.raises(WrongEpoch):
            process(self.members[0].group, message)
        self.shut_out()

    def welcome(self, who: Person, draft: Committed) -> None:
        named = [w for w in draft.welcomes if addresses(w, who)]
        assert len(named) == 1
        decoded = decode_message(named[0])
        assert isinstance(decoded, Welcome)
        self.counts["Welcome each" if len(draft.welcomes) > 1 else "Welcome for all"] += 1
        tree = draft.staged.merge().tree.encode()
        options = JoinOptions(ratchet_tree=tree, psks=PskSource(external=self.psks))
        who.seat = join(who.suite, who.config, named[0], who.packages, options)

    # -- what has to hold ---------------------------------------------------------------------------------------
    def settle(self, before: Roster, changes: RosterChange) -> None:
        self.busy.clear()
        self.leaving.clear()
        self.extended = False
        views = {
            (
                who.group.epoch,
                who.group.epoch_authenticator,
                who.group.tree.tree_hash(),
                export(who.group),
                who.group.resumption_psk(),
            )
            for who in self.members
        }
        assert len(views) == 1, "the members' views differ"
        witness = self.anyone().group
        assert [leaf for leaf, _ in witness.members()] == sorted(who.leaf for who in self.members)
        self.check_tree()
        check_roster(before, self.roster(), changes)
        assert changes.extensions_after == witness.extensions
        self.counts["commits"] += 1
        self.counts["most members"] = max(self.counts["most members"], len(self.members))

    def check_tree(self) -> None:
        """As one who joins would see it: decoded, hashed anew, validated whole."""
        who = self.anyone()
        group = who.group
        anew = RatchetTree.decode(who.suite, group.tree.encode())
        assert anew.tree_hash() == group.tree.tree_hash() == group.context.tree_hash
        assert anew.nodes == group.tree.nodes
        validate_tree(anew, group_id=group.group_id, extensions=group.extensions, config=who.config)
        for node, key in group.state.path_keys.items():
            here = anew.nodes[node]
            assert here is not None
            assert here.encryption_key == key.public_key

    def shut_out(self) -> None:
        """Those who left read nothing of the epochs after, not even with the state that they had kept."""
        speaker = self.members[0]
        letter = speaker.says("not for those who left")
        for who, kept in self.gone[-3:]:
            assert who.group.status is GroupStatus.REMOVED
            for attempt in (lambda p: p.hears(letter), lambda p: p.says("x"), lambda p: export(p.group)):
                with pytest.raises(MlsError):
                    attempt(who)
            with pytest.raises(WrongEpoch):
                process(kept, letter)
            head = encode_vector(kept.group_id)
            relabelled = letter.replace(head + encode_u64(speaker.group.epoch), head + encode_u64(kept.epoch), 1)
            with pytest.raises(Undecryptable):
                process(kept, relabelled)
            self.counts["removed members shut out"] += 1


def check_roster(before: Roster, after: Roster, changes: RosterChange) -> None:
    """`changes` is exactly the difference of two member lists."""
    removed, added = dict(changes.removed), dict(changes.added)
    updated = {leaf: (old, new) for leaf, old, new in changes.updated}
    assert removed == {leaf: before[leaf] for leaf in removed}
    assert {leaf: old for leaf, (old, _) in updated.items()} == {leaf: before[leaf] for leaf in updated}
    assert all(old != new for old, new in updated.values())
    assert not updated.keys() & (removed.keys() | added.keys())
    assert not added.keys() & (before.keys() - removed.keys())
    expected = {leaf: node for leaf, node in before.items() if leaf not in removed}
    expected |= {leaf: new for leaf, (_, new) in updated.items()} | added
    assert expected == after


def addresses(welcome: bytes, who: Person) -> bool:
    decoded = decode_message(welcome)
    assert isinstance(decoded, Welcome)
    references = [own.key_package.reference(who.suite) for own in who.packages]
    return any(decoded.addressed_to(reference) is not None for reference in references)
