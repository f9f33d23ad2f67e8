"""What can happen in a village. Each operation is done and says True, or cannot be done now and says False."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aparte.mls import (
    CommitOptions,
    Extension,
    Extensions,
    ExtensionType,
    GroupContextExtensions,
    LeafIndex,
    PskSource,
    Remove,
    RequiredCapabilities,
    SelfRemove,
    VerifiedKeyPackage,
    commit,
    external_join,
    external_psk,
    propose_update,
    resumption_psk,
)
from tests.mls_scenes import PRIVATE, PUBLIC, Person
from tests.properties.village import Village

Operation = Callable[[Village], bool]
OPERATIONS: dict[str, Operation] = {}


def operation(what: Operation) -> Operation:
    OPERATIONS[what.__name__.replace("_", " ").strip()] = what
    return what


def committed(
    village: Village, author: Person, changes: list[Any], joiners: tuple[Person, ...] = (), **options: Any
) -> bool:
    """Commit `changes` and whatever is pending."""
    options.setdefault("psks", PskSource(external=village.psks))
    options.setdefault("welcome_each", village.chance.random() < 0.3)
    options.setdefault("tree_in_welcome", village.chance.random() < 0.6)
    options.setdefault("wire_format", village.chance.choice((PUBLIC, PRIVATE)))
    draft = commit(author.group, changes, CommitOptions(**options))
    author.seat = draft.group
    if joiners:
        village.counts["tree in Welcome" if options["tree_in_welcome"] else "tree beside Welcome"] += 1
    everybody = joiners + tuple(village.arriving)
    village.arriving.clear()
    village.commit(author, draft, everybody)
    return True


# -- coming -------------------------------------------------------------------------------------------------------
def arrivals(village: Village, count: int) -> tuple[tuple[Person, ...], list[VerifiedKeyPackage]]:
    people = tuple(village.newcomer() for _ in range(count))
    return people, [who.package() for who in people]


@operation
def add_by_value(village: Village) -> bool:
    authors = village.free()
    if village.room() < 1 or not authors:
        return False
    people, packages = arrivals(village, 1)
    return committed(village, authors[0], packages, people)


@operation
def add_many(village: Village) -> bool:
    authors, count = village.free(), min(village.chance.randint(2, 24), village.room())
    if count < 2 or not authors:
        return False
    people, packages = arrivals(village, count)
    return committed(village, authors[0], packages, people)


@operation
def add_without_path(village: Village) -> bool:
    if village.room() < 1 or village.busy or village.extended:
        return False
    people, packages = arrivals(village, 1)
    return committed(village, village.anyone(), packages, people, path=False)


@operation
def add_by_proposal(village: Village) -> bool:
    if village.room() < 1:
        return False
    (who,), (package,) = arrivals(village, 1)
    author = village.anyone()
    village.spread_proposal(author, author.proposes(package))
    village.arriving.append(who)
    return True


@operation
def external_join_(village: Village) -> bool:
    if village.room() < 1:
        return False
    return enter(village, village.newcomer())


@operation
def resync(village: Village) -> bool:
    lost = village.free()
    if len(village.members) < 2 or not lost:
        return False
    return enter(village, lost[0], resync=LeafIndex(lost[0].leaf))


def enter(village: Village, who: Person, resync: LeafIndex | None = None) -> bool:
    """An external commit; those who wish to leave go with it, and all other proposals lapse."""
    others = [member for member in village.members if member is not who]
    host = village.chance.choice(others)
    with_tree = village.chance.random() < 0.5
    before = village.roster()
    entered = external_join(
        who.suite,
        who.config,
        host.invites(with_tree=with_tree),
        who.identity(),
        ratchet_tree=None if with_tree else host.group.tree.encode(),
        resync=resync,
        self_removes=tuple(village.leaving),
    )
    if village.leaving:
        village.counts["self-remove in an external commit"] += 1
    if resync is not None:
        village.members.remove(who)
    village.arriving.clear()
    changes = host.considers(entered.message).changes
    village.spread_commit(who, entered.message, changes)
    who.seat = entered.group
    village.members.append(who)
    village.settle(before, changes)
    return True


# -- going --------------------------------------------------------------------------------------------------------
@operation
def remove_by_value(village: Village) -> bool:
    free = village.free()
    if len(free) < 2:
        return False
    author, *targets = free
    count = village.chance.choice((1, 1, 1, 2, len(targets) // 2 or 1))
    return committed(village, author, [Remove(LeafIndex(who.leaf)) for who in targets[:count]])


@operation
def remove_by_proposal(village: Village) -> bool:
    free = village.free()
    if len(free) < 3:
        return False
    author, target = free[:2]
    village.spread_proposal(author, author.proposes(Remove(LeafIndex(target.leaf))))
    village.busy.add(target.leaf)
    return True


@operation
def self_remove(village: Village) -> bool:
    free = village.free()
    if len(free) < 3:
        return False
    message = free[0].proposes(SelfRemove())
    village.spread_proposal(free[0], message)
    village.leaving.append(message)
    village.busy.add(free[0].leaf)
    return True


# -- staying ------------------------------------------------------------------------------------------------------
@operation
def update(village: Village) -> bool:
    free = village.free()
    if len(free) < 2:
        return False
    author = free[0]
    signer = author.suite.generate_signer() if village.chance.random() < 0.5 else None
    proposed = propose_update(author.group, signer=signer, wire_format=village.chance.choice((PUBLIC, PRIVATE)))
    author.seat = proposed.group
    village.spread_proposal(author, proposed.message)
    village.busy.add(author.leaf)
    village.counts["update of the signature key"] += signer is not None
    return True


@operation
def commit_what_is_pending(village: Village) -> bool:
    authors = village.free()
    if not authors or not authors[0].group.proposals:
        return False
    return committed(village, authors[0], [])


@operation
def commit_with_a_new_signer(village: Village) -> bool:
    authors = village.free()
    return bool(authors) and committed(village, authors[0], [], signer=authors[0].suite.generate_signer())


@operation
def empty_commit(village: Village) -> bool:
    village.busy.clear()
    village.leaving.clear()
    village.arriving.clear()
    village.extended = False
    for who in village.members:
        who.seat = who.group.without_proposals()
    return committed(village, village.anyone(), [])


@operation
def group_context_extensions(village: Village) -> bool:
    authors = village.free()
    if village.extended or not authors:
        return False
    kinds = ((), (ExtensionType.LAST_RESORT,))
    required = RequiredCapabilities(extension_types=village.chance.choice(kinds), credential_types=(1,))
    wanted = Extensions((Extension(ExtensionType.REQUIRED_CAPABILITIES, required.encode()),))
    change = GroupContextExtensions(village.chance.choice((wanted, Extensions())))
    if village.chance.random() < 0.5:
        return committed(village, authors[0], [change])
    village.spread_proposal(authors[0], authors[0].proposes(change))
    village.extended = True
    return True


@operation
def external_psk_(village: Village) -> bool:
    authors = village.free()
    if not authors:
        return False
    name = b"psk %d" % len(village.psks)
    village.psks[name] = village.chance.randbytes(32)
    return committed(village, authors[0], [external_psk(authors[0].suite, name)])


@operation
def resumption_psk_(village: Village) -> bool:
    """Everybody must have been there: newcomers know only the epochs that they saw."""
    authors = village.free()
    shared = set.intersection(*(set(who.group.state.resumption) for who in village.members))
    if not authors or not shared or village.arriving:
        return False
    epoch = village.chance.choice(sorted(shared))
    return committed(village, authors[0], [resumption_psk(authors[0].suite, authors[0].group.group_id, epoch)])


# -- between commits ----------------------------------------------------------------------------------------------
@operation
def messages_out_of_order(village: Village) -> bool:
    speaker = village.anyone()
    listeners = [who for who in village.members if who is not speaker][:4]
    if speaker.group.proposals or not listeners:
        return False
    letters = {f"letter {n}": speaker.says(f"letter {n}") for n in range(village.chance.randint(2, 6))}
    for who in listeners:
        order = list(letters)
        village.chance.shuffle(order)
        lost = order.pop() if village.chance.random() < 0.5 else None
        for text in order:
            assert who.hears(letters[text]).data == text.encode()
        village.counts["messages lost"] += lost is not None
    return True


@operation
def save_and_reload(village: Village) -> bool:
    for who in village.chance.sample(village.members, min(4, len(village.members))):
        who.restarts()
    return True


@operation
def lost_race(village: Village) -> bool:
    """Two commit at once; the delivery service takes one, the other gives up its own."""
    authors = village.free()
    if len(authors) < 2:
        return False
    loser, winner = authors[:2]
    loser.drafts()
    return committed(village, winner, [])
