"""The next manifest of an account: the first that may follow stands, and devices that it leaves out are gone."""

from __future__ import annotations

from typing import assert_never

from aparte.crypto import Suite
from aparte.server.accounts.judging import JudgedManifest
from aparte.server.accounts.paces import JournaledPaces
from aparte.server.accounts.presence import Presence
from aparte.server.accounts.settings import MANIFESTS, MAX_HISTORY
from aparte.server.accounts.turn import Turn
from aparte.server.journal import Journal
from aparte.server.step import Refusal, Send, done
from aparte.server.store.accounts import AccountRef, AccountRow
from aparte.trust import AcceptedManifest, Account, Genesis, Manifest, ManifestRefused, judge_successor
from aparte.wire import ErrorCode
from aparte.wire.account_frames import PutManifest, PutRootManifest
from aparte.wire.limits import MAX_MANIFESTS

__all__ = ["Publishing"]


class Publishing:
    """Takes manifests."""

    def __init__(self, suite: Suite, presence: Presence, *, journal: Journal) -> None:
        self._suite = suite
        self._presence = presence
        # Apart, so that a thief with a device cannot use up what root needs to turn him out.
        self._paces = JournaledPaces[AccountRef](MANIFESTS, journal)
        self._root_paces = JournaledPaces[AccountRef](MANIFESTS, journal)

    def put(self, turn: Turn, judged: JudgedManifest) -> list[Send]:
        """Publish it, or find it published. Raises `Refusal`."""
        row = self._account(turn, judged)
        current = AcceptedManifest(Manifest.decode(turn.store.devices.manifest(row.ref)))
        if judged.manifest != current:
            self._admit(turn, row, judged=judged)
            account = Account.verified_before(Genesis.decode(row.genesis))
            try:
                accepted = judge_successor(current, judged.manifest, account=account, suite=self._suite)
            except ManifestRefused as error:
                raise Refusal(ErrorCode.MANIFEST_REFUSED, str(error)) from error
            self._follow(turn, row, before=current, after=accepted)
        return [done(turn.link, judged.frame.request)]

    def _account(self, turn: Turn, judged: JudgedManifest) -> AccountRow:
        match judged.frame:
            case PutManifest():
                return turn.account()
            case PutRootManifest():
                row = turn.store.directory.find(judged.manifest.account_id)
                if row is None:
                    raise Refusal(ErrorCode.NOT_FOUND, "no such account")
                if row.is_suspended:
                    raise Refusal(ErrorCode.SUSPENDED)
                return row
            case _:
                assert_never(judged.frame)

    def _admit(self, turn: Turn, row: AccountRow, *, judged: JudgedManifest) -> None:
        paces = self._root_paces if isinstance(judged.frame, PutRootManifest) else self._paces
        if wait := paces.admit(row.ref, turn.now):
            raise Refusal(ErrorCode.RATE_LIMITED, "too many manifests", wait=wait)

    def _follow(self, turn: Turn, row: AccountRow, *, before: AcceptedManifest, after: AcceptedManifest) -> None:
        devices, encoded = turn.store.devices, after.encode()
        if after.content.root_gen == before.content.root_gen:
            count, size = devices.manifest_sizes(row.ref)
            if count >= MAX_MANIFESTS or size + len(encoded) > MAX_HISTORY:
                raise Refusal(ErrorCode.MANIFEST_REFUSED, "root must begin a new generation")
            devices.add_manifest(row.ref, encoded, n=after.content.n)
        else:
            devices.begin_generation(row.ref, encoded)
        self._replace_devices(turn, row, after=after)

    def _replace_devices(self, turn: Turn, row: AccountRow, *, after: AcceptedManifest) -> None:
        devices = turn.store.devices
        had, has = devices.listed(row.ref), after.content.by_id()
        for device_id, device in had.items():
            if device_id not in has:
                self._presence.expel(device.ref)
                devices.remove(device.ref)
        for device_id in has:
            if device_id not in had:
                devices.add(row.ref, device_id)
