"""Joining by external commit (RFC 9420 §12.4.3.2): from a GroupInfo, without anybody's help."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from aparte.codec import Reader
from aparte.crypto import CryptoError, Suite
from aparte.crypto.labeled import sign_with_label
from aparte.mls.commits import Commit, ProposalRef
from aparte.mls.config import Config
from aparte.mls.errors import CallerError, PeerError, require
from aparte.mls.extensions import ExtensionType
from aparte.mls.framing import SIGNATURE_LABEL, AuthenticatedContent, Sender, SenderType, WireFormat, frame
from aparte.mls.group import EpochState, Group
from aparte.mls.group_context import GroupContext
from aparte.mls.group_info import GroupInfo
from aparte.mls.join import checked_tree
from aparte.mls.key_package import KeyPackageSecrets
from aparte.mls.key_schedule import EXTERNAL_INIT_LABEL, NO_SECRETS, interim_transcript_hash
from aparte.mls.leaf_validation import check_leaf, check_own_support, check_unique_keys
from aparte.mls.messages import decode_message, encode_message
from aparte.mls.proposal_list import AppliedProposals, CommittedProposal, apply_proposals, check_result
from aparte.mls.proposal_rules import ProposalContext, check_replacement
from aparte.mls.proposals import ExternalInit, PreSharedKey, Proposal, Remove, SelfRemove, proposal_reference
from aparte.mls.psk import PskSource
from aparte.mls.public_message import PublicMessage
from aparte.mls.ratchet_tree import RatchetTree
from aparte.mls.secret_tree import NO_SECRET_TREE
from aparte.mls.staging import EpochInputs, derive_next_epoch, enter_epoch, provisional_epoch, resolve_psks
from aparte.mls.tree_math import LeafIndex
from aparte.mls.treekem import create_path, seal_path
from aparte.mls.unprotect import UnverifiedContent, check_addressed, verify

__all__ = ["ExternalJoin", "external_join"]

_NEW_MEMBER = Sender(SenderType.NEW_MEMBER_COMMIT)


@dataclass(frozen=True, slots=True)
class ExternalJoin:
    """`message` is the commit, an encoded PublicMessage; `group` counts once the group has accepted it."""

    message: bytes
    group: Group


def external_join(
    suite: Suite,
    config: Config,
    group_info: bytes,
    own: KeyPackageSecrets,
    *,
    ratchet_tree: bytes | None = None,
    resync: LeafIndex | None = None,
    psks: Sequence[PreSharedKey] = (),
    psk_source: PskSource | None = None,
    self_removes: Sequence[bytes] = (),
    authenticated_data: bytes = b"",
    known_groups: Collection[bytes] = (),
) -> ExternalJoin:
    """Commit oneself into a group. Only leaf content, signer and credential of `own` are used: keys are fresh.

    `resync` removes one's former leaf in the same commit; `self_removes` are PublicMessages with SelfRemove
    proposals of the epoch, which must be carried out (draft-ietf-mls-extensions); `known_groups` are those that
    this client is in and stays in. Raises `DecodeError`, `PeerError` and its kinds, `MissingPsk`, `CallerError`.
    """
    info = decode_message(group_info)
    if not isinstance(info, GroupInfo):
        raise CallerError("the message is no GroupInfo")
    require(info.group_context.group_id not in known_groups, "12.4.3.3", "this client is in that group")
    tree = checked_tree(suite, config, info, ratchet_tree)
    outside = _outside_view(suite, config, info, tree, own)
    kem_output, init_secret = _external_init(suite, info)
    items: list[tuple[CommittedProposal, Proposal | ProposalRef]]
    items = [_pending(outside, message) for message in self_removes]
    values: list[Proposal] = [ExternalInit(kem_output), *psks]
    values += [] if resync is None else [Remove(resync)]
    items += [(CommittedProposal(value, _NEW_MEMBER, by_reference=False, verified=False), value) for value in values]
    rules = ProposalContext(suite, config, info.group_context, tree, info.group_context.extensions)
    applied = apply_proposals([item for item, _ in items], committer=_NEW_MEMBER, rules=rules)
    psk = resolve_psks(outside, applied.psks, psk_source or PskSource())
    joining = _Joining(outside, applied, own, resync)
    named = tuple(name for _, name in items)
    return joining.commit(named, init_secret, psk, authenticated_data)


def _external_init(suite: Suite, info: GroupInfo) -> tuple[bytes, bytes]:
    """(KEM output, init secret): §8.3."""
    data = info.extensions.get(ExtensionType.EXTERNAL_PUB)
    if data is None:
        raise CallerError("the group info has no external_pub: it does not invite external joins")
    reader = Reader(data)
    public = reader.vector()
    reader.finish()
    try:
        return suite.hpke_export_to(public, b"", EXTERNAL_INIT_LABEL, suite.parameters.hash_length)
    except CryptoError as error:
        raise PeerError("8.3/external-pub", "the external public key is malformed") from error


def _outside_view(suite: Suite, config: Config, info: GroupInfo, tree: RatchetTree, own: KeyPackageSecrets) -> Group:
    """The group as one sees it who has no secret of it: enough for the shared steps of a commit."""
    context = info.group_context
    hash_ = interim_transcript_hash(suite, context.confirmed_transcript_hash, info.confirmation_tag)
    state = EpochState(
        suite=suite,
        config=config,
        context=context,
        tree=tree,
        secrets=NO_SECRETS,
        interim_transcript_hash=hash_,
        confirmation_tag=info.confirmation_tag,
        own=LeafIndex(0),
        signer=own.signer,
        path_keys={},
        resumption={},
    )
    return Group(state, NO_SECRET_TREE)


def _pending(outside: Group, message: bytes) -> tuple[CommittedProposal, Proposal | ProposalRef]:
    """A SelfRemove that a joiner carries out. All but the membership tag is checked."""
    decoded = decode_message(message)
    if not isinstance(decoded, PublicMessage) or not isinstance(decoded.authenticated.content.body, SelfRemove):
        raise CallerError("only public self-removes can be carried out by a joiner")
    check_addressed(outside, decoded)
    verified = verify(outside, UnverifiedContent(decoded.authenticated, outside.secret_tree))
    content = verified.authenticated.content
    member = content.sender.sender_type is SenderType.MEMBER
    require(member, "13.4/self-remove-sender", "a self-remove from outside the group")
    reference = proposal_reference(outside.suite, verified.authenticated.encode())
    return CommittedProposal(SelfRemove(), content.sender, by_reference=True, verified=True), ProposalRef(reference)


@dataclass(frozen=True, slots=True)
class _Joining:
    outside: Group
    applied: AppliedProposals
    own: KeyPackageSecrets
    resync: LeafIndex | None

    def commit(
        self,
        named: tuple[Proposal | ProposalRef, ...],
        init_secret: bytes,
        psk: bytes,
        authenticated_data: bytes,
    ) -> ExternalJoin:
        outside, applied, signer = self.outside, self.applied, self.own.signer
        edit = applied.tree.edit()
        index = edit.reserve()
        outside = replace(outside, state=replace(outside.state, own=index))
        content = self.own.key_package.leaf_node.content
        fresh = create_path(edit.build(), index, content, signer=signer, group_id=outside.group_id)
        self._check_leaf(fresh.tree, index)
        provisional = provisional_epoch(outside, fresh.tree, applied)
        path = seal_path(fresh, index, context=provisional.context.encode(), joined=applied.joined)
        signed = self._sign(outside.context, Commit(named, path), authenticated_data)
        inputs = EpochInputs(init_secret, fresh.secrets.commit_secret, psk)
        following = derive_next_epoch(outside, signed, provisional, inputs)
        message = PublicMessage(replace(signed, confirmation_tag=following.confirmation_tag), None)
        keys = fresh.private_keys(index)
        group = enter_epoch(outside, following, path_keys=keys, signer=signer)
        encoded = encode_message(message)
        entered = replace(group, state=replace(group.state, resumption={}))
        return ExternalJoin(encoded, replace(entered, sent=entered.sent.add(outside.suite.hash(encoded))))

    def _check_leaf(self, tree: RatchetTree, index: LeafIndex) -> None:
        leaf, config = tree.leaf(index), self.outside.state.config
        if leaf is not None:
            check_leaf(tree.suite, leaf, extensions=self.applied.extensions, config=config)
            check_own_support(leaf, self.applied.extensions)
            check_unique_keys(tree)
            check_result(self.applied, tree, leaf)
            if self.resync is not None:
                check_replacement(self.outside.tree, self.resync, leaf, config)

    def _sign(self, context: GroupContext, body: Commit, authenticated_data: bytes) -> AuthenticatedContent:
        content = frame(context.group_id, context.epoch, _NEW_MEMBER, body, authenticated_data=authenticated_data)
        unsigned = AuthenticatedContent(WireFormat.PUBLIC_MESSAGE, content, b"", None)
        signature = sign_with_label(self.own.signer, SIGNATURE_LABEL, unsigned.tbs(context.encode()))
        return replace(unsigned, signature=signature)
