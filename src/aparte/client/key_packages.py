"""Key packages of this device: made, kept with their secrets, and published, so that others can add it to groups."""

from __future__ import annotations

from typing import Any, Final

from aparte import mls
from aparte.client.lines import Line
from aparte.client.store.api import AccountRow, KeyPackageRow
from aparte.client.work import Work
from aparte.trust import Account, Credential, Genesis, issue_leaf_cert
from aparte.wire import account_frames as a
from aparte.wire.ids import Millis
from aparte.wire.link_frames import Problem

__all__ = ["KeyPackageStock", "make_key_package"]

_DAY: Final = 86_400_000
#: Below the first number new ones are made, up to the second; each is given out once.
_FEW: Final = 20
_ENOUGH: Final = 50
#: To a frame: each has some three kilobytes, and no frame more than 128 KiB.
_AT_ONCE: Final = 25
#: One of last resort is given out when the others are used up, so it has to last.
_GOOD_FOR: Final = 84 * _DAY
_LAST_RESORT_GOOD_FOR: Final = 175 * _DAY
#: Clocks differ: others may be behind by as much.
_SLACK: Final = _DAY
_PUBLISHING: Final = "publishing"


class KeyPackageStock:
    """What the host holds of them, as far as it has said so on this link."""

    def __init__(self) -> None:
        self._held = 0
        self._has_last_resort = False

    def heard(self, held: int, *, has_last_resort: bool) -> None:
        """The host has told."""
        self._held, self._has_last_resort = held, has_last_resort

    def pump(self, work: Work, line: Line, *, row: AccountRow) -> None:
        """Publish what was not, and make new ones when few are left."""
        state = work.session.line(line)
        if state.waiting or work.now < state.not_before.get(_PUBLISHING, 0):
            return
        work.store.key_packages.expire(work.now)
        waiting = work.store.key_packages.unpublished()
        if not waiting:
            if self._held >= _FEW and self._has_last_resort:
                return
            waiting = self._make(work, row)
            work.store.key_packages.add(waiting)
        batch = waiting[:_AT_ONCE]
        packages = tuple(_published(work, each) for each in batch)
        references = [each.reference for each in batch]

        def heard(later: Work, answer: Any) -> None:
            match answer:
                case a.Stock():
                    later.store.key_packages.published(references)
                    self.heard(answer.key_packages, has_last_resort=answer.has_last_resort)
                case Problem():
                    later.session.line(line).not_before[_PUBLISHING] = Millis(later.now + max(60_000, answer.wait))
                case _:
                    later.hang_up(line, "the host answered something else than what it was asked")

        work.request(line, lambda number: a.PutKeyPackages(number, packages), then=heard)

    def _make(self, work: Work, row: AccountRow) -> list[KeyPackageRow]:
        made = [make_key_package(work, row) for _ in range(max(0, _ENOUGH - self._held))]
        if not self._has_last_resort:
            made.insert(0, make_key_package(work, row, is_last_resort=True))
        return made


def make_key_package(work: Work, row: AccountRow, *, is_last_resort: bool = False) -> KeyPackageRow:
    """A new one, with a leaf signature key of its own, certified by this device."""
    suite = work.suite
    account = Account.verified_before(Genesis.decode(row.genesis))
    device, signer = suite.load_signer(row.device_key), suite.generate_signer()
    leaf = issue_leaf_cert(device, account=account, leaf_signature_key=signer.public_key)
    identity = Credential(account.genesis, (), leaf).encode()
    expires = Millis(work.now + (_LAST_RESORT_GOOD_FOR if is_last_resort else _GOOD_FOR))
    secrets = mls.create_key_package(
        suite,
        mls.Credential.basic(identity),
        lifetime=mls.Lifetime((work.now - _SLACK) // 1000, expires // 1000),
        signer=signer,
        last_resort=is_last_resort,
    )
    reference = secrets.key_package.reference(suite)
    return KeyPackageRow(reference, mls.encode_key_package_secrets(secrets), expires, is_last_resort)


def _published(work: Work, row: KeyPackageRow) -> a.OwnKeyPackage:
    secrets = mls.decode_key_package_secrets(row.secrets, work.provider)
    return a.OwnKeyPackage(row.expires, row.is_last_resort, mls.encode_message(secrets.key_package))
