"""What is judged before the core sees it: signatures, structures and tickets. It needs no store.

A proof carries the key that it is made with; whether that is a device of the account, the core looks up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import assert_never

from aparte.codec import DecodeError
from aparte.crypto import CryptoError, Suite
from aparte.server.accounts.minting import Minting
from aparte.server.links import Link
from aparte.server.step import Refusal
from aparte.server.tickets import JudgedTicket
from aparte.trust import (
    Account,
    Genesis,
    GenesisRefused,
    Manifest,
    ManifestRefused,
    ManifestRule,
    device_id_of,
    judge_successor,
    verify_genesis,
)
from aparte.wire import ErrorCode
from aparte.wire.account_frames import (
    Drop,
    FetchKeyPackages,
    GetTickets,
    IssuedTicket,
    Prove,
    PutManifest,
    PutRootManifest,
    SignUp,
)
from aparte.wire.ids import AccountId, Lane, TicketKind
from aparte.wire.statements import identity_statement

__all__ = [
    "AccountJudge",
    "JudgedAccountFrame",
    "JudgedDrop",
    "JudgedFetch",
    "JudgedGetTickets",
    "JudgedManifest",
    "JudgedProve",
    "JudgedSignUp",
    "ToJudge",
]

#: The frames that need it.
ToJudge = SignUp | Prove | PutManifest | PutRootManifest | FetchKeyPackages | Drop | GetTickets
#: Judges a ticket for this host. Raises `Refusal`.
JudgeTicket = Callable[[bytes, TicketKind], JudgedTicket]


@dataclass(frozen=True, slots=True)
class JudgedSignUp:
    """A `SignUp` whose genesis makes an account, whose manifest may be its first, and whose device has signed."""

    frame: SignUp
    account: Account


@dataclass(frozen=True, slots=True)
class JudgedProve:
    """A `Prove` that the key in it has signed, on this link at this host."""

    frame: Prove


@dataclass(frozen=True, slots=True)
class JudgedManifest:
    """A manifest that decodes. One of a `PutRootManifest` was signed by the root key of an account of its id."""

    frame: PutManifest | PutRootManifest
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class JudgedFetch:
    """A `FetchKeyPackages` whose ticket was judged."""

    frame: FetchKeyPackages
    ticket: JudgedTicket


@dataclass(frozen=True, slots=True)
class JudgedDrop:
    """A `Drop` whose ticket was judged; None where a capability opens the lane."""

    frame: Drop
    ticket: JudgedTicket | None


@dataclass(frozen=True, slots=True)
class JudgedGetTickets:
    """A `GetTickets` for the name of a host, and the tickets, signed. How many may be had was not looked at."""

    frame: GetTickets
    tickets: tuple[IssuedTicket, ...]


JudgedAccountFrame = JudgedSignUp | JudgedProve | JudgedManifest | JudgedFetch | JudgedDrop | JudgedGetTickets


class AccountJudge:
    """Checks all that needs no store."""

    def __init__(self, host: str, *, suite: Suite, ticket: JudgeTicket, minting: Minting) -> None:
        self._host = host
        self._suite = suite
        self._ticket = ticket
        self._minting = minting

    def judge(self, frame: ToJudge, link: Link) -> JudgedAccountFrame:
        """Raises `Refusal`."""
        match frame:
            case SignUp():
                return self._sign_up(frame, link)
            case Prove():
                self._require_proof(link, frame.account_id, device_key=frame.device_key, signature=frame.signature)
                return JudgedProve(frame)
            case PutManifest():
                return JudgedManifest(frame, _manifest(frame.manifest))
            case PutRootManifest():
                return self._root_manifest(frame)
            case FetchKeyPackages():
                return JudgedFetch(frame, self._ticket(frame.ticket, TicketKind.FETCH_KEY_PACKAGES))
            case Drop():
                is_knock = frame.lane is Lane.REQUEST
                return JudgedDrop(frame, self._ticket(frame.proof, TicketKind.KNOCK) if is_knock else None)
            case GetTickets():
                return self._tickets(frame, link)
            case _:
                assert_never(frame)

    def _sign_up(self, frame: SignUp, link: Link) -> JudgedSignUp:
        try:
            account = verify_genesis(Genesis.decode(frame.genesis), self._suite)
        except (DecodeError, GenesisRefused) as error:
            raise Refusal(ErrorCode.REFUSED, f"not a genesis: {error}") from error
        try:
            judge_successor(None, _manifest(frame.manifest), account=account, suite=self._suite)
        except ManifestRefused as error:
            raise Refusal(ErrorCode.MANIFEST_REFUSED, str(error)) from error
        key = account.first_device_key
        self._require_proof(link, account.account_id, device_key=key, signature=frame.signature)
        return JudgedSignUp(frame, account)

    def _tickets(self, frame: GetTickets, link: Link) -> JudgedGetTickets:
        if link.standing is None:  # who may have none anyway makes nobody sign
            raise Refusal(ErrorCode.WRONG_STATE, "the link has proved no device")
        return JudgedGetTickets(frame, self._minting.tickets(frame))

    def _root_manifest(self, frame: PutRootManifest) -> JudgedManifest:
        manifest = _manifest(frame.manifest)
        try:
            account = Account.verified_before(Genesis.decode(frame.genesis))  # its id will be found, or not
        except DecodeError as error:
            raise Refusal(ErrorCode.MANIFEST_REFUSED, f"not a genesis: {error}") from error
        if manifest.account_id != account.account_id:
            raise Refusal(ErrorCode.MANIFEST_REFUSED, ManifestRule.ACCOUNT.problem)
        if manifest.signer is not None:
            raise Refusal(ErrorCode.MANIFEST_REFUSED, "it is not signed by root")
        try:
            self._suite.verify(account.root_key, manifest.signed_content(), manifest.signature)
        except CryptoError as error:
            raise Refusal(ErrorCode.MANIFEST_REFUSED, ManifestRule.SIGNATURE.problem) from error
        return JudgedManifest(frame, manifest)

    def _require_proof(self, link: Link, account_id: AccountId, *, device_key: bytes, signature: bytes) -> None:
        device_id = device_id_of(device_key)
        statement = identity_statement(self._host, link.nonce, account_id=account_id, device_id=device_id)
        try:
            self._suite.verify(device_key, statement, signature)
        except CryptoError as error:
            raise Refusal(ErrorCode.REFUSED, "the device has not signed for this link") from error


def _manifest(data: bytes) -> Manifest:
    try:
        return Manifest.decode(data)
    except DecodeError as error:
        raise Refusal(ErrorCode.MANIFEST_REFUSED, f"not a manifest: {error}") from error
