"""crypto-basics, secret-tree, key-schedule, psk_secret, transcript-hashes."""

from __future__ import annotations

from typing import Any

from aparte.crypto import Suite
from aparte.crypto.labeled import (
    decrypt_with_label,
    derive_secret,
    encrypt_with_label,
    expand_with_label,
    ref_hash,
    sign_with_label,
    verify_with_label,
)
from aparte.mls.capabilities import MLS10
from aparte.mls.framing import AuthenticatedContent, ContentType
from aparte.mls.group_context import GroupContext
from aparte.mls.key_schedule import (
    confirmed_transcript_hash,
    epoch_secrets,
    export_secret,
    external_key,
    interim_transcript_hash,
    joiner_secret,
    welcome_keys,
)
from aparte.mls.private_message import EpochFrame
from aparte.mls.psk import ExternalPskId, PreSharedKeyId, psk_secret
from aparte.mls.secret_tree import RatchetBounds, SecretTree, derive_tree_secret
from aparte.mls.tree_math import Generation, LeafIndex
from tools.vector_families.expect import equal, raw

Case = dict[str, Any]


def crypto_basics(suite: Suite, case: Case) -> None:
    it = case["ref_hash"]
    equal(ref_hash(suite, it["label"].encode(), raw(it["value"])), raw(it["out"]), "RefHash")
    it = case["expand_with_label"]
    label, context = it["label"].encode(), raw(it["context"])
    out = expand_with_label(suite, raw(it["secret"]), label, context, it["length"])
    equal(out, raw(it["out"]), "ExpandWithLabel")
    it = case["derive_secret"]
    equal(derive_secret(suite, raw(it["secret"]), it["label"].encode()), raw(it["out"]), "DeriveSecret")
    it = case["derive_tree_secret"]
    out = derive_tree_secret(suite, raw(it["secret"]), it["label"].encode(), it["generation"], it["length"])
    equal(out, raw(it["out"]), "DeriveTreeSecret")
    it = case["sign_with_label"]
    label, content, public = it["label"].encode(), raw(it["content"]), raw(it["pub"])
    verify_with_label(suite, public, label, content, raw(it["signature"]))
    signer = suite.load_signer(raw(it["priv"]))
    equal(signer.public_key, public, "public half of the signature key")
    verify_with_label(suite, public, label, content, sign_with_label(signer, label, content))
    _encrypt_with_label(suite, case["encrypt_with_label"])


def _encrypt_with_label(suite: Suite, it: Case) -> None:
    private, label, context = suite.load_kem_key(raw(it["priv"])), it["label"].encode(), raw(it["context"])
    plaintext = raw(it["plaintext"])
    sealed = raw(it["kem_output"]), raw(it["ciphertext"])
    equal(decrypt_with_label(suite, private, label, context, sealed), plaintext, "DecryptWithLabel")
    mine = encrypt_with_label(suite, raw(it["pub"]), label, context, plaintext)
    equal(decrypt_with_label(suite, private, label, context, mine), plaintext, "DecryptWithLabel of mine")


def secret_tree(suite: Suite, case: Case) -> None:
    it = case["sender_data"]
    frame = EpochFrame.create(
        suite, group_id=b"", epoch=0, group_context=b"", sender_data=raw(it["sender_data_secret"])
    )
    equal(frame.sender_data_keys(raw(it["ciphertext"])), (raw(it["key"]), raw(it["nonce"])), "sender data keys")
    leaves = case["leaves"]
    width = 1 << (len(leaves) - 1).bit_length()
    tree = SecretTree.create(raw(case["encryption_secret"]), width)
    for index, generations in enumerate(leaves):
        for step in generations:
            for application, name in ((False, "handshake"), (True, "application")):
                keys, tree = tree.key_at(
                    suite,
                    LeafIndex(index),
                    Generation(step["generation"]),
                    application=application,
                    bounds=RatchetBounds(),
                )
                expected = raw(step[f"{name}_key"]), raw(step[f"{name}_nonce"])
                equal(keys, expected, f"{name} keys of leaf {index} generation {step['generation']}")


def key_schedule(suite: Suite, case: Case) -> None:
    init = raw(case["initial_init_secret"])
    for number, it in enumerate(case["epochs"]):
        context = GroupContext(
            version=MLS10,
            cipher_suite=case["cipher_suite"],
            group_id=raw(case["group_id"]),
            epoch=number,
            tree_hash=raw(it["tree_hash"]),
            confirmed_transcript_hash=raw(it["confirmed_transcript_hash"]),
        )
        equal(context.encode(), raw(it["group_context"]), "group context")
        psk = raw(it["psk_secret"])
        joiner = joiner_secret(suite, init, raw(it["commit_secret"]), context.encode())
        secrets = epoch_secrets(suite, joiner, psk, context.encode())
        equal(joiner, raw(it["joiner_secret"]), "joiner secret")
        welcome = raw(it["welcome_secret"])
        key = expand_with_label(suite, welcome, b"key", b"", suite.parameters.key_length)
        equal(welcome_keys(suite, joiner, psk).key, key, "welcome secret, by its key")
        for mine, theirs in _EPOCH_SECRETS.items():
            equal(getattr(secrets, mine), raw(it[theirs]), theirs)
        equal(external_key(suite, secrets.external).public_key, raw(it["external_pub"]), "external_pub")
        out = it["exporter"]
        exported = export_secret(suite, secrets.exporter, out["label"].encode(), raw(out["context"]), out["length"])
        equal(exported, raw(out["secret"]), "exporter")
        init = secrets.init


_EPOCH_SECRETS = {
    "init": "init_secret",
    "sender_data": "sender_data_secret",
    "encryption": "encryption_secret",
    "exporter": "exporter_secret",
    "authenticator": "epoch_authenticator",
    "external": "external_secret",
    "confirmation": "confirmation_key",
    "membership": "membership_key",
    "resumption": "resumption_psk",
}


def psk_secrets(suite: Suite, case: Case) -> None:
    keys = [
        (PreSharedKeyId(ExternalPskId(raw(it["psk_id"])), raw(it["psk_nonce"])), raw(it["psk"])) for it in case["psks"]
    ]
    equal(psk_secret(suite, keys), raw(case["psk_secret"]), "psk_secret")


def transcript_hashes(suite: Suite, case: Case) -> None:
    content = AuthenticatedContent.decode(raw(case["authenticated_content"]))
    equal(content.encode(), raw(case["authenticated_content"]), "AuthenticatedContent re-encoded")
    equal(content.content.content_type, ContentType.COMMIT, "content type")
    before = raw(case["interim_transcript_hash_before"])
    confirmed = confirmed_transcript_hash(suite, before, content.confirmed_input())
    equal(confirmed, raw(case["confirmed_transcript_hash_after"]), "confirmed transcript hash")
    tag = content.confirmation_tag or b""
    equal(suite.mac(raw(case["confirmation_key"]), confirmed), tag, "confirmation tag")
    after = raw(case["interim_transcript_hash_after"])
    equal(interim_transcript_hash(suite, confirmed, tag), after, "interim transcript hash")
