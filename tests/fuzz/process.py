# Invariant: `process` raises DecodeError or MlsError and nothing else, the group stays as it was, and what did not
# come from a member is never believed: only messages of the corpus may become events.
# The first byte chooses: as it came, or the rest as a body that an insider signs and seals.
"""`process`, from outside and from an insider."""

from __future__ import annotations

from aparte.mls import ContentType, DecodeError, MlsError, Received, encode_group, process
from tests.properties import hostile
from tests.properties.corpus import agreed, corpus

CORPUS = corpus()
VALID = set(CORPUS.messages.values())
BEFORE = encode_group(CORPUS.victim.group)
KINDS = tuple(ContentType)


def seeds() -> list[bytes]:
    from_outside = [b"\x00" + message for message in CORPUS.messages.values()]
    inside = [bytes([mode + kind]) + body for kind, body in CORPUS.bodies for mode in (0, 3)]
    return from_outside + inside


def target(data: bytes) -> None:
    if not data:
        return
    mode, rest = data[0] % 10, data[1:]
    if not mode:
        believed = hear(rest)
        if believed is not None and rest not in VALID:
            raise AssertionError("an altered message was believed")
        return
    kind, group = KINDS[(mode - 1) % 3], CORPUS.insider.group
    if mode < 4:
        hear(hostile.public_message(group, kind, rest, tag=bytes(32)))
    elif mode < 7:
        hear(hostile.signed_private(group, kind, rest, tag=bytes(32)))
    else:
        hear(hostile.private_message(group, kind, rest))


def hear(message: bytes) -> Received | None:
    group = CORPUS.victim.group
    try:
        return process(group, message, psks=agreed())
    except (DecodeError, MlsError):
        return None
    finally:
        if encode_group(group) != BEFORE:
            raise AssertionError("the group that was given has changed")
