"""The key schedule and transcript hashes (RFC 9420 §8): from one epoch's init secret to the next one's secrets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from aparte.codec import encode_vector
from aparte.crypto import KemPrivateKey, Suite
from aparte.crypto.labeled import derive_secret, expand_with_label

__all__ = [
    "EXTERNAL_INIT_LABEL",
    "NO_SECRETS",
    "EpochSecrets",
    "WelcomeKeys",
    "confirmed_transcript_hash",
    "epoch_secrets",
    "export_secret",
    "external_key",
    "initial_secrets",
    "interim_transcript_hash",
    "joiner_secret",
    "welcome_keys",
]


@dataclass(frozen=True, slots=True, repr=False)
class EpochSecrets:
    """The secrets of one epoch (§8, table 4), in that order. An empty one has been erased."""

    sender_data: bytes
    encryption: bytes
    exporter: bytes
    external: bytes
    confirmation: bytes
    membership: bytes
    resumption: bytes
    authenticator: bytes
    init: bytes

    def kept(self) -> EpochSecrets:
        """What stays once the epoch is set up: encryption and confirmation secrets have served."""
        return replace(self, encryption=b"", confirmation=b"")

    def only_resumption(self) -> EpochSecrets:
        """What stays of a group that was reinitialised: the link to the one that follows."""
        return replace(NO_SECRETS, resumption=self.resumption, authenticator=self.authenticator)

    def without_exporter(self) -> EpochSecrets:
        return replace(self, exporter=b"")


#: The exporter context under which an external committer and the group share an init secret (§8.3).
EXTERNAL_INIT_LABEL: Final = b"MLS 1.0 external init secret"

#: What one holds who was never in the epoch, or is not any more.
NO_SECRETS: Final = EpochSecrets(*(b"" for _ in range(9)))


@dataclass(frozen=True, slots=True, repr=False)
class WelcomeKeys:
    """welcome_key and welcome_nonce (§12.4.3.1)."""

    key: bytes
    nonce: bytes


def joiner_secret(suite: Suite, init_secret: bytes, commit_secret: bytes, group_context: bytes) -> bytes:
    """joiner_secret (§8, figure 22); `group_context` is the new epoch's, encoded."""
    extracted = suite.extract(init_secret, commit_secret)
    return expand_with_label(suite, extracted, b"joiner", group_context, suite.parameters.hash_length)


def welcome_keys(suite: Suite, joiner: bytes, psk_secret: bytes) -> WelcomeKeys:
    """What seals the GroupInfo of a Welcome."""
    welcome = derive_secret(suite, suite.extract(joiner, psk_secret), b"welcome")
    return WelcomeKeys(
        expand_with_label(suite, welcome, b"key", b"", suite.parameters.key_length),
        expand_with_label(suite, welcome, b"nonce", b"", suite.parameters.nonce_length),
    )


def epoch_secrets(suite: Suite, joiner: bytes, psk_secret: bytes, group_context: bytes) -> EpochSecrets:
    """All secrets of the epoch that `group_context` describes."""
    extracted = suite.extract(joiner, psk_secret)
    return _expand(suite, expand_with_label(suite, extracted, b"epoch", group_context, suite.parameters.hash_length))


def initial_secrets(suite: Suite, epoch_secret: bytes) -> EpochSecrets:
    """Epoch 0 of a group, from a random epoch secret (§11)."""
    return _expand(suite, epoch_secret)


def _expand(suite: Suite, epoch_secret: bytes) -> EpochSecrets:
    def derive(label: bytes) -> bytes:
        return derive_secret(suite, epoch_secret, label)

    return EpochSecrets(
        sender_data=derive(b"sender data"),
        encryption=derive(b"encryption"),
        exporter=derive(b"exporter"),
        external=derive(b"external"),
        confirmation=derive(b"confirm"),
        membership=derive(b"membership"),
        resumption=derive(b"resumption"),
        authenticator=derive(b"authentication"),
        init=derive(b"init"),
    )


def export_secret(suite: Suite, exporter: bytes, label: bytes, context: bytes, length: int) -> bytes:
    """MLS-Exporter (§8.5); the context is hashed, whatever its length."""
    derived = derive_secret(suite, exporter, label)
    return expand_with_label(suite, derived, b"exported", suite.hash(context), length)


def external_key(suite: Suite, external_secret: bytes) -> KemPrivateKey:
    """The epoch's external key pair (§8)."""
    return suite.derive_kem_key(external_secret)


def confirmed_transcript_hash(suite: Suite, interim: bytes, confirmed_input: bytes) -> bytes:
    """§8.2; `confirmed_input` is the commit's ConfirmedTranscriptHashInput."""
    return suite.hash(interim + confirmed_input)


def interim_transcript_hash(suite: Suite, confirmed: bytes, confirmation_tag: bytes) -> bytes:
    """§8.2; empty before the first commit."""
    return suite.hash(confirmed + encode_vector(confirmation_tag))
