"""mls-rs through its UniFFI module: suite 1. Handles in, handles out: turning them to bytes is not counted."""

from __future__ import annotations

import importlib
from typing import Any

from benchmarks.mls.engine import MESSAGE
from benchmarks.mls.plan import Plan
from benchmarks.mls.rows import Contender, Key, Row, Sample, Samples, timed

__all__ = ["MlsRs", "mls_rs"]

_SUITE = 0x0001


def _samples(found: dict[Row, Sample]) -> Samples:
    return {Key(row, _SUITE, Contender.MLS_RS): sample for row, sample in found.items()}


class MlsRs:
    """Two members who talk, and a group that is made anew in each round."""

    def __init__(self, library: Any, plan: Plan) -> None:
        self._library = library
        self._config = library.client_config_default()
        self._plan = plan
        self._creator = self._client(b"creator")
        self._sender, self._receiver = self._two_members()
        self._joiners = [self._client(b"member-%d" % number) for number in range(plan.members)]
        self._packages = [joiner.generate_key_package_message() for joiner in self._joiners]
        self._next_joiner = 0

    def _client(self, name: bytes) -> Any:
        keys = self._library.generate_signature_keypair(self._library.CipherSuite.CURVE25519_AES128)
        return self._library.Client(name, keys, self._config)

    def _add(self, packages: list[Any]) -> tuple[Any, Any]:
        group = self._creator.create_group(None)
        output = group.add_members(packages)
        group.process_incoming_message(output.commit_message)
        return group, output.welcome_message

    def _two_members(self) -> tuple[Any, Any]:
        other = self._client(b"other")
        group, welcome = self._add([other.generate_key_package_message()])
        return group, other.join_group(None, welcome).group

    def messages(self) -> Samples:
        count, send, receive = (
            self._plan.messages,
            self._sender.encrypt_application_message,
            self._receiver.process_incoming_message,
        )
        sent, messages = timed(lambda: [send(MESSAGE) for _ in range(count)])
        received, _ = timed(lambda: [receive(message) for message in messages])
        return _samples({Row.PROTECT: sent.per(count), Row.UNPROTECT: received.per(count)})

    def bulk(self) -> Samples:
        """A joiner's key package serves once: each round another joins."""
        joiner = self._joiners[self._next_joiner]
        self._next_joiner += 1
        add, (group, welcome) = timed(lambda: self._add(self._packages))
        join, joined = timed(lambda: joiner.join_group(None, welcome).group)

        def commit() -> Any:
            output = group.commit()
            group.process_incoming_message(output.commit_message)
            return output.commit_message

        committed, message = timed(commit)
        process, _ = timed(lambda: joined.process_incoming_message(message))
        return _samples({Row.ADD: add, Row.JOIN: join, Row.COMMIT: committed, Row.PROCESS: process})


def mls_rs(plan: Plan) -> MlsRs | str:
    """The peer, or why it is absent."""
    try:
        return MlsRs(importlib.import_module("mls_rs_uniffi"), plan)
    except ImportError as error:
        return f"mls-rs is absent: {error}"
