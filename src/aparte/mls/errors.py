"""The error tree, sorted by who is at fault: our caller, the peer, the bytes, or only this member's view.

Bytes that decode to nothing raise `aparte.codec.DecodeError`, which stands outside this tree because every
room's decoders share it. Together, `MlsError` and `DecodeError` are all that this package raises about data.
"""

from __future__ import annotations

from aparte.codec import DecodeError

__all__ = [
    "BadSignature",
    "CallerError",
    "CannotFollow",
    "DecodeError",
    "GenerationGone",
    "GenerationTooFar",
    "MissingPsk",
    "MlsError",
    "NotAMember",
    "PathUndecryptable",
    "PeerError",
    "StateError",
    "Undecryptable",
    "UnknownProposal",
    "WrongEpoch",
    "WrongGroup",
    "require",
]


class MlsError(Exception):
    """Root of the tree."""


class CallerError(MlsError):
    """The call makes no sense for this group now; nothing was received from anybody."""


class CannotFollow(MlsError):
    """Something that only this member lacks: others may well accept the message, so nobody is to be accused."""


class MissingPsk(CannotFollow, CallerError):
    """A commit or Welcome names a pre-shared key that the caller did not supply and the group has not kept."""


class StateError(MlsError):
    """Bytes given as a saved state are none of ours, or of a version that this code cannot read."""


class PeerError(MlsError):
    """What a peer sent breaks a rule. `rule` is its number in docs/rules.md: section.ordinal[/detail]."""

    def __init__(self, rule: str, problem: str) -> None:
        super().__init__(f"{problem} [rule {rule}]")
        self.rule = rule
        self.problem = problem


class BadSignature(PeerError):
    """A signature does not verify."""


class WrongGroup(PeerError):
    """The message is for another group."""


class WrongEpoch(PeerError):
    """The message is of an epoch other than the group's."""

    def __init__(self, rule: str, *, expected: int, got: int) -> None:
        super().__init__(rule, f"the message is of epoch {got}, the group is at {expected}")
        self.expected = expected
        self.got = got


class NotAMember(PeerError):
    """The sender's leaf is blank or outside the tree."""


class GenerationGone(PeerError):
    """The key of that generation was used or dropped: a replay, or a message that came too late."""


class GenerationTooFar(PeerError):
    """The generation lies further ahead than the configured bound."""


class Undecryptable(PeerError):
    """The ciphertext does not open under the key that it names."""


class UnknownProposal(CannotFollow, PeerError):
    """A commit refers to a proposal that this member has not received, or has declined to keep."""


class PathUndecryptable(CannotFollow):
    """Only *my* share of a commit's path is bad: other members may well accept the commit.

    Not a `PeerError`, because nobody else can confirm it: the receiver is blind and must not accuse.
    `committer` is the leaf index of the sender, -1 for an external committer.
    """

    def __init__(self, committer: int, problem: str) -> None:
        super().__init__(f"the path of the commit by leaf {committer} fails for this member: {problem}")
        self.committer = committer
        self.problem = problem


def require(condition: object, rule: str, problem: str) -> None:
    """Raise `PeerError` unless `condition` holds: the one gate through which numbered rules are enforced."""
    if not condition:
        raise PeerError(rule, problem)
