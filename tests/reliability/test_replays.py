"""A session that somebody recorded, byte for byte: played again, mixed up, taken to pieces or cut off anywhere."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Final

import pytest

from aparte.trust import create_genesis, device_id_of, first_manifest
from aparte.wire import ErrorCode, decode_frame, encode_frame
from aparte.wire import account_frames as a
from aparte.wire.entries import Pass
from aparte.wire.ids import LogId, Request, Seq, TicketKind
from aparte.wire.link_frames import Greeting, Problem
from aparte.wire.log_frames import Accepted, Close, Create, Created, Open, OpenStatus, Read
from aparte.wire.statements import identity_statement
from tests.hosting_accounts import signer
from tests.reliability.ledger import Reading, Talk
from tests.reliability.lines import lines
from tests.reliability.processes import DOMAIN, HostProcess, running, ticket
from tests.reliability.raw import BINARY, CONTINUATION, PING, RawLink, framed, request_for

IDENTITY: Final = "/v1/identity"
CUTS: Final = 120


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostProcess]:
    with running(tmp_path_factory.mktemp("host")) as made:
        yield made
        assert "the core failed" not in (made.folder / "stderr").read_text()


@dataclass
class Tape:
    """What went over a link: requests in order, and their answers."""

    link: RawLink
    sent: list[bytes] = field(default_factory=list)
    answers: list[Any] = field(default_factory=list)

    @property
    def greeting(self) -> Greeting:
        found = decode_frame(self.link.greeting)
        assert isinstance(found, Greeting)
        return found

    async def ask(self, frame: Any) -> Any:
        """Send a request, and wait for its answer."""
        payload = encode_frame(replace(frame, request=Request(len(self.sent) + 1)))
        self.sent.append(payload)
        self.link.send(framed(payload))
        self.answers.append((await answers(self.link, 1))[0])
        return self.answers[-1]


async def answers(link: RawLink, count: int) -> list[Any]:
    """So many answers, in the order in which they came."""
    found: list[Any] = []
    while len(found) < count:
        item = await link.receive()
        assert item is not None, "the link ended"
        if item[0] == BINARY and hasattr(frame := decode_frame(item[1]), "request"):
            found.append(frame)
    return found


@dataclass
class Recorded:
    """A session, and the log that it was about."""

    tape: Tape
    talk: Talk

    async def reading(self, host: HostProcess) -> Reading:
        async with lines(host.url, 1) as (line,):
            found = await line.reads(self.talk)
            assert found is not None
            return found


async def record(host: HostProcess, rng: Random) -> Recorded:
    """A log is created, opened, posted to under two nodes, closed, opened by a pass, posted to and read."""
    talk = Talk(LogId(rng.randbytes(16)))
    tape = Tape(await RawLink.dial(host.url))

    async def opens(known: Pass | None = None) -> Pass:
        item = talk.item(talk.node, tape.greeting.nonce, host=DOMAIN, shown=known)
        opened = await tape.ask(Open(Request(0), False, (item,)))
        assert opened.items[0].status is OpenStatus.LIVE
        return replace(opened.items[0].pass_)

    async def posts(body: bytes, *, commits: bool = False) -> None:
        post = talk.post(rng.randbytes(16), body, request=0, commits=commits)
        answer = await tape.ask(post)
        assert isinstance(answer, Accepted)
        if commits:
            talk.learns(answer, post.idem)

    shown = ticket(host.keys, rng.randbytes(16))
    assert isinstance(await tape.ask(Create(Request(0), talk.log_id, talk.root_key, 30, shown)), Created)
    await opens()
    await posts(b"one")
    await posts(b"two", commits=True)
    known = await opens()
    await posts(b"three")
    await tape.ask(Close(Request(0), talk.log_id))
    await opens(known)
    await posts(b"four")
    await tape.ask(Read(Request(0), talk.log_id, talk.node, Seq(talk.node), 1 << 16, known))
    tape.link.hang_up()
    return Recorded(tape, talk)


def test_a_session_played_again(host: HostProcess) -> None:
    """Proofs were for another link's nonce; a pass is as good as a key, and shows what was there already."""

    async def play() -> tuple[Recorded, list[Any], Reading, Reading]:
        made = await record(host, Random(1))
        before = await made.reading(host)
        link = await RawLink.dial(host.url)
        found = []
        for payload in made.tape.sent:
            link.send(framed(payload))
            found += await answers(link, 1)
        link.hang_up()
        return made, found, before, await made.reading(host)

    made, found, before, after = asyncio.run(play())
    create, open_0, one, two, open_2, three, close, by_pass, four, read = found
    told = made.tape.answers
    assert (create, close, four) == (told[0], told[6], told[8])
    for refused in open_0, open_2:
        assert [item.status for item in refused.items] == [OpenStatus.REFUSED]
    assert [answer.code for answer in (one, two, three)] == [ErrorCode.NOT_OPEN] * 3
    assert by_pass.items[0].status is OpenStatus.LIVE
    assert read.entries == told[9].entries
    assert after == before
    assert len(after.entries) == 4


def test_sessions_mixed_up(host: HostProcess) -> None:
    """In any order, doubled, over two links at once: typed answers, and nothing new in the log."""

    async def play(rng: Random) -> Counter[str]:
        made = await record(host, rng)
        before = await made.reading(host)
        outcomes: Counter[str] = Counter()
        for _ in range(20):
            links = [await RawLink.dial(host.url) for _ in range(2)]
            shares: tuple[list[bytes], list[bytes]] = ([], [])
            for payload in rng.sample(made.tape.sent * 2, 2 * len(made.tape.sent)):
                which = rng.randrange(2)
                links[which].send(framed(payload))
                shares[which].append(payload)
            for link, share in zip(links, shares, strict=True):
                found = await answers(link, len(share))
                outcomes.update(type(answer).__name__ for answer in found)
                assert not any(isinstance(f, Problem) and f.code == ErrorCode.INTERNAL for f in found)
                link.hang_up()
        assert await made.reading(host) == before
        return outcomes

    outcomes = asyncio.run(play(Random(2)))
    assert outcomes.total() == 20 * 2 * 10
    assert outcomes["Accepted"] > 20
    assert outcomes["Problem"] > 20


def in_pieces(payload: bytes, rng: Random) -> bytes:
    """A message in fragments, some of them empty, with pings between them."""
    cuts = sorted(rng.randint(0, len(payload)) for _ in range(rng.randint(1, 6)))
    ends = list(zip([0, *cuts], [*cuts, len(payload)], strict=True))
    made = b""
    for number, (begin, end) in enumerate(ends):
        opcode = CONTINUATION if number else BINARY
        made += framed(payload[begin:end], opcode, last=number == len(ends) - 1)
        made += framed(b"?", PING) * rng.randrange(2)
    return made


def test_a_session_in_pieces(host: HostProcess) -> None:
    """Fragments say what the whole says: each request is answered as when it came at once."""

    async def play(rng: Random) -> None:
        made = await record(host, rng)
        whole, pieces = [await RawLink.dial(host.url) for _ in range(2)]
        for payload in made.tape.sent * 3:
            whole.send(framed(payload))
            pieces.send(in_pieces(payload, rng))
            assert await answers(whole, 1) == await answers(pieces, 1)
        for link in whole, pieces:
            link.hang_up()

    asyncio.run(play(Random(3)))


def test_a_session_cut_off_anywhere(host: HostProcess) -> None:
    """With or without a goodbye. The one post that is new stands in the log once, when all of it came."""

    async def play(rng: Random) -> tuple[int, int]:
        made = await record(host, rng)
        known = decode_frame(made.tape.sent[-1]).pass_
        fresh = encode_frame(made.talk.post(rng.randbytes(16), b"five", request=99, shown=known))
        stream = request_for(host.url) + b"".join(map(framed, [*made.tape.sent[6:], fresh]))
        cuts = [*range(1, 40), *[rng.randrange(len(stream)) for _ in range(CUTS)]]
        for cut in cuts:
            link = await RawLink.connect(host.url)
            link.send(stream[:cut])
            if rng.random() < 0.5:
                await link.writer.drain()
                link.writer.write_eof()
            await asyncio.sleep(rng.choice([0, 0.002]))
            link.hang_up()
        early = await made.reading(host)
        link = await RawLink.connect(host.url)
        link.send(stream)
        await link.reader.readuntil(b"\r\n\r\n")
        assert [type(found) for found in await answers(link, 5) if found.request == 99] == [Accepted]
        link.hang_up()
        return len(early.entries), len((await made.reading(host)).entries)

    assert asyncio.run(play(Random(4))) == (4, 5)


def test_what_a_device_said_is_of_no_use_to_another_link(host: HostProcess) -> None:
    """Replayed proofs of a device are refused, and nothing after them is served."""
    key, root = signer("replay", "phone"), signer("replay", "root")
    account = create_genesis(root, key, nonce=bytes(32))
    manifest = first_manifest(key, account=account, inbox_key=b"inbox")
    who = {"account_id": account.account_id, "device_id": device_id_of(key.public_key)}
    wants = a.GetTickets(Request(0), DOMAIN, TicketKind.KNOCK, 1)

    async def says_hello(make: Any) -> Tape:
        tape = Tape(await RawLink.dial(host.url + IDENTITY))
        proof = key.sign(identity_statement(DOMAIN, tape.greeting.nonce, **who))
        assert isinstance(await tape.ask(make(proof)), a.Proven)
        assert isinstance(await tape.ask(wants), a.Tickets)
        tape.link.hang_up()
        return tape

    def sign_up(proof: bytes) -> a.SignUp:
        return a.SignUp(Request(0), "replay", "", account.genesis.encode(), manifest.encode(), proof)

    def prove(proof: bytes) -> a.Prove:
        return a.Prove(Request(0), account.account_id, key.public_key, proof)

    async def play() -> None:
        for tape in await says_hello(sign_up), await says_hello(prove):
            again = Tape(await RawLink.dial(host.url + IDENTITY))
            found = [await again.ask(decode_frame(payload)) for payload in tape.sent]
            assert [answer.code for answer in found] == [ErrorCode.REFUSED, ErrorCode.WRONG_STATE]
            again.link.hang_up()

    asyncio.run(play())
