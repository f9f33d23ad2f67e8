"""Named limits of the protocol. Whoever exceeds one is refused; a host may set some of them lower and says so."""

from __future__ import annotations

from typing import Final

__all__ = [
    "MAX_BODY",
    "MAX_CAPABILITIES",
    "MAX_COMMIT",
    "MAX_DETAIL",
    "MAX_ENTRIES_PAGE",
    "MAX_EPHEMERAL",
    "MAX_FRAME",
    "MAX_GENESIS",
    "MAX_HOST_NAME",
    "MAX_INBOX_ITEM",
    "MAX_INBOX_PAGE",
    "MAX_KEY_PACKAGE",
    "MAX_KEY_PACKAGES",
    "MAX_MANIFEST",
    "MAX_MANIFESTS",
    "MAX_MANIFESTS_PAGE",
    "MAX_NAME",
    "MAX_OPEN_ITEMS",
    "MAX_PROOF",
    "MAX_RETENTION_DAYS",
    "MAX_TICKET",
    "MAX_TICKETS",
    "PASS_DAYS",
]

#: Bytes of a message's body, sealed and padded. What is larger goes out of live delivery, too.
MAX_BODY: Final = 64 * 1024
#: Bytes of an ephemeral body, which goes to everybody who is there.
MAX_EPHEMERAL: Final = 4 * 1024
#: Bytes of a commit's body. Ten times what a path for 1,000 members takes with X-Wing.
MAX_COMMIT: Final = 8 * 1024 * 1024
#: Bytes of one WebSocket message from a client: 512 signed openings, or 40 key packages.
MAX_FRAME: Final = 128 * 1024
#: Bytes of entries in one answer to `Read`; a single longer entry comes alone.
MAX_ENTRIES_PAGE: Final = 256 * 1024
MAX_OPEN_ITEMS: Final = 512
#: Days that a message may stay; commits and stubs stay 180.
MAX_RETENTION_DAYS: Final = 90
#: A pass opens its node until the end of this many days from today.
PASS_DAYS: Final = 7
#: A Welcome with its own secrets only, and the addresses beside it.
MAX_INBOX_ITEM: Final = 16 * 1024
#: Bytes of items in one answer to `FetchInbox`.
MAX_INBOX_PAGE: Final = 96 * 1024
#: X-Wing key packages have 2.7 KB; credentials with eight certificates stay below this.
MAX_KEY_PACKAGE: Final = 8 * 1024
MAX_KEY_PACKAGES: Final = 40
MAX_GENESIS: Final = 1024
#: 32 devices with X-Wing inbox keys and 256 revoked ones.
MAX_MANIFEST: Final = 64 * 1024
#: Manifests of one generation of an account; after that root begins another.
MAX_MANIFESTS: Final = 256
#: Bytes of manifests in one answer; a longer one comes alone.
MAX_MANIFESTS_PAGE: Final = 96 * 1024
MAX_NAME: Final = 64
#: RFC 1035 §2.3.4, and a port.
MAX_HOST_NAME: Final = 261
MAX_TICKET: Final = 1024
MAX_TICKETS: Final = 64
#: A capability or a ticket.
MAX_PROOF: Final = MAX_TICKET
MAX_CAPABILITIES: Final = 256
#: Bytes of the words that go with an error.
MAX_DETAIL: Final = 200
