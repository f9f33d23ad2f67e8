"""Codes that let somebody sign up. The host keeps only what a code hashes to."""

from __future__ import annotations

import base64
from collections.abc import Callable
from hashlib import sha256
from typing import Final

from aparte.server.opening import day_of
from aparte.server.store import Store, Transaction
from aparte.server.store.accounts import Invite
from aparte.wire.ids import Millis

__all__ = ["hash_code", "make_invite", "make_operator_invite"]

_CODE_LENGTH: Final = 16
#: The operator starts the host, and then signs up. The next start makes another code.
_OPERATOR_DAYS: Final = 30

Rng = Callable[[int], bytes]


def hash_code(code: str) -> bytes:
    """What a store knows a code by. Case, spaces and dashes do not count, so that it can be read out."""
    plain = "".join(char for char in code.upper() if char not in " -")
    return sha256(plain.encode()).digest()


def make_invite(transaction: Transaction, rng: Rng, *, uses: int, expires_day: int, is_operator: bool = False) -> str:
    """A new code, good for so many accounts until the end of that day: 26 letters and digits."""
    code = base64.b32encode(rng(_CODE_LENGTH)).decode().rstrip("=")
    transaction.accounts().directory.add_invite(hash_code(code), Invite(uses, expires_day, is_operator))
    return code


def make_operator_invite(store: Store, rng: Rng, *, now: Millis) -> str | None:
    """The code for the operator's account, in place of an earlier one; None if there is an operator.

    For the start of a host, in a transaction of its own.
    """
    with store.transaction() as transaction:
        directory = transaction.accounts().directory
        if directory.has_operator():
            return None
        directory.forget_operator_invites()
        return make_invite(transaction, rng, uses=1, expires_day=day_of(now) + _OPERATOR_DAYS, is_operator=True)
