"""A workshop for false messages: everything in them is genuine but the one thing that breaks a rule.

    with lenient("12.2.2/own-remove"):
        bad = alice.drafts(Remove(LeafIndex(0)))
    refused("12.2.2/own-remove", hearing(bob, bad.message), bob)

`refused` is a check of the check, too: with that one rule off, the same message must get past it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from unittest.mock import patch

import pytest

from aparte.codec import encode_u8, encode_u16, encode_vector
from aparte.crypto import Signer, Suite, sign_with_label
from aparte.mls import (
    MLS10,
    Capabilities,
    CommitOptions,
    Committed,
    Credential,
    Extension,
    Extensions,
    ExternalSender,
    Group,
    KeyPackage,
    LeafNode,
    LeafNodeContent,
    LeafNodeSource,
    Lifetime,
    PeerError,
    Proposal,
    PublicMessage,
    Sender,
    SenderType,
    VerifiedKeyPackage,
    WireFormat,
    commit,
    encode_group,
    encode_message,
    process,
)
from aparte.mls import errors as mls_errors
from aparte.mls.commits import Commit
from aparte.mls.extensions import ExtensionType
from aparte.mls.framing import SIGNATURE_LABEL, AuthenticatedContent, Body, frame
from aparte.mls.leaf_validation import SignatureCheck, verify_signatures
from aparte.mls.protect import send_content, sign_content
from aparte.mls.public_message import to_public_message
from aparte.mls.treekem import seal_path
from aparte.mls.update_path import HpkeCiphertexts, UpdatePath
from tests.mls_scenes import LIFETIME, Person

REQUIRE = mls_errors.require
NO_EXTENSIONS = Extensions()


# -- rules off, and on --------------------------------------------------------------------------------------------
_off: set[str] = set()


def _ask(condition: object, rule: str, problem: str) -> None:
    REQUIRE(condition or rule in _off, rule, problem)


def _verify(suite: Suite, checks: list[SignatureCheck]) -> None:
    verify_signatures(suite, [check for check in checks if check[3] not in _off])


@contextmanager
def lenient(*rules: str) -> Iterator[None]:
    """Within, these rules do not count, wherever the engine asks for them; all others do."""
    added = set(rules) - _off
    _off.update(added)
    with ExitStack() as stack:
        for name, module in list(sys.modules.items()):
            if name.startswith("aparte.mls.") and module is not mls_errors:
                if getattr(module, "require", None) is REQUIRE:
                    stack.enter_context(patch.object(module, "require", _ask))
                if getattr(module, "verify_signatures", None) is verify_signatures:
                    stack.enter_context(patch.object(module, "verify_signatures", _verify))
        try:
            yield
        finally:
            _off.difference_update(added)


def refused(
    rule: str, action: Callable[[], object], *witnesses: Person, kind: type[PeerError] = PeerError, gate: bool = True
) -> None:
    """`action` breaks exactly `rule`, and no witness's group changes.

    `gate` says that the rule can be taken away: without it, something else happens, if only a later refusal.
    """
    before = [encode_group(who.group) for who in witnesses]
    with pytest.raises(kind) as caught:
        action()
    assert caught.value.rule == rule
    assert type(caught.value) is kind
    assert [encode_group(who.group) for who in witnesses] == before
    if gate:
        with lenient(rule):
            assert _rule_of(action) != rule
    assert [encode_group(who.group) for who in witnesses] == before


def _rule_of(action: Callable[[], object]) -> str | None:
    """By which rule it is refused, if it is refused by one: without its guard, code may fail in any way."""
    try:
        action()
    except Exception as error:  # noqa: BLE001
        return error.rule if isinstance(error, PeerError) else None
    return None


def hearing(who: Person, message: bytes, **options: Any) -> Callable[[], object]:
    """What `who` does with a message. The group stays as it is."""
    return lambda: process(who.group, message, **options)


def deciding(who: Person, **choices: Any) -> None:
    """Change what somebody's application decides, in the middle of a group."""
    who.config = replace(who.config, **choices)
    group = who.group
    who.seat = replace(group, state=replace(group.state, config=who.config))


def unchecked(package: KeyPackage) -> VerifiedKeyPackage:
    """What only the verifier may make."""
    return VerifiedKeyPackage(package)


def drafted(who: Person, *changes: Any, **options: Any) -> Committed:
    """A commit by somebody who forgets it at once: the next one starts from the same group."""
    return commit(who.group, changes, CommitOptions(**options))


def unsorted() -> AbstractContextManager[object]:
    """Within, committers commit all that they heard, whether it goes together or not."""
    return patch("aparte.mls.committing.compatible", lambda _group, heard, _changes: heard)


# -- messages that nobody judged before they went out -------------------------------------------------------------
def sent(who: Person, body: Body, *, tag: bytes = bytes(32), wire: WireFormat = WireFormat.PUBLIC_MESSAGE) -> bytes:
    """A member's proposal or commit, rightly signed and framed; only a commit's confirmation tag is made up."""
    signed = sign_content(who.group, body, wire_format=wire, authenticated_data=b"")
    if isinstance(body, Commit):
        signed = replace(signed, confirmation_tag=tag)
    return send_content(who.group, signed).message


def proposed(who: Person, proposal: Proposal) -> bytes:
    return sent(who, proposal)


def signed_by(group: Group, body: Body, sender: Sender, signer: Signer) -> AuthenticatedContent:
    """Content of any sender, signed by any key; a commit's confirmation tag is made up."""
    content = frame(group.group_id, group.epoch, sender, body)
    unsigned = AuthenticatedContent(WireFormat.PUBLIC_MESSAGE, content, b"", None)
    signature = sign_with_label(signer, SIGNATURE_LABEL, unsigned.tbs(group.context.encode()))
    return replace(unsigned, signature=signature, confirmation_tag=bytes(32) if isinstance(body, Commit) else None)


def in_public(group: Group, authenticated: AuthenticatedContent) -> bytes:
    """As a PublicMessage, with a right membership tag if a member is said to speak."""
    member = authenticated.content.sender.sender_type is SenderType.MEMBER
    key = group.state.secrets.membership
    if not member:
        return encode_message(PublicMessage(authenticated, None))
    context = group.context.encode()
    return encode_message(to_public_message(group.suite, authenticated, membership_key=key, group_context=context))


def from_outside(group: Group, body: Body, sender: Sender, signer: Signer) -> bytes:
    return in_public(group, signed_by(group, body, sender, signer))


def knowing_outsider(signer: Signer) -> Extensions:
    """Group extensions that let a signer propose from outside, as number 0."""
    outsider = ExternalSender(signer.public_key, Credential.basic(b"outsider"))
    return Extensions().with_extension(ExtensionType.EXTERNAL_SENDERS, ExternalSender.encode_list([outsider]))


# -- key packages -------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True, kw_only=True)
class ForgedPackage:
    """A key package with any fields, both signatures right; what is None is made up honestly."""

    suite: Suite
    name: bytes = b"dave"
    version: int = MLS10
    number: int | None = None
    signer: Signer | None = None
    credential: Credential | None = None
    encryption_key: bytes | None = None
    init_key: bytes | None = None
    capabilities: Capabilities | None = None
    leaf_extensions: Extensions = NO_EXTENSIONS
    extensions: Extensions = NO_EXTENSIONS
    lifetime: Lifetime = LIFETIME
    leaf_as: Callable[[LeafNodeContent, Signer], LeafNode] | None = None
    spoil: Callable[[bytes], bytes] = field(default=lambda signature: signature)

    def build(self) -> KeyPackage:
        signer, number = self.signer or self.suite.generate_signer(), self.suite.parameters.number
        content = LeafNodeContent(
            _or_fresh(self.encryption_key, self.suite),
            signer.public_key,
            self.credential or Credential.basic(self.name),
            self.capabilities or Capabilities.for_suites((number,)),
            self.leaf_extensions,
        )
        make = self.leaf_as or (lambda content, signer: content.sign_for_key_package(signer, self.lifetime))
        tbs = b"".join(
            (
                encode_u16(self.version),
                encode_u16(self.number or number),
                encode_vector(_or_fresh(self.init_key, self.suite)),
                make(content, signer).encode(),
                self.extensions.encode(),
            )
        )
        signature = self.spoil(sign_with_label(signer, b"KeyPackageTBS", tbs))
        return KeyPackage.decode(tbs + encode_vector(signature))


def _or_fresh(key: bytes | None, suite: Suite) -> bytes:
    return suite.generate_kem_key().public_key if key is None else key


def flipped(data: bytes, at: int = -1) -> bytes:
    """One bit turned."""
    changed = bytearray(data)
    changed[at] ^= 1
    return bytes(changed)


def respoiled(leaf: LeafNode) -> LeafNode:
    """The same leaf, its signature broken."""
    return LeafNode.decode(leaf.raw[: leaf.tbs_length] + encode_vector(flipped(leaf.signature)))


# -- paths --------------------------------------------------------------------------------------------------------
@contextmanager
def doctored_path(change: Callable[[UpdatePath], UpdatePath]) -> Iterator[None]:
    """Within, every committer sends another path than the one it made, and signs and confirms it."""

    def seal(*arguments: Any, **named: Any) -> UpdatePath:
        return change(seal_path(*arguments, **named))

    with ExitStack() as stack:
        for module in ("committing", "external"):
            stack.enter_context(patch(f"aparte.mls.{module}.seal_path", seal))
        yield


def with_key(path: UpdatePath, position: int, key: bytes) -> UpdatePath:
    """The same path with another public key at one of its nodes."""
    nodes = list(path.nodes)
    nodes[position] = replace(nodes[position], encryption_key=key)
    return replace(path, nodes=tuple(nodes))


def with_shares(path: UpdatePath, position: int, shares: list[tuple[bytes, bytes]]) -> UpdatePath:
    """The same path with other ciphertexts at one of its nodes."""
    nodes = list(path.nodes)
    nodes[position] = replace(nodes[position], encrypted_path_secret=HpkeCiphertexts.of(shares))
    return replace(path, nodes=tuple(nodes))


def shares_of(path: UpdatePath, position: int) -> list[tuple[bytes, bytes]]:
    sealed = path.nodes[position].encrypted_path_secret
    return [sealed.item(index) for index in range(sealed.count())]


# -- leaves in a tree ---------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class BadLeaf:
    """A member's leaf with one field changed. Its signature is not right any more: other rules come first."""

    leaf: LeafNode

    def version(self) -> LeafNode:
        return self._with(capabilities=replace(self.leaf.capabilities, versions=(9,)))

    def credential(self) -> LeafNode:
        return self._with(capabilities=replace(self.leaf.capabilities, credentials=(9,)))

    def extension(self) -> LeafNode:
        return self._with(extensions=Extensions((Extension(0xF00D, b""),)))

    def key(self, encryption_key: bytes) -> LeafNode:
        return self._with(encryption_key=encryption_key)

    def _with(self, **fields: Any) -> LeafNode:
        leaf = self.leaf
        content = replace(leaf.content, **fields)
        assert leaf.source is not LeafNodeSource.UPDATE
        source = encode_u8(leaf.source)
        if leaf.lifetime is not None:
            source += leaf.lifetime.encode()
        else:
            source += encode_vector(leaf.parent_hash)
        parts = (
            encode_vector(content.encryption_key),
            encode_vector(content.signature_key),
            content.credential.encode(),
            content.capabilities.encode(),
            source,
            content.extensions.encode(),
            encode_vector(leaf.signature),
        )
        return LeafNode.decode(b"".join(parts))
