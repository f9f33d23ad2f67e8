"""What answers each request, with which errors, and what the host sends unasked. For tools/frames_reference.py."""

from __future__ import annotations

from collections.abc import Mapping

from aparte.wire import ErrorCode
from aparte.wire import account_frames as a
from aparte.wire import link_frames as link
from aparte.wire import log_frames as log

__all__ = ["ANSWERS", "COMMON", "HTTP_ONLY", "LINK_ONLY", "UNASKED"]

#: What answers a request, and the errors that it may meet besides those of every request.
ANSWERS: Mapping[type, tuple[tuple[type, ...], tuple[ErrorCode, ...]]] = {
    log.Create: (
        (log.Created,),
        (ErrorCode.DISK_FULL, ErrorCode.LOG_EXISTS, ErrorCode.TICKET_REFUSED, ErrorCode.TICKET_SPENT),
    ),
    log.Open: ((log.Opened,), ()),
    log.Read: ((log.Entries,), (ErrorCode.NOT_FOUND, ErrorCode.REFUSED)),
    log.Post: (
        (log.Accepted, log.Stale, log.Busy, link.Done),
        (ErrorCode.DISK_FULL, ErrorCode.NOT_FOUND, ErrorCode.NOT_OPEN),
    ),
    log.Close: ((link.Done,), ()),
    log.FetchEntry: ((log.Fetched,), (ErrorCode.NOT_FOUND, ErrorCode.REFUSED)),
    log.CheckReceipt: ((log.ReceiptChecked,), ()),
    a.LookUpName: ((a.Found,), (ErrorCode.NOT_FOUND, ErrorCode.NAME_REFUSED)),
    a.LookUpAccount: ((a.Found,), (ErrorCode.NOT_FOUND,)),
    a.FetchKeyPackages: (
        (a.KeyPackages,),
        (ErrorCode.NOT_FOUND, ErrorCode.TICKET_REFUSED, ErrorCode.TICKET_SPENT),
    ),
    a.Drop: (
        (link.Done,),
        (
            ErrorCode.DISK_FULL,
            ErrorCode.NOT_FOUND,
            ErrorCode.REFUSED,
            ErrorCode.TICKET_REFUSED,
            ErrorCode.TICKET_SPENT,
            ErrorCode.INBOX_FULL,
        ),
    ),
    a.FetchManifests: ((a.Manifests,), (ErrorCode.NOT_FOUND,)),
    a.SignUp: (
        (a.Proven,),
        (
            ErrorCode.DISK_FULL,
            ErrorCode.REFUSED,
            ErrorCode.WRONG_STATE,
            ErrorCode.ACCOUNT_EXISTS,
            ErrorCode.NAME_TAKEN,
            ErrorCode.NAME_REFUSED,
            ErrorCode.MANIFEST_REFUSED,
            ErrorCode.SIGN_UP_CLOSED,
            ErrorCode.INVITE_REFUSED,
            ErrorCode.SUSPENDED,
        ),
    ),
    a.Prove: (
        (a.Proven,),
        (ErrorCode.NOT_FOUND, ErrorCode.REFUSED, ErrorCode.WRONG_STATE, ErrorCode.SUSPENDED),
    ),
    a.PutManifest: ((link.Done,), (ErrorCode.WRONG_STATE, ErrorCode.MANIFEST_REFUSED)),
    a.PutKeyPackages: (
        (a.Stock,),
        (ErrorCode.DISK_FULL, ErrorCode.REFUSED, ErrorCode.WRONG_STATE, ErrorCode.QUOTA_EXCEEDED),
    ),
    a.FetchInbox: ((a.InboxItems,), (ErrorCode.WRONG_STATE,)),
    a.AckInbox: ((link.Done,), (ErrorCode.WRONG_STATE,)),
    a.SetCapabilities: ((link.Done,), (ErrorCode.REFUSED, ErrorCode.WRONG_STATE)),
    a.GetTickets: ((a.Tickets,), (ErrorCode.REFUSED, ErrorCode.WRONG_STATE, ErrorCode.QUOTA_EXCEEDED)),
    a.TakeName: (
        (link.Done,),
        (ErrorCode.WRONG_STATE, ErrorCode.NAME_TAKEN, ErrorCode.NAME_REFUSED, ErrorCode.QUOTA_EXCEEDED),
    ),
    a.ReleaseName: ((link.Done,), (ErrorCode.WRONG_STATE,)),
    a.DeleteAccount: ((a.DeletionAt,), (ErrorCode.REFUSED, ErrorCode.WRONG_STATE)),
    a.CancelDeletion: ((link.Done,), (ErrorCode.WRONG_STATE,)),
    a.PutRootManifest: (
        (link.Done,),
        (ErrorCode.NOT_FOUND, ErrorCode.MANIFEST_REFUSED, ErrorCode.SUSPENDED),
    ),
}

#: Any request may meet these.
COMMON = tuple(code for code in ErrorCode if code < ErrorCode.NOT_FOUND and code is not ErrorCode.DISK_FULL)

#: What the host sends unasked, and on which links.
UNASKED: Mapping[type, str] = {
    link.Greeting: "any link",
    log.Delivered: "anonymous link",
    log.Passed: "anonymous link",
    log.Lagged: "anonymous link",
    a.InboxArrived: "identity link",
}
HTTP_ONLY = frozenset({log.FetchEntry})
#: What means nothing without a link.
LINK_ONLY = frozenset({log.Open, log.Close})
