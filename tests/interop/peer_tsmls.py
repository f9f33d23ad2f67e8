"""ts-mls in a Node process (tsmls_peer.mjs)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from tests.interop.node_process import NodeProcess
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
    PeerClient,
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

ACTIVITIES: dict[str, Activity] = {
    "active": "active",
    "suspendedPendingReinit": "reinit",
    "removedFromGroup": "removed",
}


class TsMlsPeer:
    """The library, in a process that is started at once; stop it, or use it in a `with`. `mended` repairs the
    one fault that keeps it out of valid groups (tsmls/mend.mjs)."""

    name = "ts-mls"

    def __init__(self, *, mended: bool = False) -> None:
        self._node = NodeProcess(mended=mended)
        self.call = self._node.call
        hello = self.call("hello")
        self.library: str = hello["library"]
        self.suite_names: dict[int, str] = {number: name for name, number in hello["suites"].items()}
        self.suites = frozenset(self.suite_names)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._node.stop()

    def client(
        self,
        suite: int,
        identity: bytes,
        *,
        grease: Grease = "none",
        extensions: Sequence[int] = (),
        proposals: Sequence[int] = (),
        credentials: Sequence[int] = (1, 2),
        padding: int = 256,
    ) -> TsMlsClient:
        """Capabilities: ts-mls's own list of suites, with `grease` and whatever else is named; `padding` is
        the length up to which it pads what it encrypts."""
        if suite not in self.suites:
            raise Unsupported(f"ts-mls: no cipher suite {suite:#06x}")
        capabilities = {
            "grease": grease,
            "extensions": list(extensions),
            "proposals": list(proposals),
            "credentials": list(credentials),
        }
        made = self.call("client.new", suite=suite, identity=identity.hex(), capabilities=capabilities, padding=padding)
        return TsMlsClient(self, made["client"], suite, identity, bytes.fromhex(made["signature_key"]))


class TsMlsClient:
    def __init__(self, peer: TsMlsPeer, handle: int, suite: int, identity: bytes, signature_key: bytes) -> None:
        self.peer = peer
        self.handle = handle
        self.suite = suite
        self.identity = identity
        self.signature_key = signature_key

    def key_package(
        self,
        *,
        lifetime: tuple[int, int] | None = None,
        extensions: Sequence[Extension] = (),
        leaf_extensions: Sequence[Extension] = (),
    ) -> bytes:
        made = self._call(
            "client.key_package",
            lifetime=None if lifetime is None else [str(second) for second in lifetime],
            extensions=_pairs(extensions),
            leaf_extensions=_pairs(leaf_extensions),
        )
        return bytes.fromhex(made["key_package"])

    def add_psk(self, psk_id: bytes, secret: bytes) -> None:
        self._call("client.add_psk", id=psk_id.hex(), secret=secret.hex())

    def drop_psk(self, psk_id: bytes) -> None:
        self._call("client.drop_psk", id=psk_id.hex())

    def create_group(self, group_id: bytes, extensions: Sequence[Extension] = ()) -> TsMlsGroup:
        made = self._call("group.create", group_id=group_id.hex(), extensions=_pairs(extensions))
        return TsMlsGroup(self, made["group"])

    def join(self, welcome: bytes, *, tree: bytes | None = None, resuming: PeerGroup | None = None) -> TsMlsGroup:
        old = None if resuming is None else _own(resuming).handle
        made = self._call("group.join", welcome=welcome.hex(), tree=_hex(tree), resuming=old)
        return TsMlsGroup(self, made["group"])

    def join_external(
        self, group_info: bytes, *, tree: bytes | None = None, resync: bool = False, aad: bytes = b""
    ) -> tuple[TsMlsGroup, bytes]:
        made = self._call(
            "group.join_external", group_info=group_info.hex(), tree=_hex(tree), resync=resync, aad=aad.hex()
        )
        return TsMlsGroup(self, made["group"]), bytes.fromhex(made["commit"])

    def propose_self(self, group_info: bytes, *, aad: bytes = b"") -> bytes:
        made = self._call("client.propose_self", group_info=group_info.hex(), aad=aad.hex())
        return bytes.fromhex(made["message"])

    def propose_as_external_sender(self, group_info: bytes, proposal: ProposalSpec, *, aad: bytes = b"") -> bytes:
        made = self._call(
            "client.propose_as_external_sender",
            group_info=group_info.hex(),
            proposal=proposal_json(proposal),
            aad=aad.hex(),
        )
        return bytes.fromhex(made["message"])

    def _call(self, method: str, **params: object) -> Any:
        return self.peer.call(method, client=self.handle, **params)


class TsMlsGroup:
    def __init__(self, client: TsMlsClient, handle: int) -> None:
        self.client = client
        self.handle = handle

    def propose(self, proposal: ProposalSpec, *, public: bool = True, aad: bytes = b"") -> Proposed:
        made = self._call("group.propose", proposal=proposal_json(proposal), public_message=public, aad=aad.hex())
        return Proposed(message=bytes.fromhex(made["message"]), ref=_bytes(made["ref"]))

    def commit(
        self,
        by_value: Sequence[ProposalSpec] = (),
        *,
        refs: Sequence[bytes] | None = None,
        public: bool = True,
        tree_in_welcome: bool = True,
        merge: bool = True,
        aad: bytes = b"",
        group_info_extensions: Sequence[Extension] = (),
    ) -> Committed:
        """Without `refs`: all that is pending but Updates of one's own, which ts-mls would refuse.
        `group_info_extensions` go into the Welcome's GroupInfo."""
        made = self._call(
            "group.commit",
            by_value=[proposal_json(proposal) for proposal in by_value],
            refs=None if refs is None else [ref.hex() for ref in refs],
            public_message=public,
            tree_in_welcome=tree_in_welcome,
            merge=merge,
            aad=aad.hex(),
            group_info_extensions=_pairs(group_info_extensions),
        )
        return Committed(
            commit=bytes.fromhex(made["commit"]),
            welcome=_bytes(made["welcome"]),
            tree=_bytes(made["tree"]),
            group_info=_bytes(made["group_info"]),
        )

    def merge_pending(self) -> None:
        self._call("group.merge_pending")

    def drop_pending(self) -> None:
        self._call("group.drop_pending")

    def process(self, message: bytes) -> Received:
        seen = self._call("group.process", message=message.hex())
        return Received(
            kind=seen["kind"],
            activity=ACTIVITIES[seen["activity"]],
            data=_bytes(seen.get("data")),
            aad=_bytes(seen.get("aad")),
            sender=seen.get("sender"),
            proposals=tuple(SeenProposal(**proposal) for proposal in seen.get("proposals", ())),
        )

    def send(self, data: bytes, *, aad: bytes = b"") -> bytes:
        return bytes.fromhex(self._call("group.send", data=data.hex(), aad=aad.hex())["message"])

    def export(self, label: str, context: bytes, length: int) -> bytes:
        made = self._call("group.exporter", label=label, context=context.hex(), length=length)
        return bytes.fromhex(made["secret"])

    def tree(self) -> bytes:
        return bytes.fromhex(self._call("group.tree")["tree"])

    def facts(self) -> GroupFacts:
        told = self._call("group.describe")
        return GroupFacts(
            group_id=bytes.fromhex(told["group_id"]),
            suite=told["suite"],
            epoch=told["epoch"],
            tree_hash=bytes.fromhex(told["tree_hash"]),
            confirmed_transcript_hash=bytes.fromhex(told["confirmed_transcript_hash"]),
            extensions=tuple((number, bytes.fromhex(data)) for number, data in told["extensions"]),
            epoch_authenticator=bytes.fromhex(told["epoch_authenticator"]),
            resumption_psk=bytes.fromhex(told["resumption_psk"]),
            own_leaf=told["own_leaf"],
            members=tuple(_member(member) for member in told["members"]),
            activity=ACTIVITIES[told["activity"]],
            pending_proposals=tuple(
                PendingProposal(bytes.fromhex(held["ref"]), held["kind"], held["sender"])
                for held in told["pending_proposals"]
            ),
            has_pending_commit=told["has_pending_commit"],
            fingerprint=bytes.fromhex(told["fingerprint"]),
        )

    def group_info(self, *, external_pub: bool = True, tree: bool = True) -> bytes:
        if tree and not external_pub:
            raise Unsupported("ts-mls: a GroupInfo with the tree has external_pub too")
        made = self._call("group.group_info", external_pub=external_pub, tree=tree)
        return bytes.fromhex(made["group_info"])

    def fork(self) -> TsMlsGroup:
        return TsMlsGroup(self.client, self._call("group.fork")["group"])

    def branch(self, group_id: bytes, key_packages: Sequence[bytes]) -> Started:
        packages = [data.hex() for data in key_packages]
        return _started(self.client, self._call("group.branch", group_id=group_id.hex(), key_packages=packages))

    def reinit(self, client: PeerClient, key_packages: Sequence[bytes]) -> Started:
        if not isinstance(client, TsMlsClient):
            raise TypeError("a ts-mls group goes on with a ts-mls client")
        packages = [data.hex() for data in key_packages]
        made = self._call("group.reinit_create", client=client.handle, key_packages=packages)
        return _started(client, made)

    def _call(self, method: str, **params: object) -> Any:
        return self.client.peer.call(method, group=self.handle, **params)


def _own(group: PeerGroup) -> TsMlsGroup:
    if not isinstance(group, TsMlsGroup):
        raise TypeError("ts-mls resumes from its own groups only")
    return group


def _started(client: TsMlsClient, made: dict[str, Any]) -> Started:
    return Started(
        group=TsMlsGroup(client, made["group"]),
        welcome=bytes.fromhex(made["welcome"]),
        tree=bytes.fromhex(made["tree"]),
    )


def _member(told: dict[str, Any]) -> Member:
    return Member(
        leaf=told["leaf"],
        identity=bytes.fromhex(told["identity"]),
        signature_key=bytes.fromhex(told["signature_key"]),
        encryption_key=bytes.fromhex(told["encryption_key"]),
        source=told["source"],
    )


def _hex(data: bytes | None) -> str | None:
    return None if data is None else data.hex()


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else bytes.fromhex(text)


def _pairs(extensions: Sequence[Extension]) -> list[list[int | str]]:
    return [[number, data.hex()] for number, data in extensions]


def proposal_json(proposal: ProposalSpec) -> dict[str, object]:
    match proposal:
        case Add(key_package):
            return {"kind": "add", "key_package": key_package.hex()}
        case Remove(leaf=int(leaf)):
            return {"kind": "remove", "leaf": leaf}
        case Remove():
            raise Unsupported("ts-mls: a Remove needs the leaf index")
        case Update(new_signature_key):
            return {"kind": "update", "new_signature_key": new_signature_key}
        case ExternalPsk(psk_id):
            return {"kind": "external_psk", "id": psk_id.hex()}
        case ResumptionPsk(group_id, epoch, usage):
            return {"kind": "resumption_psk", "group_id": group_id.hex(), "epoch": epoch, "usage": usage}
        case GroupContextExtensions(extensions):
            return {"kind": "group_context_extensions", "extensions": _pairs(extensions)}
        case ReInit(group_id, suite, extensions):
            return {
                "kind": "reinit",
                "group_id": group_id.hex(),
                "suite": suite,
                "extensions": _pairs(extensions),
            }
        case CustomProposal(number, data):
            return {"kind": "custom", "type": number, "data": data.hex()}
