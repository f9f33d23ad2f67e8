"""The account and its device: made, proved to the host on each identity link, and stocked with key packages."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from aparte.client.commands import CommandRefused, ConfirmPhrase, SignUp
from aparte.client.inbox import inbox_arrived
from aparte.client.key_packages import KeyPackageStock
from aparte.client.lines import Line, LineKind
from aparte.client.session import LineState
from aparte.client.store.api import AccountRow, AccountState
from aparte.client.work import Work
from aparte.crypto import Signer
from aparte.trust import (
    Account,
    AddressRefused,
    Genesis,
    NameRefused,
    create_genesis,
    device_id_of,
    first_manifest,
    new_phrase,
    normalize_host,
    normalize_name,
    root_from_phrase,
)
from aparte.wire import ErrorCode
from aparte.wire import account_frames as a
from aparte.wire.ids import Millis, Request
from aparte.wire.link_frames import Problem
from aparte.wire.statements import identity_statement

__all__ = ["Registration"]

_NONCE_LENGTH: Final = 32
_PROVING: Final = "proving"

#: What the host says no to for good: its owner has to say something else.
_FINAL: Final = frozenset(
    {
        ErrorCode.ACCOUNT_EXISTS,
        ErrorCode.NAME_TAKEN,
        ErrorCode.NAME_REFUSED,
        ErrorCode.MANIFEST_REFUSED,
        ErrorCode.SIGN_UP_CLOSED,
        ErrorCode.INVITE_REFUSED,
        ErrorCode.REFUSED,
    }
)


class Registration:
    """Of the identity link and the account."""

    def __init__(self) -> None:
        self._stock = KeyPackageStock()

    def sign_up(self, work: Work, command: SignUp) -> None:
        """Raises `CommandRefused`."""
        try:
            name, host = normalize_name(command.name), normalize_host(command.host)
        except (NameRefused, AddressRefused) as error:
            raise CommandRefused(error.rule.problem) from error
        row = work.store.accounts.get()
        if row is not None and row.state is not AccountState.REFUSED:
            raise CommandRefused(f"this store already has an account: {row.name}@{row.host}")
        row = _new_account(work) if row is None else replace(row, refused=None, detail="")
        work.keep_account(replace(row, state=AccountState.SIGNING_UP, name=name, host=host, invite=command.invite))

    def confirm_phrase(self, work: Work, _: ConfirmPhrase) -> None:
        """Raises `CommandRefused`."""
        row = work.store.accounts.get()
        if row is None:
            raise CommandRefused("there is no account yet")
        work.keep_account(replace(row, phrase=None))

    def pump(self, work: Work) -> Line | None:
        """Do what is to be done now, and was not begun. The identity link, if the host knows this device on it."""
        row = work.store.accounts.get()
        if row is None or row.state is AccountState.REFUSED:
            return None
        line = Line(row.host, LineKind.IDENTITY)
        state = work.keep_up(line)
        if not state.is_ready:
            return None
        if state.is_proven:
            self._stock.pump(work, line, row=row)
            return line
        if not state.waiting and work.now >= state.not_before.get(_PROVING, 0):
            self._prove(work, line, row=row)
        return None

    def _prove(self, work: Work, line: Line, *, row: AccountRow) -> None:
        greeting = work.greeting(line)
        device = work.suite.load_signer(row.device_key)
        device_id = device_id_of(device.public_key)
        statement = identity_statement(greeting.host, greeting.nonce, account_id=row.account_id, device_id=device_id)
        signature = device.sign(statement)

        def frame(number: Request) -> object:
            if row.state is AccountState.SIGNING_UP:
                return a.SignUp(number, row.name, row.invite, row.genesis, row.manifest, signature)
            return a.Prove(number, row.account_id, device.public_key, signature)

        work.request(line, frame, then=self._proven)

    def _proven(self, work: Work, answer: Any) -> None:
        row = work.store.accounts.get()
        if row is None:
            return
        line = Line(row.host, LineKind.IDENTITY)
        state = work.session.line(line)
        match answer:
            case a.Proven():
                state.is_proven, state.failures = True, 0
                inbox_arrived(work, answer.inbox_head)
                self._stock.heard(answer.key_packages, has_last_resort=answer.has_last_resort)
                work.keep_account(
                    replace(row, state=AccountState.READY, name=answer.name, invite="", is_operator=answer.is_operator),
                )
            case Problem():
                self._refused(work, state, row=row, problem=answer)
            case _:
                work.hang_up(line, "the host answered something else than what it was asked")

    def _refused(self, work: Work, state: LineState, *, row: AccountRow, problem: Problem) -> None:
        code = _code(problem)
        if row.state is AccountState.SIGNING_UP and code in _FINAL:
            work.keep_account(replace(row, state=AccountState.REFUSED, refused=code, detail=problem.detail))
            work.let_go(Line(row.host, LineKind.IDENTITY))
        elif problem.wait:
            state.not_before[_PROVING] = Millis(work.now + problem.wait)
        else:
            work.hang_up(Line(row.host, LineKind.IDENTITY), f"the host refuses this device: {problem.detail}")


def _new_account(work: Work) -> AccountRow:
    suite = work.suite
    phrase, device, inbox = new_phrase(suite.random), suite.generate_signer(), suite.generate_kem_key()
    root: Signer = root_from_phrase(phrase, suite)
    account: Account = create_genesis(root, device, nonce=suite.random(_NONCE_LENGTH))
    manifest = first_manifest(device, account=account, inbox_key=inbox.public_key)
    genesis: Genesis = account.genesis
    return AccountRow(
        account_id=account.account_id,
        host="",
        name="",
        state=AccountState.SIGNING_UP,
        genesis=genesis.encode(),
        manifest=manifest.encode(),
        device_key=device.private_key,
        inbox_key=inbox.private_key,
        phrase=phrase.entropy,
    )


def _code(problem: Problem) -> ErrorCode:
    try:
        return ErrorCode(problem.code)
    except ValueError:
        return ErrorCode.INTERNAL
