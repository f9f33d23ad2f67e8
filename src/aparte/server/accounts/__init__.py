"""Accounts at the host: who may come, whose a link is, and what others leave for them.

Decided by the core like everything else, in its transactions. Signatures and tickets are judged before (`judging`),
what only reads is answered elsewhere (`reads`).
"""

from aparte.server.accounts.accounts import AccountFrame, Accounts, BareAccountFrame
from aparte.server.accounts.invites import make_invite, make_operator_invite
from aparte.server.accounts.judging import AccountJudge, JudgedAccountFrame, ToJudge
from aparte.server.accounts.minting import Minting
from aparte.server.accounts.presence import Presence
from aparte.server.accounts.reads import AccountQuestion, answer_question
from aparte.server.accounts.settings import REST_DAYS, AccountSettings, SignUpPolicy, TicketPolicy, horizon

__all__ = [
    "REST_DAYS",
    "AccountFrame",
    "AccountJudge",
    "AccountQuestion",
    "AccountSettings",
    "Accounts",
    "BareAccountFrame",
    "JudgedAccountFrame",
    "Minting",
    "Presence",
    "SignUpPolicy",
    "TicketPolicy",
    "ToJudge",
    "answer_question",
    "horizon",
    "make_invite",
    "make_operator_invite",
]
