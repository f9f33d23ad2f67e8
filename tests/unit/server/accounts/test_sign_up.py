"""Making an account: who may, how often, and what happens when two want the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest

from aparte.server.accounts import SignUpPolicy, make_operator_invite
from aparte.trust import first_manifest
from aparte.wire import ErrorCode
from aparte.wire import account_frames as a
from tests.hosting import HOST, code
from tests.hosting_accounts import DAY, Gadget, Town, signer
from tests.hosting_accounts import town as open_town


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Town]:
    """A host that wants an invitation."""
    with open_town(tmp_path, sign_up=SignUpPolicy.INVITE) as made:
        yield made


def closed(folder: Path) -> AbstractContextManager[Town]:
    return open_town(folder, sign_up=SignUpPolicy.CLOSED)


class TestOpen:
    def test_a_new_account_is_there_and_the_link_is_its_device(self, town: Town) -> None:
        alice = town.person("alice")
        proven = alice.phone.signs_up("Alice")
        assert proven == a.Proven(9, "alice", False, 0, 0, False, 0, alice.manifest.encode())
        found = town.stranger().looks_up("alice")
        assert found == a.Found(9, "alice", alice.account.genesis.encode(), alice.manifest.encode())
        assert alice.phone.inbox().items == ()

    def test_a_name_is_not_needed(self, town: Town) -> None:
        alice = town.person("alice")
        assert alice.phone.signs_up().name == ""
        assert town.stranger().asks(a.LookUpAccount(9, alice.account.account_id)).name == ""

    def test_a_repeat_is_answered_as_the_first(self, town: Town) -> None:
        phone = town.person("alice").phone
        first = phone.signs_up("alice")
        assert phone.signs_up("alice") == first
        phone.calls()
        assert phone.signs_up("alice") == first

    def test_nobody_is_there_before(self, town: Town) -> None:
        phone = town.person("alice").phone
        assert code(phone.inbox()) == ErrorCode.WRONG_STATE
        assert code(town.stranger().looks_up("alice")) == ErrorCode.NOT_FOUND
        assert code(town.stranger().asks(a.LookUpAccount(9, phone.account_id))) == ErrorCode.NOT_FOUND

    def test_an_account_does_not_begin_twice(self, alice: Gadget) -> None:
        owner = alice.owner
        other = first_manifest(alice.key, account=owner.account, inbox_key=b"another inbox key")
        alice.calls()
        assert code(alice.signs_up("alice", manifest=other.encode())) == ErrorCode.ACCOUNT_EXISTS

    def test_a_repeat_long_after_a_new_generation_proves_the_first_device(self, alice: Gadget) -> None:
        first = alice.owner.manifest.encode()
        assert not hasattr(alice.puts(alice.owner.generation(alice)), "code")
        alice.calls()
        assert alice.signs_up("alice", manifest=first).name == "alice"

    def test_a_repeat_when_the_first_device_is_gone(self, alice: Gadget) -> None:
        first = alice.owner.manifest.encode()
        laptop = alice.owner.gadget("laptop")
        alice.puts(alice.owner.generation(laptop))
        alice.calls()
        assert code(alice.signs_up("alice", manifest=first)) == ErrorCode.REFUSED


class TestForgeries:
    def test_a_genesis_that_root_did_not_sign(self, town: Town) -> None:
        alice = town.person("alice")
        forged = replace(alice.account.genesis, root_key=signer("mallory").public_key).encode()
        assert code(alice.phone.signs_up("alice", genesis=forged)) == ErrorCode.REFUSED

    @pytest.mark.parametrize("field", ["genesis", "manifest"])
    def test_what_does_not_decode(self, town: Town, field: str) -> None:
        expected = {"genesis": ErrorCode.REFUSED, "manifest": ErrorCode.MANIFEST_REFUSED}
        assert code(town.person("alice").phone.signs_up("alice", **{field: b"\x01nonsense"})) == expected[field]

    def test_somebody_elses_manifest(self, town: Town) -> None:
        manifest = town.person("bob").manifest.encode()
        assert code(town.person("alice").phone.signs_up(manifest=manifest)) == ErrorCode.MANIFEST_REFUSED

    def test_a_manifest_that_lists_more_than_the_first_device(self, town: Town) -> None:
        alice = town.person("alice")
        more = alice.next(by=alice.phone.key, add=(alice.gadget("laptop"),)).encode()
        assert code(alice.phone.signs_up(manifest=more)) == ErrorCode.MANIFEST_REFUSED

    def test_a_proof_for_another_link_or_host(self, town: Town) -> None:
        phone = town.person("alice").phone
        elsewhere = phone.proof(host="other.example")
        assert code(phone.signs_up(signature=elsewhere)) == ErrorCode.REFUSED
        before = phone.proof()
        phone.calls()
        assert code(phone.signs_up(signature=before)) == ErrorCode.REFUSED
        assert HOST != "other.example"
        assert phone.signs_up(signature=phone.proof()).name == ""

    def test_a_link_is_one_devices(self, town: Town, alice: Gadget) -> None:
        carol = town.person("carol").phone
        carol.line = alice.line
        assert code(carol.signs_up("carol")) == ErrorCode.WRONG_STATE


class TestNames:
    def test_a_taken_name(self, town: Town, alice: Gadget) -> None:
        other = town.person("other").phone
        assert code(other.signs_up("ALICE")) == ErrorCode.NAME_TAKEN
        assert code(other.inbox()) == ErrorCode.WRONG_STATE
        assert code(town.stranger().asks(a.LookUpAccount(9, other.account_id))) == ErrorCode.NOT_FOUND
        assert other.signs_up("alice2").name == "alice2"
        assert alice.proves().name == "alice"

    @pytest.mark.parametrize("name", ["x", "two words", "аdmin", "admin", "a..b"])
    def test_what_is_no_name(self, town: Town, name: str) -> None:
        phone = town.person("alice").phone
        assert code(phone.signs_up(name)) == ErrorCode.NAME_REFUSED

    def test_two_want_one_name_in_one_batch(self, town: Town) -> None:
        phones = [town.person(name).phone for name in ("one", "two")]
        town.accept(*(phone.line.hands(phone.signing_up("Zoë")) for phone in phones))
        first, second = (phone.line.answer() for phone in phones)
        assert first.name == "zoë"
        assert code(second) == ErrorCode.NAME_TAKEN
        assert phones[1].signs_up("zoe").name == "zoe"

    def test_the_account_is_asked_for_in_the_batch_that_makes_it(self, town: Town) -> None:
        phone = town.person("alice").phone
        town.accept(phone.line.hands(phone.signing_up("alice")), phone.line.hands(a.TakeName(9, "alicia")))
        assert [type(answer).__name__ for answer in phone.line.answers] == ["Proven", "Done"]
        assert town.stranger().looks_up("alicia").name == "alicia"


class TestInvited:
    def test_without_an_invitation(self, guarded: Town) -> None:
        phone = guarded.person("alice").phone
        assert code(phone.signs_up("alice")) == ErrorCode.INVITE_REFUSED
        assert code(phone.signs_up("alice", "NOSUCHCODE")) == ErrorCode.INVITE_REFUSED
        assert code(phone.inbox()) == ErrorCode.WRONG_STATE

    def test_with_one(self, guarded: Town) -> None:
        invite = guarded.invite()
        assert guarded.person("alice").phone.signs_up("alice", invite).name == "alice"
        assert code(guarded.person("bob").phone.signs_up("bob", invite)) == ErrorCode.INVITE_REFUSED

    def test_case_spaces_and_dashes_do_not_count(self, guarded: Town) -> None:
        invite = guarded.invite()
        spoken = " ".join((invite[:5].lower(), invite[5:10])) + "-" + invite[10:]
        assert guarded.person("alice").phone.signs_up("alice", spoken).name == "alice"

    def test_it_can_be_good_for_several(self, guarded: Town) -> None:
        invite = guarded.invite(uses=2)
        names = ["alice", "bob", "carol"]
        answers = [guarded.person(name).phone.signs_up(name, invite) for name in names]
        assert [type(answer).__name__ for answer in answers] == ["Proven", "Proven", "Problem"]

    def test_two_use_one_in_one_batch(self, guarded: Town) -> None:
        invite = guarded.invite()
        phones = [guarded.person(name).phone for name in ("one", "two")]
        guarded.accept(*(phone.line.hands(phone.signing_up(invite=invite)) for phone in phones))
        assert isinstance(phones[0].line.answer(), a.Proven)
        assert code(phones[1].line.answer()) == ErrorCode.INVITE_REFUSED

    def test_a_repeat_costs_no_second_one(self, guarded: Town) -> None:
        invite = guarded.invite(uses=2)
        phone = guarded.person("alice").phone
        first = phone.signs_up("alice", invite)
        phone.calls()
        assert phone.signs_up("alice", invite) == first
        assert guarded.person("bob").phone.signs_up("bob", invite).name == "bob"

    def test_a_refusal_costs_none(self, guarded: Town) -> None:
        invite = guarded.invite()
        phone = guarded.person("alice").phone
        assert code(phone.signs_up("admin", invite)) == ErrorCode.NAME_REFUSED
        assert phone.signs_up("alice", invite).name == "alice"

    def test_it_ends(self, guarded: Town) -> None:
        invite = guarded.invite(days=7)
        guarded.passes(7 * DAY)
        assert guarded.person("alice").phone.signs_up("alice", guarded.invite(days=0)).name == "alice"
        guarded.passes(DAY)
        assert code(guarded.person("bob").phone.signs_up("bob", invite)) == ErrorCode.INVITE_REFUSED


class TestClosed:
    def test_nobody_comes_with_or_without_an_invitation(self, tmp_path: Path) -> None:
        with closed(tmp_path) as town:
            for invite in ("", town.invite(), "NOSUCHCODE"):
                assert code(town.person("alice").phone.signs_up("alice", invite)) == ErrorCode.SIGN_UP_CLOSED

    def test_but_the_operator(self, tmp_path: Path) -> None:
        with closed(tmp_path) as town:
            invite = make_operator_invite(town.store, town.fresh_nonce, now=town.now)
            assert invite is not None
            assert town.person("boss").phone.signs_up("admin", invite).is_operator


class TestOperator:
    def test_the_first_invitation_makes_the_operator_who_may_have_any_name(self, guarded: Town) -> None:
        invite = make_operator_invite(guarded.store, guarded.fresh_nonce, now=guarded.now)
        assert invite is not None
        proven = guarded.person("boss").phone.signs_up("admin", invite)
        assert (proven.name, proven.is_operator) == ("admin", True)
        assert make_operator_invite(guarded.store, guarded.fresh_nonce, now=guarded.now) is None

    def test_a_later_one_ends_the_earlier(self, guarded: Town) -> None:
        first, second = (make_operator_invite(guarded.store, guarded.fresh_nonce, now=guarded.now) for _ in "12")
        assert first
        assert second
        assert code(guarded.person("thief").phone.signs_up("admin", first)) == ErrorCode.INVITE_REFUSED
        assert guarded.person("boss").phone.signs_up("admin", second).is_operator
        assert code(guarded.person("thief").phone.signs_up("root", second)) == ErrorCode.INVITE_REFUSED

    def test_an_open_host_has_an_operator_only_by_invitation(self, town: Town) -> None:
        assert not town.person("early").phone.signs_up("early").is_operator
        invite = make_operator_invite(town.store, town.fresh_nonce, now=town.now)
        assert invite
        assert town.person("boss").phone.signs_up("boss", invite).is_operator

    def test_others_do_not_get_a_reserved_name_later(self, town: Town, alice: Gadget) -> None:
        assert code(alice.asks(a.TakeName(9, "admin"))) == ErrorCode.NAME_REFUSED
        invite = make_operator_invite(town.store, town.fresh_nonce, now=town.now)
        boss = town.person("boss").phone
        boss.signs_up("boss", invite or "")
        assert not hasattr(boss.asks(a.TakeName(9, "admin")), "code")
        assert town.stranger().looks_up("admin").name == "admin"
