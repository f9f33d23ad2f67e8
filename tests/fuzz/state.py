# Invariant: saved bytes give a value that is written back and read again alike, or StateError, or UnsupportedSuite,
# and nothing else; a group that came back answers every message with an event or a typed error.
# The first byte chooses: a group, or the secrets of a key package.
"""`decode_group` and `decode_key_package_secrets`."""

from __future__ import annotations

from contextlib import suppress

from aparte.crypto import UnsupportedSuite
from aparte.mls import (
    DecodeError,
    MlsError,
    StateError,
    decode_group,
    decode_key_package_secrets,
    encode_group,
    encode_key_package_secrets,
    process,
)
from tests.properties.corpus import corpus

CORPUS = corpus()
PROVIDER, CONFIG = CORPUS.victim.provider, CORPUS.victim.config


def seeds() -> list[bytes]:
    return [b"\x00" + state for state in CORPUS.states] + [b"\x01" + CORPUS.secrets]


def target(data: bytes) -> None:
    if not data:
        return
    try:
        if data[0] % 2:
            secrets = decode_key_package_secrets(data[1:], PROVIDER)
            again = encode_key_package_secrets(secrets)
            decode_key_package_secrets(again, PROVIDER)
            return
        group = decode_group(data[1:], PROVIDER, CONFIG)
    except (StateError, UnsupportedSuite):
        return
    again = encode_group(group)
    if encode_group(decode_group(again, PROVIDER, CONFIG)) != again:
        raise AssertionError("a group that was read is written in two ways")
    for name in ("application", "commit remove PUBLIC_MESSAGE", "commit psk PRIVATE_MESSAGE"):
        with suppress(DecodeError, MlsError):
            process(group, CORPUS.messages[name])
