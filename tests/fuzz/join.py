# Invariant: `join` and `external_join` raise DecodeError or MlsError and nothing else, and nobody is let into a
# group by bytes that no member made. The first byte chooses: a Welcome, a GroupInfo, a tree beside a GroupInfo, a
# GroupInfo inside a Welcome, or a tree that a hostile inviter signs and seals.
"""`join` and `external_join`."""

from __future__ import annotations

from aparte.mls import DecodeError, JoinOptions, MlsError, PeerError, external_join, join
from tests.properties import hostile
from tests.properties.corpus import corpus

CORPUS = corpus()
JOINER = CORPUS.joiner
PACKAGE = JOINER.packages[0].key_package
BESIDE = CORPUS.insider.invites(with_tree=False)
VALID = {CORPUS.welcome, CORPUS.group_info, CORPUS.tree}


def seeds() -> list[bytes]:
    inputs = (CORPUS.welcome, CORPUS.group_info, CORPUS.tree, CORPUS.group_info[4:], CORPUS.tree)
    return [bytes([mode]) + data for mode, data in enumerate(inputs)]


def target(data: bytes) -> None:
    if not data:
        return
    mode, rest = data[0] % 5, data[1:]
    try:
        attempt(mode, rest)
    except (DecodeError, MlsError):
        return
    if rest not in VALID:
        raise AssertionError("let in by altered bytes")


def attempt(mode: int, data: bytes) -> None:
    suite, config = JOINER.suite, JOINER.config
    if mode == 1:
        external_join(suite, config, data, JOINER.packages[0])
    elif mode == 2:
        external_join(suite, config, BESIDE, JOINER.packages[0], ratchet_tree=data)
    else:
        welcome = data if mode == 0 else hostile.welcome(suite, PACKAGE, data if mode == 3 else over(data))
        join(suite, config, welcome, JOINER.packages, JoinOptions())


def over(tree: bytes) -> bytes:
    """A GroupInfo over any tree, signed by a member."""
    signer = CORPUS.insider.group.state.signer
    try:
        return hostile.group_info(JOINER.suite, tree, signer=signer, at=0)[4:]
    except (DecodeError, PeerError):
        return hostile.group_info(JOINER.suite, tree, signer=signer, at=0, tree_hash=bytes(32))[4:]
