"""Which frames a client may send on which link. Over HTTP, one frame a request, goes what the anonymous link takes."""

from __future__ import annotations

from typing import Final, get_args

from aparte.wire import account_frames as a
from aparte.wire import log_frames as log

__all__ = ["ANONYMOUS_FRAMES", "IDENTITY_FRAMES", "AnonymousFrame", "IdentityFrame"]

AnonymousFrame = (
    log.Create
    | log.Open
    | log.Read
    | log.Post
    | log.Close
    | log.FetchEntry
    | log.CheckReceipt
    | a.LookUpName
    | a.LookUpAccount
    | a.FetchKeyPackages
    | a.Drop
    | a.FetchManifests
)

IdentityFrame = (
    a.SignUp
    | a.Prove
    | a.PutManifest
    | a.PutKeyPackages
    | a.FetchInbox
    | a.AckInbox
    | a.SetCapabilities
    | a.GetTickets
    | a.TakeName
    | a.ReleaseName
    | a.DeleteAccount
    | a.CancelDeletion
    | a.PutRootManifest
)

ANONYMOUS_FRAMES: Final = frozenset[type](get_args(AnonymousFrame))
IDENTITY_FRAMES: Final = frozenset[type](get_args(IdentityFrame))
