"""Write docs/protocol/frames.md from `aparte.wire`: every frame with its structure, what answers it and an example.

    python tools/frames_reference.py [--check]

With `--check`, say only whether the page is up to date (exit 1 if not).
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from pathlib import Path
from types import ModuleType

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from aparte.codec import Reader
from aparte.wire import (
    ANONYMOUS_FRAMES,
    FRAMES,
    IDENTITY_FRAMES,
    ErrorCode,
    codes,
    entries,
    ids,
    layout_of,
    limits,
    statements,
    tickets,
)
from aparte.wire import account_frames as a
from aparte.wire import link_frames as link
from aparte.wire import log_frames as log
from aparte.wire.frames import FROM_HOST
from aparte.wire.layout import Layout
from tools.frame_answers import ANSWERS, COMMON, HTTP_ONLY, LINK_ONLY, UNASKED
from tools.frame_examples import Line, dissect, example

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/protocol/frames.md"
WIDTH = 16
SUBJECTS: tuple[ModuleType, ...] = (link, log, a, entries, tickets)
ENUMS: tuple[type[IntEnum], ...] = (ids.EntryKind, entries.EntryForm, log.OpenStatus, ids.Lane, ids.TicketKind)

INTRODUCTION = """\
# Frames

Every frame between client and host, in the order of their numbers. Made by `tools/frames_reference.py` from
[`src/aparte/wire/`](../../src/aparte/wire/); do not edit. How links, requests and errors work: [README.md](README.md).
What the frames of a log mean: [log.md](log.md). Those of an account: [identity.md](identity.md).

A frame is one byte, its number, and then the structure shown. Numbers below 0x80 go from client to host, the others
from host to client.

## Notation

The presentation language of RFC 8446 §3, with the vectors of RFC 9420 §2.1.2. All integers are big-endian.

| written | means |
|---|---|
| `opaque x[16]` | exactly 16 bytes |
| `opaque x<V>`, `T x<V>` | a length **in bytes**, then the bytes, or as many items as fill that length exactly |
| `optional<T> x` | 0, or 1 and then a T; nothing else |
| `T x` with T a structure | its fields, in this place, without a length |

The length of a vector takes 1, 2 or 4 bytes, and the two highest bits of the first say which:

| length | bytes |
|---|---|
| 0 to 63 | `00` and 6 bits of length |
| 64 to 16,383 | `01` and 14 bits |
| 16,384 to 1,073,741,823 | `10` and 30 bits |

The decoder refuses what could be written otherwise: a length in more bytes than it needs, the prefix `11`, a number
that its enumeration does not have, a presence byte or `bool` above 1, text that is not UTF-8, a vector above its
limit, and bytes after the end. So a frame has one encoding only.

`request` is chosen by the client and repeated in the answer. `at`, `now`, `expires` and other times are milliseconds
since 1970-01-01T00:00Z, `wait` is milliseconds from now.

**Examples.** The bytes stand on the left, 16 a line, and what they are on the right. The values are patterns: their
hashes, signatures and MACs verify nothing. [log.md](log.md) has computed ones.
"""


# -- what the code says ---------------------------------------------------------------------------------------------
def remarks(owner: object) -> dict[str, str]:
    """Name → its `#:` comment, of the members of a class or the constants of a module."""
    lines, found = [line.strip() for line in inspect.getsource(owner).splitlines()], {}  # type: ignore[arg-type]
    comment: list[str] = []
    for line in lines:
        if line.startswith("#: "):
            comment.append(line[3:])
            continue
        name, equals, _ = line.partition(" = ")
        if equals and comment:
            found[name.partition(":")[0]] = " ".join(comment)
        comment = []
    return found


def structures() -> list[type]:
    """The structures that are no frames, in the order of their modules."""
    frames = set(FRAMES.values())
    found = []
    for module in SUBJECTS:
        names = [node.name for node in ast.parse(inspect.getsource(module)).body if isinstance(node, ast.ClassDef)]
        found += [cls for cls in (getattr(module, name) for name in names) if _has_layout(cls) and cls not in frames]
    return found


def _has_layout(cls: type) -> bool:
    try:
        return isinstance(layout_of(cls), Layout)
    except KeyError:
        return False


def place(cls: type) -> str:
    """On which link a frame travels."""
    if cls in UNASKED:
        return UNASKED[cls]
    asked = {asker for asker, (answers, _) in ANSWERS.items() if cls in answers} or {cls}
    if cls is link.Problem:
        asked = set(ANSWERS)
    places = {
        "anonymous link": ANONYMOUS_FRAMES - HTTP_ONLY,
        "identity link": IDENTITY_FRAMES,
        "HTTP": ANONYMOUS_FRAMES - LINK_ONLY,
    }
    return ", ".join(name for name, takes in places.items() if asked & takes)


# -- the page -------------------------------------------------------------------------------------------------------
def page() -> str:
    """The whole of docs/protocol/frames.md."""
    numbers = sorted(FRAMES)
    parts = [INTRODUCTION, "## Overview", _overview(numbers), "## From client to host"]
    parts += [_section(number) for number in numbers if number < FROM_HOST]
    parts += ["## From host to client"]
    parts += [_section(number) for number in numbers if number >= FROM_HOST]
    parts += ["## Structures", *map(_structure, structures())]
    parts += ["## Enumerations", "An enumeration takes one byte.", _declared_bool(), *map(_enumeration, ENUMS)]
    parts += ["## What is signed", *_statements()]
    parts += ["## Error codes", str(inspect.getdoc(ErrorCode)), _errors(), "## Limits", _limits()]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _overview(numbers: Iterable[int]) -> str:
    lines = ["| number | frame | where | answered by |", "|---|---|---|---|"]
    for number in numbers:
        cls = FRAMES[number]
        answered = ", ".join(map(_link, ANSWERS[cls][0])) if cls in ANSWERS else ""
        lines.append(f"| {number:#04x} | {_link(cls)} | {place(cls)} | {answered} |")
    return "\n".join(lines)


def _link(cls: type) -> str:
    return f"[{cls.__name__}](#{cls.__name__.lower()})"


def _section(number: int) -> str:
    cls = FRAMES[number]
    value = example(cls)
    lines = [Line(bytes([number]), cls.__name__), *dissect(value)]
    facts = f"Number {number:#04x}; {_arrow(cls)}; {place(cls)}."
    return "\n\n".join([f"### {cls.__name__}", facts, _said(cls), _declared(cls), _answered(cls), _table(lines)])


def _arrow(cls: type) -> str:
    return "client to host" if cls in ANSWERS else "host to client"


def _answered(cls: type) -> str:
    if cls in UNASKED:
        return "Sent unasked."
    if cls is link.Problem:
        return "Answers any request that fails. Unasked, with request 0, it says why the host closes the link."
    if cls not in ANSWERS:
        return f"Answers {', '.join(_link(asker) for asker, (answers, _) in ANSWERS.items() if cls in answers)}."
    answers, refusals = ANSWERS[cls]
    names = ", ".join(map(_link, answers))
    problems = ", ".join(code.name for code in refusals) or "only the errors of every request"
    return f"Answered by {names}, or by [Problem](#problem): {problems}."


def _said(cls: type) -> str:
    return str(inspect.getdoc(cls))


def _declared(cls: type) -> str:
    return f"```c\n{layout_of(cls).declare()}\n```"


def _table(lines: Sequence[Line]) -> str:
    rows = []
    for line in lines:
        first, *others = _hex(line.data).splitlines()
        rows += [f"{first:{2 * WIDTH}}  {line.says}", *others]
    return "```text\n" + "\n".join(rows) + "\n```"


def _structure(cls: type) -> str:
    return "\n\n".join([f"### {cls.__name__}", _said(cls), _declared(cls)])


def _enumeration(kinds: type[IntEnum]) -> str:
    comments = remarks(kinds)
    members = "".join(
        f"    {kind.name}({kind.value}),{f'  /* {comments[kind.name]} */' if kind.name in comments else ''}\n"
        for kind in kinds
    )
    declared = f"```c\nenum {{\n{members}    (255)\n}} {kinds.__name__};\n```"
    return "\n\n".join([f"### {kinds.__name__}", _said(kinds), declared])


def _declared_bool() -> str:
    return "```c\nenum { false(0), true(1), (255) } bool;\n```"


def _statements() -> Iterator[str]:
    host, nonce, device = "chat.example", bytes(range(32)), ids.DeviceId(bytes(range(16)))
    log_id, account, body = ids.LogId(bytes(range(16))), ids.AccountId(bytes(range(32))), example(tickets.TicketBody)
    link_nonce = ids.LinkNonce(nonce)
    signed = {
        statements.open_statement: statements.open_statement(host, link_nonce, log_id=log_id, node=ids.Node(3)),
        statements.identity_statement: statements.identity_statement(
            host, link_nonce, account_id=account, device_id=device
        ),
        statements.deletion_statement: statements.deletion_statement(host, link_nonce, account_id=account),
        tickets.ticket_statement: tickets.ticket_statement(body),
    }
    yield "`host` is the name that the client dialled. The examples have `chat.example`, node 3, and else 00 01 02 …"
    for function, statement in signed.items():
        says, _, shape = str(inspect.getdoc(function)).rstrip(".").partition(": ")
        label = Reader(statement).vector().decode()
        yield f"### {function.__name__}\n\n{says}; the label is `{label}`:"
        yield f"```text\n{shape}\n\n{_hex(statement)}\n```"


def _hex(data: bytes) -> str:
    return "\n".join(data[at : at + WIDTH].hex() for at in range(0, len(data), WIDTH))


def _errors() -> str:
    comments = remarks(codes.ErrorCode)
    lines = ["| code | name | means |", "|---|---|---|"]
    lines += [f"| {code.value} | {code.name} | {comments[code.name]} |" for code in ErrorCode]
    common = ", ".join(code.name for code in COMMON)
    return (
        "\n".join(lines) + f"\n\nAny request may meet {common}; the others stand with the requests that may meet them."
    )


def _limits() -> str:
    comments = remarks(limits)
    lines = ["| limit | value | why |", "|---|---|---|"]
    lines += [f"| {name} | {getattr(limits, name):,} | {comments.get(name, '')} |" for name in _in_order(limits)]
    return "\n".join(lines)


def _in_order(module: ModuleType) -> list[str]:
    """A module's constants as they stand there."""
    body = ast.parse(inspect.getsource(module)).body
    return [node.target.id for node in body if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)]


def main(arguments: Sequence[str]) -> int:
    """Write or check the page."""
    text = page()
    if "--check" in arguments:
        current = PAGE.read_text(encoding="utf-8") == text
        print("up to date" if current else f"{PAGE.relative_to(ROOT)} is out of date: run tools/frames_reference.py")
        return 0 if current else 1
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
