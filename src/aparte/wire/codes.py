"""Why a request failed: one number, once and for all, and what a client can do about it."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["ErrorCode"]


class ErrorCode(IntEnum):
    """`Problem.code`. A number is never used for anything else; a client treats unknown ones as INTERNAL."""

    #: The bytes are not a frame. The host closes the link.
    MALFORMED = 1
    #: No frame has this number, or this link does not take it.
    UNEXPECTED = 2
    #: A limit of the protocol is exceeded.
    TOO_LARGE = 3
    #: Too much in too short a time; `wait` says how long.
    RATE_LIMITED = 4
    #: The host cannot write now, and nothing was changed. Try again after `wait`.
    UNAVAILABLE = 5
    #: The disk is nearly full; posts go on longest.
    DISK_FULL = 6
    #: A fault of the host's own.
    INTERNAL = 7
    #: The host is about to stop. Reconnect after `wait`.
    STOPPING = 8
    #: The host knows no such log, node, account or device.
    NOT_FOUND = 16
    #: A signature, pass, capability or password does not fit.
    REFUSED = 17
    #: The link has not opened this node.
    NOT_OPEN = 18
    #: A log of this id exists, with another key.
    LOG_EXISTS = 19
    #: The ticket is not this host's to accept: wrong host, kind, signature or day.
    TICKET_REFUSED = 20
    #: The ticket was used before.
    TICKET_SPENT = 21
    #: The inbox, or its lane, holds as much as it may.
    INBOX_FULL = 22
    #: The link has proved no device yet, or has proved one already.
    WRONG_STATE = 23
    #: The account exists already, with other beginnings; or it was deleted less than 180 days ago.
    ACCOUNT_EXISTS = 32
    #: Somebody has this name, or had it until recently.
    NAME_TAKEN = 33
    #: Not a name: `detail` says why.
    NAME_REFUSED = 34
    #: The manifest does not follow the one that the host has: `detail` says why.
    MANIFEST_REFUSED = 35
    #: No new accounts here.
    SIGN_UP_CLOSED = 36
    #: The invitation is unknown, used up or out of date.
    INVITE_REFUSED = 37
    #: The account is suspended by the operator.
    SUSPENDED = 38
    #: The account has used up what it may have today.
    QUOTA_EXCEEDED = 39
