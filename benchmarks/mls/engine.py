"""The operations under test, as an application would call them, on whatever suite it is given."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from aparte.crypto import Suite
from aparte.mls import (
    ApplicationMessage,
    Config,
    Credential,
    Group,
    KeyPackage,
    KeyPackageSecrets,
    Lifetime,
    ReceivedCommit,
    commit,
    create_group,
    create_key_package,
    decode_message,
    encode_message,
    join,
    process,
    protect,
    verify_key_packages,
)
from benchmarks.mls.counting import CountingSigner, CountingSuite

__all__ = ["MESSAGE", "Cast", "add_all", "empty_commit", "follow", "join_as", "receive_all", "send_all", "two_members"]

MESSAGE = bytes(range(256)) * 4
DAY = 24 * 3600


def _believe(credential: Credential, signature_key: bytes) -> bool:  # noqa: ARG001
    return True


@dataclass(frozen=True, slots=True, repr=False)
class Cast:
    """Who is going to be in a group: a creator, and the joiners with their published key packages."""

    suite: Suite
    config: Config
    creator: KeyPackageSecrets
    joiners: Sequence[KeyPackageSecrets]
    #: Encoded MLSMessages, as they come from a directory.
    packages: Sequence[bytes]
    now: int

    @classmethod
    def create(cls, suite: Suite, members: int) -> Cast:
        now = int(time.time())
        lifetime = Lifetime(now - DAY, now + 90 * DAY)
        made = [
            create_key_package(suite, Credential.basic(b"member-%d" % number), lifetime=lifetime)
            for number in range(members + 1)
        ]
        packages = [encode_message(secrets.key_package) for secrets in made[1:]]
        return cls(suite, Config(authenticate=_believe), made[0], made[1:], packages, now)

    def counted_by(self, suite: CountingSuite) -> Cast:
        """The same people on a suite that counts what they use."""
        return replace(self, suite=suite, creator=replace(self.creator, signer=suite.counted(self.creator.signer)))


def _decoded(data: bytes) -> KeyPackage:
    package = decode_message(data)
    if not isinstance(package, KeyPackage):
        raise TypeError("no key package")
    return package


def add_all(cast: Cast) -> tuple[Group, bytes]:
    """From encoded key packages to (the creator's group in epoch 1, the Welcome)."""
    group = create_group(cast.suite, cast.config, cast.creator)
    packages = [_decoded(data) for data in cast.packages]
    committed = commit(group, verify_key_packages(cast.suite, packages, config=cast.config, now=cast.now))
    return follow(committed.group, committed.message), committed.welcomes[0]


def join_as(cast: Cast, number: int, welcome: bytes) -> Group:
    return join(cast.suite, cast.config, welcome, [cast.joiners[number]])


def empty_commit(group: Group) -> tuple[Group, bytes]:
    """(the committer's group in the next epoch, the commit): what the host hands back is processed, too."""
    committed = commit(group)
    return follow(committed.group, committed.message), committed.message


def follow(group: Group, message: bytes) -> Group:
    """Process a commit and merge it."""
    received = process(group, message)
    if not isinstance(received, ReceivedCommit):
        raise TypeError("no commit")
    return received.staged.merge()


def two_members(cast: Cast) -> tuple[Group, Group]:
    """A sender and a receiver; the cast has one joiner."""
    sender, welcome = add_all(cast)
    receiver = join_as(cast, 0, welcome)
    counting = cast.suite
    if isinstance(counting, CountingSuite) and not isinstance(receiver.state.signer, CountingSigner):
        receiver = replace(receiver, state=replace(receiver.state, signer=counting.counted(receiver.state.signer)))
    return sender, receiver


def send_all(group: Group, count: int) -> tuple[Group, list[bytes]]:
    messages = []
    for _ in range(count):
        sent = protect(group, MESSAGE)
        messages.append(sent.message)
        group = sent.group
    return group, messages


def receive_all(group: Group, messages: Sequence[bytes]) -> Group:
    for message in messages:
        received = process(group, message)
        if not isinstance(received, ApplicationMessage) or received.data != MESSAGE:
            raise ValueError("not the message that was sent")
        group = received.group
    return group
