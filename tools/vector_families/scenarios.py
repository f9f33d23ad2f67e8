"""welcome and the passive-client families."""

from __future__ import annotations

from typing import Any

from aparte.crypto import Suite
from aparte.mls.config import Config
from aparte.mls.group import Group
from aparte.mls.join import JoinOptions, join
from aparte.mls.key_package import KeyPackage, KeyPackageSecrets
from aparte.mls.key_schedule import epoch_secrets, welcome_keys
from aparte.mls.messages import decode_message
from aparte.mls.process import ReceivedCommit, ReceivedProposal, process
from aparte.mls.psk import PskSource, psk_secret
from aparte.mls.welcome import Welcome
from tools.vector_families.expect import equal, raw

Case = dict[str, Any]


def _trusting() -> Config:
    """Vectors have no Authentication Service: every credential is believed, and every successor."""
    return Config(authenticate=lambda _credential, _key: True, succeeds=lambda _old, _new: True)


def _key_package(data: bytes) -> KeyPackage:
    package = decode_message(data)
    if not isinstance(package, KeyPackage):
        raise TypeError("not a KeyPackage")
    return package


def welcome(suite: Suite, case: Case) -> None:
    package, message = _key_package(raw(case["key_package"])), decode_message(raw(case["welcome"]))
    if not isinstance(message, Welcome):
        raise TypeError("not a Welcome")
    entry = message.addressed_to(package.reference(suite))
    if entry is None:
        raise ValueError("the Welcome does not name the key package")
    secrets = message.open_secrets(suite, entry, suite.load_kem_key(raw(case["init_priv"])))
    psk = psk_secret(suite, [])
    info = message.open_group_info(suite, welcome_keys(suite, secrets.joiner_secret, psk))
    suite.verify(raw(case["signer_pub"]), info.signed_content(), info.signature)
    epoch = epoch_secrets(suite, secrets.joiner_secret, psk, info.group_context.encode())
    tag = suite.mac(epoch.confirmation, info.group_context.confirmed_transcript_hash)
    equal(tag, info.confirmation_tag, "confirmation tag")


def passive_client(suite: Suite, case: Case) -> None:
    package = _key_package(raw(case["key_package"]))
    own = KeyPackageSecrets(
        package,
        init_key=suite.load_kem_key(raw(case["init_priv"])),
        encryption_key=suite.load_kem_key(raw(case["encryption_priv"])),
        signer=suite.load_signer(raw(case["signature_priv"])),
    )
    equal(own.init_key.public_key, package.init_key, "init key")
    equal(own.encryption_key.public_key, package.leaf_node.encryption_key, "encryption key")
    equal(own.signer.public_key, package.leaf_node.signature_key, "signature key")
    psks = PskSource(external={raw(it["psk_id"]): raw(it["psk"]) for it in case["external_psks"]})
    tree = case["ratchet_tree"]
    options = JoinOptions(ratchet_tree=None if tree is None else raw(tree), psks=psks)
    group = join(suite, _trusting(), raw(case["welcome"]), [own], options)
    equal(group.epoch_authenticator, raw(case["initial_epoch_authenticator"]), "first epoch authenticator")
    for it in case["epochs"]:
        group = _next_epoch(group, it, psks)
        equal(group.epoch_authenticator, raw(it["epoch_authenticator"]), f"authenticator of {group.epoch}")


def _next_epoch(group: Group, it: Case, psks: PskSource) -> Group:
    for message in it["proposals"]:
        received = process(group, raw(message))
        if not isinstance(received, ReceivedProposal):
            raise TypeError("not a proposal")
        group = received.group
    received = process(group, raw(it["commit"]), psks=psks)
    if not isinstance(received, ReceivedCommit):
        raise TypeError("not a commit")
    return received.staged.merge()
