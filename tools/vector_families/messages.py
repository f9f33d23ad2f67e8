"""deserialization, messages, message-protection."""

from __future__ import annotations

from typing import Any

from aparte.codec import decode_length
from aparte.crypto import Suite
from aparte.crypto.labeled import sign_with_label, verify_with_label
from aparte.mls.commits import Commit
from aparte.mls.errors import CallerError
from aparte.mls.framing import (
    SIGNATURE_LABEL,
    AuthenticatedContent,
    Body,
    Sender,
    WireFormat,
    encode_body,
    frame,
)
from aparte.mls.group_context import GroupContext
from aparte.mls.messages import MlsMessage, decode_message, encode_message
from aparte.mls.private_message import EpochFrame, PrivateMessage, open_content, open_sender_data, seal
from aparte.mls.proposals import decode_proposal, encode_proposal
from aparte.mls.public_message import PublicMessage, to_public_message
from aparte.mls.ratchet_tree import RatchetTree
from aparte.mls.secret_tree import RatchetBounds, SecretTree
from aparte.mls.tree_math import LeafIndex
from aparte.mls.welcome import GroupSecrets
from tools.vector_families.expect import equal, raw, refused

Case = dict[str, Any]

_SENDER = LeafIndex(1)


def deserialization(_suite: Suite, case: Case) -> None:
    equal(decode_length(raw(case["vlbytes_header"])), case["length"], "vector length")


_PROPOSALS = {
    "add_proposal": 1,
    "update_proposal": 2,
    "remove_proposal": 3,
    "pre_shared_key_proposal": 4,
    "re_init_proposal": 5,
    "external_init_proposal": 6,
    "group_context_extensions_proposal": 7,
}


def round_trips(suite: Suite, case: Case) -> None:
    for name, value in case.items():
        data = raw(value)
        if name in _PROPOSALS:
            whole = _PROPOSALS[name].to_bytes(2) + data
            again = encode_proposal(decode_proposal(whole))[2:]
        elif name == "ratchet_tree":
            again = RatchetTree.decode(suite, data).encode()
        elif name == "group_secrets":
            again = GroupSecrets.decode(data).encode()
        elif name == "commit":
            again = Commit.decode(data).encode()
        else:
            again = encode_message(decode_message(data))
        equal(again, data, f"{name} re-encoded")


def protection(suite: Suite, case: Case) -> None:
    bench = _Bench(suite, case)
    proposal, commit = decode_proposal(raw(case["proposal"])), Commit.decode(raw(case["commit"]))
    bench.public(decode_message(raw(case["proposal_pub"])), proposal)
    bench.public(decode_message(raw(case["commit_pub"])), commit)
    bench.private(decode_message(raw(case["proposal_priv"])), proposal)
    bench.private(decode_message(raw(case["commit_priv"])), commit)
    application = raw(case["application"])
    bench.private(decode_message(raw(case["application_priv"])), application)
    for body in (proposal, commit, application):
        bench.private(decode_message(bench.protect_privately(body)), body)
    for body in (proposal, commit):
        bench.public(bench.protect_publicly(body), body)
    refused(CallerError, lambda: bench.protect_publicly(application), "application data as PublicMessage")


class _Bench:
    """One sender's keys and context, and both framings in both directions."""

    def __init__(self, suite: Suite, case: Case) -> None:
        self.suite = suite
        self.group_id, self.epoch = raw(case["group_id"]), case["epoch"]
        context = GroupContext(
            version=1,
            cipher_suite=case["cipher_suite"],
            group_id=self.group_id,
            epoch=self.epoch,
            tree_hash=raw(case["tree_hash"]),
            confirmed_transcript_hash=raw(case["confirmed_transcript_hash"]),
        )
        self.context = context.encode()
        self.public_key, self.membership = raw(case["signature_pub"]), raw(case["membership_key"])
        self.signer = suite.load_signer(raw(case["signature_priv"]))
        self.encryption_secret = raw(case["encryption_secret"])
        self.frame = EpochFrame.create(
            suite,
            group_id=self.group_id,
            epoch=self.epoch,
            group_context=self.context,
            sender_data=raw(case["sender_data_secret"]),
        )

    @property
    def tree(self) -> SecretTree:
        return SecretTree.create(self.encryption_secret, 2)

    def _check(self, content: AuthenticatedContent, body: Body) -> None:
        equal(encode_body(content.content.body), encode_body(body), "body")
        equal(content.content.sender, Sender.member(_SENDER), "sender")
        tbs = content.tbs(self.context)
        verify_with_label(self.suite, self.public_key, SIGNATURE_LABEL, tbs, content.signature)

    def public(self, message: MlsMessage, body: Body) -> None:
        if not isinstance(message, PublicMessage):
            raise TypeError("not a PublicMessage")
        message.check_membership(self.suite, self.membership, self.context)
        self._check(message.authenticated, body)

    def private(self, message: MlsMessage, body: Body) -> None:
        if not isinstance(message, PrivateMessage):
            raise TypeError("not a PrivateMessage")
        sender = open_sender_data(self.frame, message)
        content, _ = open_content(self.frame, self.tree, message, sender, RatchetBounds())
        self._check(content, body)

    def _sign(self, body: Body, wire_format: WireFormat) -> AuthenticatedContent:
        content = frame(self.group_id, self.epoch, Sender.member(_SENDER), body, authenticated_data=b"aad")
        unsigned = AuthenticatedContent(wire_format, content, b"", None)
        signature = sign_with_label(self.signer, SIGNATURE_LABEL, unsigned.tbs(self.context))
        tag = bytes(self.suite.parameters.hash_length) if isinstance(body, Commit) else None
        return AuthenticatedContent(wire_format, content, signature, tag)

    def protect_publicly(self, body: Body) -> PublicMessage:
        signed = self._sign(body, WireFormat.PUBLIC_MESSAGE)
        return to_public_message(self.suite, signed, membership_key=self.membership, group_context=self.context)

    def protect_privately(self, body: Body) -> bytes:
        signed = self._sign(body, WireFormat.PRIVATE_MESSAGE)
        message, _ = seal(
            self.frame,
            self.tree,
            _SENDER,
            content_type=signed.content.content_type,
            authenticated_data=b"aad",
            plaintext=encode_body(body) + signed.encode_auth() + bytes(7),
        )
        return message
