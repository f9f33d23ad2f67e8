"""The libraries that the engine is tried against. Everything below was measured (test_peers_alone, test_peer_faults).

    with TsMlsPeer() as peer:                               # MlsRsPeer() needs no `with`
        bob = peer.client(0x0053, b"bob")
        group = bob.join(welcome_from_the_engine)           # whole MLSMessage bytes everywhere
        group.process(engine.commit)
        made = group.commit([Add(key_package)], public=False)

|                                   | mls-rs 0.55 (UniFFI 0.1.1)             | ts-mls 1.6.4                          |
|-----------------------------------|----------------------------------------|---------------------------------------|
| suites                            | 1                                      | 1–7, ML-KEM, X-Wing: its own numbers  |
| own handshakes                    | PublicMessage                          | both (external ones public)           |
| processes handshakes              | both                                   | both                                  |
| add, remove                       | by value (one kind at a time), proposed| by value and proposed, together       |
| update, GroupContextExtensions    | processes, commits by reference        | update proposed; extensions: below    |
| PSK                               | processes resumption                   | external and resumption               |
| external commit, resync           | processes                              | makes and processes                   |
| external proposals                | Unsupported: would panic               | Add of oneself; external_senders: below |
| branch, reinit                    | processes ReInit                       | makes and joins, other suites too     |
| commit kept pending, dropped      | yes, yes (by reloading)                | yes, yes                              |
| tree                              | in the Welcome, or beside by client    | in the Welcome, or beside by commit   |
| exporter                          | yes, the context hashed                | yes, the context hashed               |
| epoch, authenticator, members     | Unsupported                            | `facts()`                             |
| authenticated data                | Unsupported                            | yes                                   |

**mls-rs.** Adds alone are committed without a path; an empty commit has one. Its key packages: suites 1–7, basic
credentials, no extensions or proposals, valid for 365 days from now, no GREASE. It ignores GREASE. It refuses, in
adding, joining and receiving: capabilities that list a type of RFC 9420 itself ("Default value listed"), a leaf with
application_id ("capabilities must describe extensions used": so none is possible), two members of one identity. It
judges a lifetime only when it commits. Invalid proposals by reference are silently left out of its commits, but two
Updates of one leaf are both committed, which nobody may accept. While proposals are pending it sends no messages; with
a commit pending it does, but makes no second one. Own messages are errors; another's commit drops the pending one.
Members are removed by identity, whatever their key. 1,024 generations ahead; three past epochs once stored (`fork`,
`merge=False`). After ReInit it would go on sending.

**ts-mls.** Adds, PSKs, ReInit alone are committed without a path; an empty commit has one. Its key packages: all of
its suites, basic and x509, lifetime from 0 to 2^63-1, GREASE as `client(grease=...)` says; it ignores GREASE. It judges
a lifetime only when it commits. While proposals are pending it sends no messages. It knows clients by signature key,
not by identity, and does not tell an application message's sender. Faults, to be stepped around:
- It refuses to join (Welcome, external commit) many valid trees with unmerged leaves: "non-blank intermediate node
  must list leaf node in its unmerged_leaves". `TsMlsPeer(mended=True)` repairs that line on loading.
- external_pub holds the bare key, where RFC 9420 §12.4.3.2 has a vector: mended as well.
- Its commit of GroupContextExtensions has no path, which RFC 9420 §12.4 demands; with a Remove or Update beside, the
  path is encrypted to the old extensions. So let it *propose* them and the other side commit. It cannot follow a
  commit that empties the extensions, and does not refuse extensions that members do not support.
- external_senders is read as one sender, not as a vector: RFC encodings are "Could not decode external_senders".
- Removed by a commit whose Add refills its leaf, it fails ("No overlap between ...") instead of seeing the removal;
  and a removed member does not check the confirmation tag.
- Once the left half of the tree is empty its commit secret is not that of mls-rs and of the engine, which agree.
- A Welcome with a resumption PSK wants `resuming`, whatever the usage; branch and reinit put no tree into the Welcome.
- 200 generations ahead, 10 skipped ones kept, 4 past epochs; a resync without a former leaf loops (refused here).
- Custom proposals are skipped, and read as a vector<V>: a SelfRemove, whose body is empty, cannot be read.
- ECDSA keys come compressed from its keygen; this driver gives it the uncompressed form that RFC 9420 §5.1.1 wants.
Updates are made by this driver with ts-mls's parts (tsmls/updates.mjs). X-Wing: 0x0053 with AES-256-GCM, 0x0054 with
ChaCha20-Poly1305; KEM 0x647A, HKDF-SHA512 in HPKE and in MLS (Nh 64), SHA-512, Ed25519; a private key is the 32-byte
seed and DeriveKeyPair(ikm) takes SHAKE256(ikm, 32 bytes) as the seed, without labels.
"""

from tests.interop.node_process import why_absent
from tests.interop.peer_api import (
    Activity,
    Add,
    Committed,
    CustomProposal,
    Extension,
    ExternalPsk,
    Grease,
    GroupContextExtensions,
    GroupFacts,
    Member,
    Peer,
    PeerClient,
    PeerError,
    PeerGoneError,
    PeerGroup,
    PendingProposal,
    ProposalSpec,
    Proposed,
    Received,
    ReInit,
    Remove,
    ResumptionPsk,
    SeenProposal,
    Started,
    Unsupported,
    Update,
)
from tests.interop.peer_mlsrs import MlsRsClient, MlsRsGroup, MlsRsPeer
from tests.interop.peer_tsmls import TsMlsClient, TsMlsGroup, TsMlsPeer

__all__ = [
    "Activity",
    "Add",
    "Committed",
    "CustomProposal",
    "Extension",
    "ExternalPsk",
    "Grease",
    "GroupContextExtensions",
    "GroupFacts",
    "Member",
    "MlsRsClient",
    "MlsRsGroup",
    "MlsRsPeer",
    "Peer",
    "PeerClient",
    "PeerError",
    "PeerGoneError",
    "PeerGroup",
    "PendingProposal",
    "ProposalSpec",
    "Proposed",
    "ReInit",
    "Received",
    "Remove",
    "ResumptionPsk",
    "SeenProposal",
    "Started",
    "TsMlsClient",
    "TsMlsGroup",
    "TsMlsPeer",
    "Unsupported",
    "Update",
    "why_absent",
]
