"""People with accounts at a host without sockets: `alice.signs_up("alice")`, `phone.lists(laptop)`, `bob.drops(…)`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_args

from nacl.signing import SigningKey

from aparte.crypto import DEFAULT_CIPHER_SUITE, Signer
from aparte.crypto.native import NativeProvider
from aparte.server.accounts import (
    AccountJudge,
    AccountQuestion,
    AccountSettings,
    Minting,
    SignUpPolicy,
    TicketPolicy,
    ToJudge,
    answer_question,
    make_invite,
)
from aparte.server.accounts.ending import suspend
from aparte.server.core import Arrival, Core
from aparte.server.links import Link, LinkKind, LinkNumber
from aparte.server.opening import day_of
from aparte.server.step import Notice, Refusal, Send
from aparte.server.store import Store
from aparte.server.store.sqlite import SqliteStore
from aparte.server.tickets import JudgedTicket, TicketJudge, read_ticket
from aparte.trust import (
    Account,
    Device,
    Manifest,
    ManifestContent,
    create_genesis,
    device_id_of,
    first_manifest,
    sign_manifest,
)
from aparte.wire import account_frames as a
from aparte.wire import decode_frame, encode
from aparte.wire.ids import AccountId, DeviceId, Idem, InboxSeq, Lane, LinkNonce, Request, TicketKind
from aparte.wire.link_frames import Problem
from aparte.wire.statements import deletion_statement, identity_statement
from aparte.wire.tickets import TICKET_VERSION, Ticket, TicketBody, ticket_statement
from tests.hosting import HOST, KEYS, Client, Scene, verify

SUITE = NativeProvider().suite(DEFAULT_CIPHER_SUITE)
TICKET_KEY = SigningKey(KEYS.ticket_seed)
R = Request(9)
DAY = 86_400_000


def signer(*label: object) -> Signer:
    """A key of a name, the same in every run."""
    return SUITE.load_signer(hashlib.sha256(repr(label).encode()).digest())


@dataclass
class Town(Scene):
    """A scene whose host serves accounts."""

    sign_up: SignUpPolicy = SignUpPolicy.OPEN
    tickets: TicketPolicy = field(default_factory=TicketPolicy)

    def __post_init__(self) -> None:
        super().__post_init__()
        settings = AccountSettings(HOST, SUITE, self.sign_up, self.tickets)
        self.core = Core(self.store, KEYS, policy=self.policy, report=self.faults.append, accounts=settings)
        minting = Minting(HOST, sign=sign, rng=self.fresh_nonce, clock=lambda: self.now)
        self.judge = AccountJudge(HOST, suite=SUITE, ticket=self._ticket, minting=minting)
        assert self.core.accounts is not None
        self.accounts = self.core.accounts

    def fresh_nonce(self, length: int) -> bytes:
        return self.fresh(b"nonce")[:length]

    def _ticket(self, data: bytes, kind: TicketKind) -> JudgedTicket:
        judge = TicketJudge(HOST, verify=verify)
        return judge.judge(read_ticket(data), kind, issuer_key=bytes(TICKET_KEY.verify_key), now=self.now)

    def _dispatch(self, send: Send) -> None:
        if not isinstance(send, Notice):
            super()._dispatch(send)
            return
        for number in send.links:
            if number in self.links:
                self.links[number].received.append(decode_frame(send.payload))

    def line(self, kind: LinkKind) -> Line:
        """A new link."""
        number = LinkNumber(next(self._numbers))
        nonce = LinkNonce(hashlib.sha256(b"nonce %d" % number).digest())
        line = Line(self, Link(number, kind, nonce=nonce))
        self.links[number] = line
        return line

    def stranger(self) -> Line:
        """Somebody on a new anonymous link."""
        return self.line(LinkKind.ANONYMOUS)

    def person(self, name: str) -> Person:
        """Somebody with a root key and a phone, who has no account yet."""
        return Person(self, name)

    def resident(self, name: str) -> Gadget:
        """The phone of somebody who has signed up under this name."""
        phone = self.person(name).phone
        proven = phone.signs_up(name)
        assert isinstance(proven, a.Proven), proven
        return phone

    def invite(self, *, uses: int = 1, days: int = 7, is_operator: bool = False) -> str:
        """A code to sign up with."""
        until = day_of(self.now) + days
        with self.store.transaction() as transaction:
            return make_invite(transaction, self.fresh_nonce, uses=uses, expires_day=until, is_operator=is_operator)

    def suspends(self, person: Person, *, is_suspended: bool = True) -> bool:
        account_id = person.account.account_id
        presence = self.accounts.presence
        return self.core.apart(lambda t: suspend(t, account_id, is_suspended=is_suspended, presence=presence))

    def sweeps(self, *, limit: int = 100) -> int:
        """Sweep until there is nothing to do; how much was done."""
        total = 0
        while done := self.core.apart(lambda t: self.accounts.sweep(t, self.now, limit=limit)):
            total += done
        return total


def sign(message: bytes) -> bytes:
    return TICKET_KEY.sign(message).signature


@dataclass
class Line(Client):
    """A link, and what may be asked on it."""

    def asks(self, frame: Any) -> Any:
        """Judge and hand in one frame, or read; returns the answer."""
        town = self.scene
        try:
            if isinstance(frame, get_args(AccountQuestion)):
                return answer_question(town.store.reader(), self.link, frame=frame)
            return self.sends(self.judged(frame))
        except Refusal as refusal:
            return Problem(frame.request, refusal.code, refusal.wait, refusal.detail)

    def judged(self, frame: Any) -> Any:
        """What the core gets of a frame. Raises `Refusal`."""
        assert isinstance(self.scene, Town)
        return self.scene.judge.judge(frame, self.link) if isinstance(frame, get_args(ToJudge)) else frame

    def hands(self, frame: Any) -> Arrival:
        """A judged frame, not handed in: for `Scene.accept`."""
        return self.brings(self.judged(frame))

    def looks_up(self, name: str) -> Any:
        return self.asks(a.LookUpName(R, name))

    def fetches_packages(self, account_id: AccountId, ticket: bytes | None = None) -> Any:
        return self.asks(a.FetchKeyPackages(R, account_id, ticket or self.ticket(TicketKind.FETCH_KEY_PACKAGES)))

    def ticket(self, kind: TicketKind, *, day: int = 0, key: SigningKey = TICKET_KEY, **changes: Any) -> bytes:
        """A ticket as the host would have issued it."""
        until = day_of(self.scene.now) + day
        body = replace(TicketBody(TICKET_VERSION, HOST, HOST, kind, until, self.scene.fresh(b"ticket")), **changes)
        fields = (body.version, body.issuer, body.acceptor, body.kind, body.day, body.nonce)
        return encode(Ticket(*fields, key.sign(ticket_statement(body)).signature))

    def drops(self, to: Gadget, item: bytes, **changes: Any) -> Any:
        """Drop an item: as a request, with a ticket, unless told otherwise."""
        return self.asks(self.drop(to, item, **changes))

    def drop(self, to: Gadget, item: bytes, **changes: Any) -> a.Drop:
        fields: dict[str, Any] = {
            "request": R,
            "account_id": to.owner.account.account_id,
            "device_id": to.device_id,
            "lane": Lane.REQUEST,
            "item_id": Idem(self.scene.fresh(b"item")),
            "proof": changes.get("proof") or self.ticket(TicketKind.KNOCK),
            "item": item,
        }
        return a.Drop(**(fields | changes))


class Person:
    """Somebody, their root key, and the manifests that they know of."""

    def __init__(self, town: Town, name: str) -> None:
        self.town = town
        self.name = name
        self.root = signer(name, "root")
        self.phone = Gadget(self, signer(name, "phone"))
        self.account: Account = create_genesis(self.root, self.phone.key, nonce=hashlib.sha256(name.encode()).digest())
        self.manifest: Manifest = first_manifest(self.phone.key, account=self.account, inbox_key=b"inbox")

    def gadget(self, name: str) -> Gadget:
        """Another device, not listed yet."""
        return Gadget(self, signer(self.name, name))

    def next(self, *, by: Signer, add: tuple[Gadget, ...] = (), revoke: tuple[Gadget, ...] = ()) -> Manifest:
        """The manifest that would follow."""
        before = self.manifest.content
        gone = tuple(gadget.device_id for gadget in revoke)
        kept = tuple(device for device in before.devices if device.device_id not in gone)
        devices = kept + tuple(gadget.listed for gadget in add)
        content = ManifestContent(before.root_gen, before.n + 1, self.manifest.hash(), devices, before.revoked + gone)
        return sign_manifest(content, by, account=self.account)

    def generation(self, *gadgets: Gadget, by: Signer | None = None) -> Manifest:
        """A new generation, signed by root."""
        before = self.manifest.content
        devices = tuple(gadget.listed for gadget in gadgets)
        content = ManifestContent(before.root_gen + 1, 0, self.manifest.hash(), devices, ())
        return sign_manifest(content, by or self.root, account=self.account)


class Gadget:
    """A device, with the link that it used last."""

    def __init__(self, owner: Person, key: Signer) -> None:
        self.owner = owner
        self.key = key
        self.device_id: DeviceId = device_id_of(key.public_key)
        self.listed = Device(key.public_key, b"inbox key")
        self.line = owner.town.line(LinkKind.IDENTITY)

    @property
    def account_id(self) -> AccountId:
        return self.owner.account.account_id

    def calls(self) -> Line:
        """A new link."""
        self.line = self.owner.town.line(LinkKind.IDENTITY)
        return self.line

    def asks(self, frame: Any) -> Any:
        return self.line.asks(frame)

    def proof(self, *, host: str = HOST) -> bytes:
        """The device's signature for its link."""
        where = {"account_id": self.account_id, "device_id": self.device_id}
        return self.key.sign(identity_statement(host, self.line.link.nonce, **where))

    def signing_up(self, name: str = "", invite: str = "", **changes: Any) -> a.SignUp:
        owner = self.owner
        frame = a.SignUp(R, name, invite, owner.account.genesis.encode(), owner.manifest.encode(), self.proof())
        return replace(frame, **changes)

    def signs_up(self, name: str = "", invite: str = "", **changes: Any) -> Any:
        return self.asks(self.signing_up(name, invite, **changes))

    def proving(self) -> a.Prove:
        return a.Prove(R, self.account_id, self.key.public_key, self.proof())

    def proves(self) -> Any:
        """Prove this device on a new link."""
        self.calls()
        return self.asks(self.proving())

    def puts(self, manifest: Manifest) -> Any:
        """Publish a manifest; the owner goes on from it if it stands."""
        answer = self.asks(a.PutManifest(R, manifest.encode()))
        if not isinstance(answer, Problem):
            self.owner.manifest = manifest
        return answer

    def lists(self, *gadgets: Gadget) -> Any:
        """Add devices."""
        return self.puts(self.owner.next(by=self.key, add=gadgets))

    def revokes(self, *gadgets: Gadget) -> Any:
        return self.puts(self.owner.next(by=self.key, revoke=gadgets))

    def stocks(self, *packages: bytes, last_resort: bool = False, days: int = 30) -> Any:
        """Put key packages."""
        expires = self.owner.town.now + days * DAY
        own = tuple(a.OwnKeyPackage(expires, last_resort, package) for package in packages)
        return self.asks(a.PutKeyPackages(R, own))

    def opens_lane(self, lane: Lane, *capabilities: bytes) -> Any:
        hashes = tuple(a.CapabilityHash(hashlib.sha256(capability).digest()) for capability in capabilities)
        return self.asks(a.SetCapabilities(R, lane, hashes))

    def inbox(self, after: int = 0) -> Any:
        return self.asks(a.FetchInbox(R, InboxSeq(after)))

    def items(self) -> list[bytes]:
        """All that waits, page by page."""
        found: list[bytes] = []
        after = 0
        while True:
            page = self.inbox(after)
            found += [item.item for item in page.items]
            if not page.more:
                return found
            after = page.items[-1].seq

    def gets_tickets(self, kind: TicketKind, count: int, acceptor: str = HOST) -> Any:
        return self.asks(a.GetTickets(R, acceptor, kind, count))

    def deletion(self, *, root: Signer | None = None) -> a.DeleteAccount:
        statement = deletion_statement(HOST, self.line.link.nonce, account_id=self.account_id)
        return a.DeleteAccount(R, root.sign(statement) if root else b"")


@contextmanager
def town(folder: Path, **settings: Any) -> Iterator[Town]:
    """A town over a SQLite store in this folder."""
    store: Store = SqliteStore(folder / "host.db")
    try:
        made = Town(store, **settings)
        yield made
        assert not made.faults, made.faults
    finally:
        store.close()
