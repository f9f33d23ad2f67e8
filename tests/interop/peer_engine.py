"""Our own engine behind the same Protocols as its peers, so that one script runs on groups of both."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from aparte import mls
from aparte.crypto import Suite
from aparte.mls.psk import PskSource
from aparte.mls.ratchet_tree import RatchetTree
from tests.interop import peer_api as api
from tests.interop.engine_suites import InteropProvider

PROVIDER = InteropProvider()
DAY = 24 * 3600


class EnginePeer:
    name = "aparte"
    suites = frozenset({1, 2, 3, 5, 7, 0x0053, 0x0054})

    def client(self, suite: int, identity: bytes) -> EngineClient:
        return EngineClient(suite, identity)

    def stop(self) -> None:
        """Nothing to stop."""


def _config() -> mls.Config:
    return mls.Config(authenticate=lambda _credential, _key: True)


class EngineClient:
    """One identity; every key package of it stays known, so that any Welcome to it can be opened."""

    def __init__(self, suite: int, identity: bytes) -> None:
        self.suite, self.identity = suite, identity
        self.crypto: Suite = PROVIDER.suite(suite)
        self.config = _config()
        self.psks: dict[bytes, bytes] = {}
        self.packages: list[mls.KeyPackageSecrets] = []

    def own(self) -> mls.KeyPackageSecrets:
        now = int(time.time())
        made = mls.create_key_package(
            self.crypto,
            mls.Credential.basic(self.identity),
            lifetime=mls.Lifetime(now - DAY, now + 30 * DAY),
            capabilities=mls.Capabilities.for_suites(tuple(sorted(EnginePeer.suites))),
        )
        self.packages.append(made)
        return made

    def key_package(
        self,
        *,
        lifetime: tuple[int, int] | None = None,  # noqa: ARG002 - the engine's are always valid now
        extensions: Sequence[api.Extension] = (),  # noqa: ARG002
        leaf_extensions: Sequence[api.Extension] = (),  # noqa: ARG002
    ) -> bytes:
        return mls.encode_message(self.own().key_package)

    def add_psk(self, psk_id: bytes, secret: bytes) -> None:
        self.psks[psk_id] = secret

    def create_group(self, group_id: bytes, extensions: Sequence[api.Extension] = ()) -> EngineGroup:
        group = mls.create_group(
            self.crypto, self.config, self.own(), group_id=group_id, extensions=extension_list(extensions)
        )
        return EngineGroup(self, group)

    def join(self, welcome: bytes, *, tree: bytes | None = None, resuming: api.PeerGroup | None = None) -> EngineGroup:
        options = mls.JoinOptions(ratchet_tree=tree, psks=PskSource(external=self.psks))
        if isinstance(resuming, EngineGroup):
            options = replace(options, predecessor=resuming.group)
        return EngineGroup(self, mls.join(self.crypto, self.config, welcome, self.packages, options))

    def join_external(
        self, group_info: bytes, *, tree: bytes | None = None, resync: bool = False, aad: bytes = b""
    ) -> tuple[EngineGroup, bytes]:
        former = self._former_leaf(group_info) if resync else None
        joined = mls.external_join(
            self.crypto,
            self.config,
            group_info,
            self.own(),
            ratchet_tree=tree,
            resync=former,
            authenticated_data=aad,
        )
        return EngineGroup(self, joined.group), joined.message

    def _former_leaf(self, group_info: bytes) -> mls.LeafIndex:
        info = mls.decode_message(group_info)
        assert isinstance(info, mls.GroupInfo)
        data = info.extensions.get(mls.ExtensionType.RATCHET_TREE)
        assert data is not None
        tree = RatchetTree.decode(self.crypto, data)
        return next(index for index, leaf in tree.leaves() if leaf.credential.content == self.identity)

    def propose_self(self, group_info: bytes, *, aad: bytes = b"") -> bytes:  # noqa: ARG002
        info = mls.decode_message(group_info)
        assert isinstance(info, mls.GroupInfo)
        context = info.group_context
        return mls.propose_own_addition(self.own(), group_id=context.group_id, epoch=context.epoch)


def extension_list(items: Sequence[api.Extension]) -> mls.Extensions:
    return mls.Extensions(tuple(mls.Extension(kind, data) for kind, data in items))


class EngineGroup:
    def __init__(self, client: EngineClient, group: mls.Group) -> None:
        self.client, self.group = client, group

    # -- sending -----------------------------------------------------------------------------------------------
    def propose(self, proposal: api.ProposalSpec, *, public: bool = True, aad: bytes = b"") -> api.Proposed:
        wire = _wire(public)
        if isinstance(proposal, api.Update):
            signer = self.client.crypto.generate_signer() if proposal.new_signature_key else None
            made = mls.propose_update(self.group, signer=signer, wire_format=wire, authenticated_data=aad)
        else:
            made = mls.propose(self.group, self._change(proposal), wire_format=wire, authenticated_data=aad)
        self.group = made.group
        return api.Proposed(made.message, made.reference)

    def commit(
        self,
        by_value: Sequence[api.ProposalSpec] = (),
        *,
        refs: Sequence[bytes] | None = None,  # noqa: ARG002 - always all that was heard
        public: bool = True,
        tree_in_welcome: bool = True,
        merge: bool = True,
        aad: bytes = b"",
    ) -> api.Committed:
        options = mls.CommitOptions(
            wire_format=_wire(public),
            tree_in_welcome=tree_in_welcome,
            authenticated_data=aad,
            psks=PskSource(external=self.client.psks),
        )
        made = mls.commit(self.group, [self._change(item) for item in by_value], options)
        self.group = made.group
        after = made.staged.merge()
        if merge:
            self._come_back(made.message)
        welcome = made.welcomes[0] if made.welcomes else None
        info = mls.export_group_info(after) if after.status is mls.GroupStatus.ACTIVE else None
        return api.Committed(made.message, welcome, after.tree.encode(), info)

    def _come_back(self, message: bytes) -> None:
        received = mls.process(self.group, message)
        assert isinstance(received, mls.ReceivedCommit)
        assert received.own
        self.group = received.staged.merge()

    def merge_pending(self) -> None:
        assert self.group.pending_commit is not None
        self._come_back(self.group.pending_commit.message)

    def drop_pending(self) -> None:
        self.group = self.group.without_pending_commit()

    def send(self, data: bytes, *, aad: bytes = b"") -> bytes:
        made = mls.protect(self.group, data, authenticated_data=aad)
        self.group = made.group
        return made.message

    def _change(self, spec: api.ProposalSpec) -> mls.Change:
        suite = self.client.crypto
        match spec:
            case api.Add(key_package):
                return self._verified(key_package, self.client)
            case api.Remove(leaf, identity):
                return mls.Remove(self._leaf(leaf, identity))
            case api.ExternalPsk(psk_id):
                return mls.external_psk(suite, psk_id)
            case api.ResumptionPsk(group_id, epoch):
                return mls.resumption_psk(suite, group_id, epoch)
            case api.GroupContextExtensions(extensions):
                return mls.GroupContextExtensions(extension_list(extensions))
            case api.ReInit(group_id, number, extensions):
                return mls.ReInit(group_id, mls.MLS10, number, extension_list(extensions))
            case _:
                raise api.Unsupported(f"aparte: {spec}")

    def _leaf(self, leaf: int | None, identity: bytes | None) -> mls.LeafIndex:
        if leaf is not None:
            return mls.LeafIndex(leaf)
        return next(index for index, node in self.group.members() if node.credential.content == identity)

    # -- receiving ---------------------------------------------------------------------------------------------
    def process(self, message: bytes) -> api.Received:
        received = mls.process(self.group, message, psks=PskSource(external=self.client.psks))
        match received:
            case mls.ApplicationMessage():
                self.group = received.group
                return api.Received(
                    "application", data=received.data, aad=received.authenticated_data, sender=received.sender
                )
            case mls.ReceivedProposal():
                self.group = received.group
                return api.Received("proposal", aad=received.authenticated_data)
            case mls.ReceivedCommit():
                self.group = received.staged.merge()
                return api.Received("commit", activity=ACTIVITY[self.group.status], aad=received.authenticated_data)
            case mls.OwnMessage():
                raise api.PeerError("aparte", "OwnMessage", "one's own message came back")

    # -- telling -----------------------------------------------------------------------------------------------
    def export(self, label: str, context: bytes, length: int) -> bytes:
        return self.group.export_secret(label.encode(), context, length)

    def tree(self) -> bytes:
        return self.group.tree.encode()

    def facts(self) -> api.GroupFacts:
        raise api.Unsupported("aparte: ask the group itself")

    def group_info(self, *, external_pub: bool = True, tree: bool = True) -> bytes:
        return mls.export_group_info(self.group, with_tree=tree, external_join=external_pub)

    def fork(self) -> EngineGroup:
        return EngineGroup(self.client, self.group)

    # -- groups that follow ------------------------------------------------------------------------------------
    def branch(self, group_id: bytes, key_packages: Sequence[bytes]) -> api.Started:
        members = [self._verified(package, self.client) for package in key_packages]
        return self._started(self.client, mls.branch(self.group, self.client.own(), members, group_id=group_id))

    def reinit(self, client: api.PeerClient, key_packages: Sequence[bytes]) -> api.Started:
        assert isinstance(client, EngineClient)
        members = [self._verified(package, client) for package in key_packages]
        return self._started(client, mls.reinitialize(self.group, client.crypto, client.own(), members))

    @staticmethod
    def _started(client: EngineClient, made: mls.Committed) -> api.Started:
        group = made.staged.merge()
        return api.Started(EngineGroup(client, group), made.welcomes[0], group.tree.encode())

    @staticmethod
    def _verified(package: bytes, client: EngineClient) -> mls.VerifiedKeyPackage:
        decoded = mls.decode_message(package)
        assert isinstance(decoded, mls.KeyPackage)
        far = 1 << 63  # ts-mls has packages that live for ever
        return mls.verify_key_package(
            client.crypto, decoded, config=client.config, now=int(time.time()), max_lifetime=far
        )


ACTIVITY: dict[mls.GroupStatus, api.Activity] = {
    mls.GroupStatus.ACTIVE: "active",
    mls.GroupStatus.REINITIALIZED: "reinit",
    mls.GroupStatus.REMOVED: "removed",
}


def _wire(public: bool) -> mls.WireFormat:
    return mls.WireFormat.PUBLIC_MESSAGE if public else mls.WireFormat.PRIVATE_MESSAGE
