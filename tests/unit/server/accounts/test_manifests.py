"""Which manifest stands at the host: the first that follows; and root has the last word."""

from __future__ import annotations

import pytest

from aparte.server.accounts import settings
from aparte.trust import (
    AcceptedManifest,
    Genesis,
    Manifest,
    judge_beginning,
    judge_successor,
    verify_genesis,
)
from aparte.wire import ErrorCode
from aparte.wire import account_frames as a
from aparte.wire.link_frames import Done, Problem
from tests.hosting import code
from tests.hosting_accounts import DAY, SUITE, Gadget, Town, signer

HOUR = 3_600_000


def history(town: Town, account_id: bytes, start: int = 0) -> list[bytes]:
    """All manifests of the current generation, page by page."""
    found: list[bytes] = []
    while True:
        page = town.stranger().asks(a.FetchManifests(9, account_id, start + len(found)))
        assert isinstance(page, a.Manifests), page
        found += [item.manifest for item in page.manifests]
        if not page.more:
            return found


def test_the_next_one_stands_and_a_repeat_is_fine(town: Town, alice: Gadget) -> None:
    laptop = alice.owner.gadget("laptop")
    assert alice.lists(laptop) == Done(9)
    assert alice.puts(alice.owner.manifest) == Done(9)
    assert town.stranger().looks_up("alice").manifest == alice.owner.manifest.encode()


def test_of_two_with_one_place_the_first_stands(town: Town, alice: Gadget) -> None:
    owner = alice.owner
    one, other = (owner.next(by=alice.key, add=(owner.gadget(name),)) for name in ("laptop", "tablet"))
    town.accept(*(alice.line.hands(a.PutManifest(9, manifest.encode())) for manifest in (one, other)))
    assert alice.line.answers[-2] == Done(9)
    assert code(alice.line.answer()) == ErrorCode.MANIFEST_REFUSED
    assert "manifest.10" in alice.line.answer().detail
    assert alice.proves().manifest == one.encode()


def test_one_that_does_not_follow(alice: Gadget, bob: Gadget) -> None:
    owner = alice.owner
    laptop = owner.gadget("laptop")
    thief = signer("thief")
    bobs = bob.owner.next(by=bob.key)
    for manifest in (owner.next(by=thief, add=(laptop,)), owner.next(by=bob.key, add=(laptop,)), bobs):
        assert code(alice.asks(a.PutManifest(9, manifest.encode()))) == ErrorCode.MANIFEST_REFUSED
    assert code(alice.asks(a.PutManifest(9, b"\x01"))) == ErrorCode.MANIFEST_REFUSED
    assert alice.proves().manifest == owner.manifest.encode()


def test_the_history_lets_a_stranger_follow(town: Town, alice: Gadget) -> None:
    owner = alice.owner
    expected = [owner.manifest.encode()]
    for number in range(5):
        alice.lists(owner.gadget(f"gadget {number}"))
        expected.append(owner.manifest.encode())
    assert history(town, alice.account_id) == expected
    assert history(town, alice.account_id, 4) == expected[4:]
    assert history(town, alice.account_id, 6) == []
    assert code(town.stranger().asks(a.FetchManifests(9, bytes(32), 0))) == ErrorCode.NOT_FOUND


def followed(town: Town, name: str) -> AcceptedManifest:
    """What somebody believes in the end who knows nothing but the name, and has only what the host has."""
    found = town.stranger().looks_up(name)
    account = verify_genesis(Genesis.decode(found.genesis), SUITE)
    first, *others = map(Manifest.decode, history(town, account.account_id))
    stands = judge_beginning(first, account=account, suite=SUITE)
    for manifest in others:
        stands = judge_successor(stands, manifest, account=account, suite=SUITE)
    assert stands.encode() == found.manifest
    return stands


def test_a_stranger_follows_in_whatever_generation(town: Town, alice: Gadget) -> None:
    """The host has forgotten what was before the current one, and nobody needs it."""
    owner = alice.owner
    for generation in range(3):
        for number in range(3):
            assert followed(town, "alice").content.place == (generation, number)
            alice.lists(owner.gadget(f"gadget {number}"))
        manifest = owner.generation(alice)
        assert alice.puts(manifest) == Done(9)
        assert len(history(town, alice.account_id)) == 1
    assert followed(town, "alice").content.devices == (alice.listed,)


def test_root_begins_anew(town: Town, alice: Gadget) -> None:
    owner = alice.owner
    laptop, tablet = owner.gadget("laptop"), owner.gadget("tablet")
    alice.lists(laptop)
    laptop.proves()
    assert alice.puts(owner.generation(alice, tablet)) == Done(9)
    assert history(town, alice.account_id) == [owner.manifest.encode()]
    assert code(laptop.inbox()) == ErrorCode.WRONG_STATE
    assert tablet.proves().name == "alice"
    assert alice.inbox().items == ()


def test_a_device_does_not_begin_anew(alice: Gadget) -> None:
    owner = alice.owner
    assert code(alice.puts(owner.generation(alice, by=alice.key))) == ErrorCode.MANIFEST_REFUSED


class TestByRoot:
    """A thief has a device and turns the owner out; the owner has root."""

    @pytest.fixture
    def thief(self, alice: Gadget) -> Gadget:
        laptop = alice.owner.gadget("laptop")
        alice.lists(laptop)
        laptop.proves()
        assert laptop.revokes(alice) == Done(9)
        return laptop

    def recovers(self, gadget: Gadget, manifest: Manifest) -> object:
        """Put a manifest on a link that has proved nothing."""
        gadget.calls()
        frame = a.PutRootManifest(9, gadget.owner.account.genesis.encode(), manifest.encode())
        return gadget.asks(frame)

    def test_the_owner_is_in_again_and_the_thief_out(self, alice: Gadget, thief: Gadget) -> None:
        assert code(alice.proves()) == ErrorCode.REFUSED
        assert self.recovers(alice, alice.owner.generation(alice)) == Done(9)
        assert alice.asks(alice.proving()).name == "alice"
        assert code(thief.inbox()) == ErrorCode.WRONG_STATE
        assert code(thief.proves()) == ErrorCode.REFUSED

    def test_the_thief_cannot_use_it_up(self, alice: Gadget, thief: Gadget) -> None:
        bad = a.PutManifest(9, alice.owner.next(by=signer("x")).encode())
        answers = [code(thief.asks(bad)) for _ in range(30)]
        assert answers[-1] == ErrorCode.RATE_LIMITED
        assert self.recovers(alice, alice.owner.generation(alice)) == Done(9)

    def test_without_root_nobody_gets_in(self, alice: Gadget, thief: Gadget) -> None:
        owner = alice.owner
        by_device = owner.next(by=thief.key, add=(owner.gadget("x"),))
        by_nobody = owner.generation(alice, by=signer("x"))
        forged = Manifest(by_nobody.account_id, by_nobody.content, None, by_nobody.signature)
        for manifest in (by_device, by_nobody, forged):
            assert code(self.recovers(alice, manifest)) == ErrorCode.MANIFEST_REFUSED
        assert thief.proves().manifest == owner.manifest.encode()

    def test_another_genesis_does_not_help(self, town: Town, alice: Gadget, bob: Gadget) -> None:
        """Bob's root signs for Alice's account, with Bob's genesis and with hers."""
        bobs = bob.owner
        content = alice.owner.generation(alice).content
        forged = Manifest(alice.account_id, content, None, b"")
        forged = Manifest(alice.account_id, content, None, bobs.root.sign(forged.signed_content()))
        for genesis in (bobs.account.genesis, alice.owner.account.genesis):
            frame = a.PutRootManifest(9, genesis.encode(), forged.encode())
            assert code(town.line(alice.line.link.kind).asks(frame)) == ErrorCode.MANIFEST_REFUSED
        assert code(alice.asks(a.PutRootManifest(9, b"", forged.encode()))) == ErrorCode.MANIFEST_REFUSED

    @pytest.mark.parametrize("kind", ["of another account's root", "a device's", "unsigned"])
    @pytest.mark.usefixtures("thief")
    def test_forgeries_use_up_nothing_of_the_owners(self, alice: Gadget, bob: Gadget, kind: str) -> None:
        """They are refused before the core sees them, so that nobody keeps root out by trying."""
        genesis, draft = alice.owner.account.genesis, alice.owner.generation(alice)
        match kind:
            case "a device's":
                forged = alice.owner.generation(alice, by=alice.key)
            case "unsigned":
                forged = Manifest(draft.account_id, draft.content, None, bytes(64))
            case _:
                genesis = bob.owner.account.genesis
                forged = Manifest(draft.account_id, draft.content, None, bob.owner.root.sign(draft.signed_content()))
        frame = a.PutRootManifest(9, genesis.encode(), forged.encode())
        assert {code(alice.asks(frame)) for _ in range(30)} == {ErrorCode.MANIFEST_REFUSED}
        assert self.recovers(alice, draft) == Done(9)

    def test_an_account_that_is_not_there(self, town: Town) -> None:
        person = town.person("nobody")
        assert code(self.recovers(person.phone, person.generation(person.phone))) == ErrorCode.NOT_FOUND

    def test_a_suspended_one(self, town: Town, alice: Gadget) -> None:
        town.suspends(alice.owner)
        assert code(self.recovers(alice, alice.owner.generation(alice))) == ErrorCode.SUSPENDED


class TestLimits:
    def test_twenty_a_day(self, town: Town, alice: Gadget) -> None:
        for _ in range(20):
            assert alice.puts(alice.owner.next(by=alice.key)) == Done(9)
        refused = alice.puts(alice.owner.next(by=alice.key))
        assert (code(refused), refused.wait) == (ErrorCode.RATE_LIMITED, DAY // 20)
        assert alice.puts(alice.owner.manifest) == Done(9), "a repeat costs nothing"
        town.passes(refused.wait)
        assert alice.puts(alice.owner.next(by=alice.key)) == Done(9)

    @pytest.mark.parametrize("limit", ["MAX_MANIFESTS", "MAX_HISTORY"])
    def test_then_only_root_goes_on(self, alice: Gadget, limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
        size = 4 if limit == "MAX_MANIFESTS" else 4 * len(alice.owner.manifest.encode()) + 3 * 17
        monkeypatch.setattr(f"aparte.server.accounts.manifests.{limit}", size)
        answers = [alice.puts(alice.owner.next(by=alice.key)) for _ in range(4)]
        assert answers[:3] == [Done(9)] * 3
        assert (code(answers[3]), answers[3].detail) == (
            ErrorCode.MANIFEST_REFUSED,
            "root must begin a new generation",
        )
        assert alice.puts(alice.owner.generation(alice)) == Done(9)
        assert alice.puts(alice.owner.next(by=alice.key)) == Done(9)

    def test_a_long_history_comes_in_pages(self, town: Town, alice: Gadget) -> None:
        owner = alice.owner
        gadgets = tuple(owner.gadget(f"{number}") for number in range(31))
        for gadget in gadgets:
            object.__setattr__(gadget.listed, "inbox_key", b"k" * 2048)
        alice.puts(owner.generation(alice, *gadgets))
        for _ in range(4):
            assert alice.puts(owner.next(by=alice.key)) == Done(9)
        page = town.stranger().asks(a.FetchManifests(9, alice.account_id, 0))
        assert (len(page.manifests), page.more) == (1, True)
        assert len(history(town, alice.account_id)) == 5

    def test_the_limits_of_the_protocol(self) -> None:
        assert settings.MAX_HISTORY == 1024 * 1024
        assert settings.MANIFESTS.burst == 20


def test_the_limit_of_bad_ones_does_not_touch_others(alice: Gadget, bob: Gadget) -> None:
    bad = a.PutManifest(9, alice.owner.next(by=signer("x")).encode())
    for _ in range(25):
        assert isinstance(alice.asks(bad), Problem)
    assert bob.puts(bob.owner.next(by=bob.key)) == Done(9)
