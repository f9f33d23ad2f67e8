"""Random scripts on groups of engine and peer: each step drawn from a seed, all views compared after each.

A step that a group cannot take just now is drawn again; each that was taken is counted.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.interop.peer_api import (
    Add,
    ExternalPsk,
    GroupContextExtensions,
    Peer,
    PeerClient,
    PeerGroup,
    ProposalSpec,
    Remove,
    ResumptionPsk,
    Unsupported,
    Update,
)
from tests.interop.peer_engine import EngineGroup, EnginePeer

LABELS = (("aparte script one", b""), ("aparte script two", b"with a context"))


@dataclass
class Seat:
    """A member: whose library, which client, and its group."""

    peer: Peer
    client: PeerClient
    group: PeerGroup
    has_new_signature_key: bool = False

    @property
    def is_engine(self) -> bool:
        return isinstance(self.group, EngineGroup)


@dataclass
class Script:
    """One group and its history. `steps` are what its peer supports; see `run`."""

    other: Peer
    suite: int
    seed: int
    most_members: int = 8
    random: random.Random = field(init=False)
    seats: list[Seat] = field(default_factory=list)
    ran: Counter[str] = field(default_factory=Counter)
    names: int = 0
    psks: int = 0
    taken: int = 0

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.engine = EnginePeer()

    # -- people ------------------------------------------------------------------------------------------------
    def newcomer(self, *, engine: bool | None = None) -> tuple[Peer, PeerClient]:
        self.names += 1
        is_engine = self.coin() if engine is None else engine
        peer: Peer = self.engine if is_engine else self.other
        return peer, peer.client(self.suite, b"member %d" % self.names)

    def found(self) -> None:
        """Two of each library; the founder is drawn."""
        first_engine = self.coin()
        peer, client = self.newcomer(engine=first_engine)
        self.seats = [Seat(peer, client, client.create_group(self.random.randbytes(16)))]
        self.welcome([self.newcomer(engine=not first_engine), self.newcomer(engine=first_engine)])
        self.welcome([self.newcomer(engine=not first_engine)])

    def welcome(self, newcomers: Sequence[tuple[Peer, PeerClient]], by: Seat | None = None) -> None:
        by = by or self.random.choice(self.seats)
        made = by.group.commit([Add(client.key_package()) for _, client in newcomers], public=self.public(by))
        self.tell(made.commit, but=by)
        assert made.welcome is not None
        self.seats += [Seat(peer, client, client.join(made.welcome)) for peer, client in newcomers]

    def coin(self) -> bool:
        return self.random.random() < 0.5

    def public(self, seat: Seat) -> bool:
        """Whether a seat's next handshake goes out as PublicMessage; mls-rs's always do."""
        public = seat.peer.name == "mls-rs" or self.coin()
        self.ran["as PublicMessage" if public else "as PrivateMessage"] += 1
        return public

    def tell(self, message: bytes, *, but: Seat | None) -> None:
        for seat in self.seats:
            if seat is not but:
                seat.group.process(message)

    def leaf(self, seat: Seat) -> int:
        return next(i for i, leaf in self.oracle().group.members() if leaf.credential.content == seat.client.identity)

    def removable(self, but: Seat) -> Seat | None:
        """Somebody whose going leaves a member of each library, and one in the left half of the tree: without,
        ts-mls has another commit secret than mls-rs and the engine (test_peer_faults)."""
        kinds = Counter(seat.is_engine for seat in self.seats)
        leaves = {id(seat): self.leaf(seat) for seat in self.seats}
        half = self.oracle().group.tree.leaf_count // 2
        can = [
            seat
            for seat in self.seats
            if seat is not but
            and kinds[seat.is_engine] > 1
            and any(leaf < half for key, leaf in leaves.items() if key != id(seat))
        ]
        return self.random.choice(can) if can else None

    def oracle(self) -> EngineGroup:
        """A group of the engine's, to look things up in."""
        return next(seat.group for seat in self.seats if isinstance(seat.group, EngineGroup))

    def removal(self, seat: Seat) -> Remove:
        return Remove(leaf=self.leaf(seat), identity=seat.client.identity)

    # -- comparing ---------------------------------------------------------------------------------------------
    def check(self) -> None:
        views = {
            (tuple(seat.group.export(label, context, 32) for label, context in LABELS), seat.group.tree())
            for seat in self.seats
        }
        assert len(views) == 1, f"seed {self.seed}: views differ after {dict(self.ran)}"
        authenticators = {a for seat in self.seats if (a := authenticator(seat.group)) is not None}
        assert len(authenticators) == 1, f"seed {self.seed}: authenticators differ after {dict(self.ran)}"

    def run(self, steps: dict[str, Callable[[Script], bool]], count: int) -> None:
        self.found()
        self.check()
        for self.taken in range(1, count + 1):
            name = self.random.choice([*steps])
            while not steps[name](self):
                name = self.random.choice([*steps])
            self.ran[name] += 1
            self.check()


def authenticator(group: PeerGroup) -> bytes | None:
    if isinstance(group, EngineGroup):
        return group.group.epoch_authenticator
    try:
        return group.facts().epoch_authenticator
    except Unsupported:
        return None


# -- steps: True if taken ------------------------------------------------------------------------------------
def send(script: Script) -> bool:
    by, data = script.random.choice(script.seats), script.random.randbytes(script.random.randrange(2000))
    message = by.group.send(data)
    for seat in script.seats:
        if seat is not by:
            assert seat.group.process(message).data == data
    return True


def add(script: Script) -> bool:
    room = script.most_members - len(script.seats)
    if room < 1:
        return False
    script.welcome([script.newcomer() for _ in range(script.random.randint(1, min(2, room)))])
    return True


def remove(script: Script) -> bool:
    by = script.random.choice(script.seats)
    gone = script.removable(by)
    if gone is None:
        return False
    made = by.group.commit([script.removal(gone)], public=script.public(by))
    script.seats.remove(gone)
    script.tell(made.commit, but=by)
    assert gone.group.process(made.commit).activity == "removed"
    return True


def empty_commit(script: Script) -> bool:
    by = script.random.choice(script.seats)
    script.tell(by.group.commit(public=script.public(by)).commit, but=by)
    return True


def _propose_and_commit(script: Script, by: Seat, spec: ProposalSpec, committer: Seat | None = None) -> bytes | None:
    script.tell(by.group.propose(spec, public=script.public(by)).message, but=by)
    committer = committer or script.random.choice([seat for seat in script.seats if seat is not by])
    made = committer.group.commit(public=script.public(committer))
    script.tell(made.commit, but=committer)
    return made.welcome


def propose_add(script: Script) -> bool:
    if len(script.seats) >= script.most_members:
        return False
    peer, client = script.newcomer()
    welcome = _propose_and_commit(script, script.random.choice(script.seats), Add(client.key_package()))
    assert welcome is not None
    script.seats.append(Seat(peer, client, client.join(welcome)))
    return True


def propose_remove(script: Script) -> bool:
    by = script.random.choice(script.seats)
    gone = script.removable(by)
    others = [seat for seat in script.seats if seat not in (by, gone)]
    if gone is None or not others:
        return False
    _propose_and_commit(script, by, script.removal(gone), script.random.choice(others))
    script.seats.remove(gone)
    return True


def update(script: Script) -> bool:
    by = script.random.choice(script.seats)
    renewed = script.coin()
    _propose_and_commit(script, by, Update(new_signature_key=renewed))
    by.has_new_signature_key |= renewed
    return True


def external_psk(script: Script) -> bool:
    script.psks += 1
    psk_id, secret = b"psk %d" % script.psks, script.random.randbytes(32)
    for seat in script.seats:
        seat.client.add_psk(psk_id, secret)
    by = script.random.choice(script.seats)
    if script.coin():
        script.tell(by.group.commit([ExternalPsk(psk_id)], public=script.public(by)).commit, but=by)
    else:
        _propose_and_commit(script, by, ExternalPsk(psk_id))
    return True


def resumption_psk(script: Script) -> bool:
    """Of the present epoch: later joiners have no earlier one."""
    by, known = script.random.choice(script.seats), script.oracle().group
    psk = ResumptionPsk(known.group_id, known.epoch)
    script.tell(by.group.commit([psk], public=script.public(by)).commit, but=by)
    return True


def group_context_extensions(script: Script) -> bool:
    """Proposed by anybody, committed by the engine: ts-mls would leave out the path (peers.py)."""
    by = script.random.choice(script.seats)
    engines = [seat for seat in script.seats if seat.is_engine and seat is not by]
    if not engines:
        return False
    required = bytes((0, 0, 2, 0, 1))  # required_capabilities: no extensions, no proposals, basic credentials
    spec = GroupContextExtensions(((0x0003, required),))
    _propose_and_commit(script, by, spec, script.random.choice(engines))
    return True
