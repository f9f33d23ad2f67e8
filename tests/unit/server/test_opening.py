"""The judging of passes and proofs, one rule at a time."""

from __future__ import annotations

from dataclasses import replace

import pytest
from nacl.signing import SigningKey

from aparte.server.links import Link, LinkKind, LinkNumber
from aparte.server.opening import OpenJudge, day_of, is_good_pass, new_pass
from aparte.wire.entries import Pass
from aparte.wire.ids import LinkNonce, LogId, Millis, Node, Request, Seq
from aparte.wire.limits import PASS_DAYS
from aparte.wire.log_frames import EpochProof, Open, OpenItem
from aparte.wire.statements import open_statement
from tests.hosting import HOST, verify

DAY = 86_400_000
NOON = Millis(20_000 * DAY + DAY // 2)
KEY, OTHER_KEY = b"p" * 32, b"q" * 32
LOG, OTHER_LOG = LogId(b"l" * 16), LogId(b"m" * 16)
SIGNER = SigningKey(b"s" * 32)
NONCE = LinkNonce(b"n" * 32)
LINK = Link(LinkNumber(1), LinkKind.ANONYMOUS, nonce=NONCE)


def is_good(shown: Pass, **changes: object) -> bool:
    given = {"key": KEY, "log_id": LOG, "node": Node(3), "now": NOON} | changes
    return is_good_pass(given.pop("key"), shown, **given)  # type: ignore[arg-type]


def judge(item: OpenItem, *, host: str = HOST, link: Link = LINK) -> bool:
    judged = OpenJudge(host, pass_key=KEY, verify=verify).judge(Open(Request(1), False, (item,)), link, now=NOON)
    assert [claim.item for claim in judged.claims] == [item]
    assert judged.claims[0].epoch_key == (item.proof and item.proof.epoch_key)
    return judged.claims[0].is_good


def signed(*, host: str = HOST, nonce: bytes = NONCE, log_id: LogId = LOG, node: int = 3) -> OpenItem:
    """An item for node 3 of the log, with a proof for what is given."""
    statement = open_statement(host, LinkNonce(nonce), log_id=log_id, node=Node(node))
    proof = EpochProof(bytes(SIGNER.verify_key), SIGNER.sign(statement).signature)
    return OpenItem(LOG, Node(3), Seq(0), None, proof)


class TestDays:
    @pytest.mark.parametrize(("now", "day"), [(0, 0), (DAY - 1, 0), (DAY, 1), (NOON, 20_000)])
    def test_day_of(self, now: int, day: int) -> None:
        assert day_of(Millis(now)) == day


class TestPass:
    GOOD = new_pass(KEY, LOG, node=Node(3), now=NOON)

    def test_good(self) -> None:
        assert is_good(self.GOOD)
        assert self.GOOD.day == 20_000 + PASS_DAYS

    def test_until_the_end_of_its_day(self) -> None:
        end = (20_000 + PASS_DAYS + 1) * DAY
        assert is_good(self.GOOD, now=end - 1)
        assert not is_good(self.GOOD, now=end)

    @pytest.mark.parametrize("changes", [{"key": OTHER_KEY}, {"log_id": OTHER_LOG}, {"node": Node(4)}])
    def test_of_something_else(self, changes: dict[str, object]) -> None:
        assert not is_good(self.GOOD, **changes)

    def test_altered(self) -> None:
        for bit in range(128):
            mac = int.from_bytes(self.GOOD.mac) ^ 1 << bit
            assert not is_good(Pass(self.GOOD.day, mac.to_bytes(16)))
        for day in (self.GOOD.day + 1, self.GOOD.day - 1, 2**32 - 1):
            assert not is_good(Pass(day, self.GOOD.mac))

    def test_judged(self) -> None:
        item = OpenItem(LOG, Node(3), Seq(0), self.GOOD, None)
        assert judge(item)
        assert not judge(replace(item, node=Node(4)))
        assert not judge(replace(item, log_id=OTHER_LOG))


class TestProof:
    def test_good(self) -> None:
        assert judge(signed())

    def test_of_something_else(self) -> None:
        assert not judge(signed(host="evil.example"))
        assert not judge(signed(), host="evil.example")
        assert not judge(signed(nonce=b"m" * 32))
        assert not judge(signed(), link=Link(LinkNumber(1), LinkKind.ANONYMOUS, nonce=LinkNonce(b"m" * 32)))
        assert not judge(signed(log_id=OTHER_LOG))
        assert not judge(signed(node=4))

    def test_by_another_key(self) -> None:
        item = signed()
        assert item.proof is not None
        for key in (bytes(SigningKey(b"t" * 32).verify_key), bytes(32), b"\xff" * 32):
            assert not judge(replace(item, proof=replace(item.proof, epoch_key=key)))

    def test_altered(self) -> None:
        item = signed()
        assert item.proof is not None
        for byte in range(64):
            changed = bytearray(item.proof.signature)
            changed[byte] ^= 1
            assert not judge(replace(item, proof=replace(item.proof, signature=bytes(changed))))
