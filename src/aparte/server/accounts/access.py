"""Signing up, and proving a device: how a link comes to be somebody's."""

from __future__ import annotations

from typing import NamedTuple

from aparte.server.accounts.invites import hash_code
from aparte.server.accounts.judging import JudgedProve, JudgedSignUp
from aparte.server.accounts.naming import free_for
from aparte.server.accounts.presence import Presence
from aparte.server.accounts.settings import DAY, SignUpPolicy
from aparte.server.accounts.turn import Turn
from aparte.server.links import Standing
from aparte.server.room import Room, Shortage
from aparte.server.step import Refusal, Send, answer
from aparte.server.store.accounts import AccountRow
from aparte.trust import Manifest, device_id_of
from aparte.wire import ErrorCode
from aparte.wire.account_frames import Proven, SignUp
from aparte.wire.ids import AccountId, DeviceId, Millis, Request

__all__ = ["Access"]


class _Admission(NamedTuple):
    """By which code somebody comes (none if nobody has to have one), and whether as the operator."""

    code_hash: bytes | None
    is_operator: bool


class Access:
    """Decides who comes in."""

    def __init__(self, policy: SignUpPolicy, presence: Presence, *, room: Room) -> None:
        self._policy = policy
        self._room = room
        self._presence = presence

    def sign_up(self, turn: Turn, judged: JudgedSignUp) -> list[Send]:
        """Make the account, or find it made. Raises `Refusal`."""
        frame, account = judged.frame, judged.account
        directory = turn.store.directory
        _require_unproved(turn, account.first_device_id)
        row = directory.find(account.account_id)
        if row is None:
            self._add(turn, judged)
            row = _required(turn, account.account_id)
        elif not _began_so(turn, row, first=frame.manifest):
            raise Refusal(ErrorCode.ACCOUNT_EXISTS, "it began with another manifest")
        return self._proven(turn, row, device_id=account.first_device_id, request=frame.request)

    def prove(self, turn: Turn, judged: JudgedProve) -> list[Send]:
        """The link is the device's from now on. Raises `Refusal`."""
        frame = judged.frame
        device_id = device_id_of(frame.device_key)
        _require_unproved(turn, device_id)
        row = turn.store.directory.find(frame.account_id)
        if row is None:
            raise Refusal(ErrorCode.NOT_FOUND, "no such account")
        return self._proven(turn, row, device_id=device_id, request=frame.request)

    def _add(self, turn: Turn, judged: JudgedSignUp) -> None:
        frame, account = judged.frame, judged.account
        directory, devices = turn.store.directory, turn.store.devices
        if directory.was_deleted(account.account_id):
            raise Refusal(ErrorCode.ACCOUNT_EXISTS, "it was deleted")
        admission = self._admission(turn, frame)
        self._room.require(Shortage.NEWCOMERS)
        is_operator = admission.is_operator
        name = free_for(turn, frame.name, account=None, is_operator=is_operator) if frame.name else ""
        ref = directory.add(account.account_id, frame.genesis, is_operator=is_operator, day=turn.day)
        devices.add_manifest(ref, frame.manifest, n=0)
        devices.add(ref, account.first_device_id)
        if name:
            directory.give_name(name, ref)
        if admission.code_hash is not None:
            directory.use_invite(admission.code_hash)

    def _admission(self, turn: Turn, frame: SignUp) -> _Admission:
        """Whoever shows a code must show a good one, also where none is asked for."""
        is_closed = self._policy is SignUpPolicy.CLOSED
        if not frame.invite:
            if is_closed:
                raise Refusal(ErrorCode.SIGN_UP_CLOSED)
            if self._policy is SignUpPolicy.INVITE:
                raise Refusal(ErrorCode.INVITE_REFUSED, "an invitation is needed")
            return _Admission(None, is_operator=False)
        code_hash = hash_code(frame.invite)
        invite = turn.store.directory.invite(code_hash)
        is_good = invite is not None and invite.uses_left > 0 and invite.expires_day >= turn.day
        if is_closed and not (invite is not None and invite.is_operator and is_good):
            raise Refusal(ErrorCode.SIGN_UP_CLOSED)
        if invite is None or not is_good:
            raise Refusal(ErrorCode.INVITE_REFUSED)
        return _Admission(code_hash, invite.is_operator)

    def _proven(self, turn: Turn, row: AccountRow, *, device_id: DeviceId, request: Request) -> list[Send]:
        """The device must be among those that the manifest lists: its key gives its id."""
        device = turn.store.devices.find(row.ref, device_id)
        if device is None:
            raise Refusal(ErrorCode.REFUSED, "not a device of the account")
        if row.is_suspended:
            raise Refusal(ErrorCode.SUSPENDED)
        self._presence.join(turn.link, Standing(row.ref, row.account_id, device.ref, device_id))
        stock = turn.store.packages.stock(device.ref, turn.day)
        proven = Proven(
            request=request,
            name=row.name,
            is_operator=row.is_operator,
            deletion_at=Millis(row.deletion_day * DAY),
            key_packages=stock.key_packages,
            has_last_resort=stock.has_last_resort,
            inbox_head=device.inbox_head,
            manifest=turn.store.devices.manifest(row.ref),
        )
        return [answer(turn.link, proven)]


def _require_unproved(turn: Turn, device_id: DeviceId) -> None:
    """A link is one device's; to prove that again does no harm."""
    standing = turn.link.standing
    if standing is not None and standing.device_id != device_id:
        raise Refusal(ErrorCode.WRONG_STATE, "the link has proved another device")


def _required(turn: Turn, account_id: AccountId) -> AccountRow:
    row = turn.store.directory.find(account_id)
    if row is None:
        raise LookupError("the account that was just made is not there")
    return row


def _began_so(turn: Turn, row: AccountRow, *, first: bytes) -> bool:
    """Whether the account's first manifest is this one, as far as the host still knows it."""
    oldest = turn.store.devices.first_manifest(row.ref)
    return oldest == first or Manifest.decode(oldest).content.place != (0, 0)
