"""Frames about accounts: looking them up, dropping into their inboxes (anonymous), and keeping one's own (identity)."""

from __future__ import annotations

from typing import Annotated

from aparte.wire import fields as f
from aparte.wire.frames import frame
from aparte.wire.layout import U32, ListOf, Text, Vector, structure
from aparte.wire.limits import (
    MAX_CAPABILITIES,
    MAX_GENESIS,
    MAX_HOST_NAME,
    MAX_INBOX_ITEM,
    MAX_KEY_PACKAGE,
    MAX_KEY_PACKAGES,
    MAX_MANIFEST,
    MAX_MANIFESTS,
    MAX_NAME,
    MAX_PROOF,
    MAX_TICKET,
    MAX_TICKETS,
)

__all__ = [
    "AckInbox",
    "CancelDeletion",
    "CapabilityHash",
    "DeleteAccount",
    "DeletionAt",
    "DeviceKeyPackage",
    "Drop",
    "FetchInbox",
    "FetchKeyPackages",
    "FetchManifests",
    "Found",
    "GetTickets",
    "InboxArrived",
    "InboxItem",
    "InboxItems",
    "IssuedTicket",
    "KeyPackages",
    "LookUpAccount",
    "LookUpName",
    "Manifests",
    "OwnKeyPackage",
    "Prove",
    "Proven",
    "PutKeyPackages",
    "PutManifest",
    "PutRootManifest",
    "ReleaseName",
    "SetCapabilities",
    "SignUp",
    "SignedManifest",
    "Stock",
    "TakeName",
    "Tickets",
]

# ------------------------------------------------------------------------------------------ anonymous


@frame(0x10)
class LookUpName:
    """Who has this name here? Exact match, after the name's normal form."""

    request: f.Request
    name: Annotated[str, Text(MAX_NAME)]


@frame(0x11)
class LookUpAccount:
    """What does the host have of this account?"""

    request: f.Request
    account_id: f.AccountId


@frame(0xA0)
class Found:
    """An account: its genesis and its current manifest, both as they were signed. `name` may be empty."""

    request: f.Request
    name: Annotated[str, Text(MAX_NAME)]
    genesis: Annotated[bytes, Vector(MAX_GENESIS)]
    manifest: Annotated[bytes, Vector(MAX_MANIFEST)]


@frame(0x12)
class FetchKeyPackages:
    """One key package of each device of an account. Costs a ticket."""

    request: f.Request
    account_id: f.AccountId
    ticket: Annotated[bytes, Vector(MAX_TICKET)]


@structure
class DeviceKeyPackage:
    """A key package as its device published it. One of last resort may have been given to others, too."""

    device_id: f.DeviceId
    last_resort: f.Flag
    key_package: Annotated[bytes, Vector(MAX_KEY_PACKAGE)]


@frame(0xA1)
class KeyPackages:
    """Answers `FetchKeyPackages`; devices without any are missing."""

    request: f.Request
    packages: Annotated[tuple[DeviceKeyPackage, ...], ListOf(DeviceKeyPackage, 32)]


@frame(0x13)
class Drop:
    """Put a sealed item into a device's inbox. A repeat of `item_id` is answered as the first was.

    `proof` is a capability in the lanes CONTACT and INVITE, a ticket in the lane REQUEST.
    """

    request: f.Request
    account_id: f.AccountId
    device_id: f.DeviceId
    lane: f.Lane
    item_id: f.Idem
    proof: Annotated[bytes, Vector(MAX_PROOF)]
    item: Annotated[bytes, Vector(MAX_INBOX_ITEM)]


@frame(0x14)
class FetchManifests:
    """The manifests of an account since its current generation began: those with this `n` or a higher one, in order.

    A stranger needs them: what a device signed proves nothing without the manifest before it.
    """

    request: f.Request
    account_id: f.AccountId
    from_n: Annotated[int, U32]


@structure
class SignedManifest:
    """A manifest as it was signed."""

    manifest: Annotated[bytes, Vector(MAX_MANIFEST)]


@frame(0xA2)
class Manifests:
    """Answers `FetchManifests`. `more` says that further ones follow the last of these."""

    request: f.Request
    more: f.Flag
    manifests: Annotated[tuple[SignedManifest, ...], ListOf(SignedManifest, MAX_MANIFESTS)]


# ------------------------------------------------------------------------------------------- identity


@frame(0x20)
class SignUp:
    """Make an account here, with its first device, and prove that device. `invite` may be empty.

    `signature` is the first device key's over `identity_statement`. A repeat for the same account proves only.
    """

    request: f.Request
    name: Annotated[str, Text(MAX_NAME)]
    invite: Annotated[str, Text(MAX_NAME)]
    genesis: Annotated[bytes, Vector(MAX_GENESIS)]
    manifest: Annotated[bytes, Vector(MAX_MANIFEST)]
    signature: f.Signature


@frame(0x21)
class Prove:
    """Show that this link is the device's: its key signs `identity_statement`. The device's id follows from its key."""

    request: f.Request
    account_id: f.AccountId
    device_key: f.PublicKey
    signature: f.Signature


@frame(0xB0)
class Proven:
    """The link is this device's from now on. `deletion_at` is 0 unless the account is to be deleted then."""

    request: f.Request
    name: Annotated[str, Text(MAX_NAME)]
    is_operator: f.Flag
    deletion_at: f.Millis
    key_packages: f.Count
    has_last_resort: f.Flag
    inbox_head: f.InboxSeq
    manifest: Annotated[bytes, Vector(MAX_MANIFEST)]


@frame(0x22)
class PutManifest:
    """Publish the account's next manifest. The first to follow the current one stands; a repeat is fine."""

    request: f.Request
    manifest: Annotated[bytes, Vector(MAX_MANIFEST)]


@structure
class OwnKeyPackage:
    """A key package to be given out once, or any number of times if of last resort; until it expires."""

    expires: f.Millis
    last_resort: f.Flag
    key_package: Annotated[bytes, Vector(MAX_KEY_PACKAGE)]


@frame(0x23)
class PutKeyPackages:
    """Add to this device's stock. A new one of last resort replaces the old."""

    request: f.Request
    packages: Annotated[tuple[OwnKeyPackage, ...], ListOf(OwnKeyPackage, MAX_KEY_PACKAGES)]


@frame(0xB1)
class Stock:
    """How many key packages this device has here now."""

    request: f.Request
    key_packages: f.Count
    has_last_resort: f.Flag


@frame(0x24)
class FetchInbox:
    """Items of this device's inbox after `after`, oldest first."""

    request: f.Request
    after: f.InboxSeq


@structure
class InboxItem:
    """A sealed item, its lane and the day it came (midnight, UTC)."""

    seq: f.InboxSeq
    lane: f.Lane
    day: f.Millis
    item: Annotated[bytes, Vector(MAX_INBOX_ITEM)]


@frame(0xB2)
class InboxItems:
    """Answers `FetchInbox`."""

    request: f.Request
    more: f.Flag
    items: Annotated[tuple[InboxItem, ...], ListOf(InboxItem, 64)]


@frame(0xB3)
class InboxArrived:
    """The inbox has items up to `head`."""

    head: f.InboxSeq


@frame(0x25)
class AckInbox:
    """Forget the items up to `up_to`: they are on this device's disk."""

    request: f.Request
    up_to: f.InboxSeq


@structure
class CapabilityHash:
    """SHA-256 of a capability that opens a lane."""

    hash: f.Hash


@frame(0x26)
class SetCapabilities:
    """Replace the capabilities that open a lane (CONTACT or INVITE) of all of the account's inboxes."""

    request: f.Request
    lane: f.Lane
    hashes: Annotated[tuple[CapabilityHash, ...], ListOf(CapabilityHash, MAX_CAPABILITIES)]


@frame(0x27)
class GetTickets:
    """Tickets for a host, out of what the account may have today."""

    request: f.Request
    acceptor: Annotated[str, Text(MAX_HOST_NAME)]
    kind: f.TicketKind
    count: f.Count


@structure
class IssuedTicket:
    """An encoded `Ticket`."""

    ticket: Annotated[bytes, Vector(MAX_TICKET)]


@frame(0xB4)
class Tickets:
    """Answers `GetTickets`, perhaps with fewer; `left` is what the account may still have today."""

    request: f.Request
    left: f.Count
    tickets: Annotated[tuple[IssuedTicket, ...], ListOf(IssuedTicket, MAX_TICKETS)]


@frame(0x28)
class TakeName:
    """Take a name; a former one is released."""

    request: f.Request
    name: Annotated[str, Text(MAX_NAME)]


@frame(0x29)
class ReleaseName:
    """Have no name any more. It rests before anybody else may take it."""

    request: f.Request


@frame(0x2A)
class DeleteAccount:
    """Delete the account: at once if the root key signs `deletion_statement`, else (empty) after seven days."""

    request: f.Request
    root_signature: Annotated[bytes, Vector(64)]


@frame(0xB5)
class DeletionAt:
    """When the account will be deleted, or was."""

    request: f.Request
    at: f.Millis


@frame(0x2B)
class CancelDeletion:
    """Keep the account after all. Any device may ask."""

    request: f.Request


@frame(0x2C)
class PutRootManifest:
    """As `PutManifest`, for a manifest that root has signed: the link need not have proved any device.

    So an account whose devices were all lost, or revoked by a thief, is its owner's again.
    """

    request: f.Request
    genesis: Annotated[bytes, Vector(MAX_GENESIS)]
    manifest: Annotated[bytes, Vector(MAX_MANIFEST)]
