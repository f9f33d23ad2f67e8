"""Reading a log as a member does: node after node, page after page. What is sent over what is somebody else's."""

from __future__ import annotations

from collections.abc import Generator
from typing import Final

from aparte.server.opening import JudgedOpen
from aparte.server.store import StoreError
from aparte.wire.entries import Entry
from aparte.wire.ids import EntryKind, Node, Request, Seq
from aparte.wire.log_frames import Entries, Open, Opened, OpenedItem, OpenStatus, Read
from tests.hosting import HOST, JUDGE, Client
from tests.reliability.ledger import Reading, Talk

PAGE: Final = 16_384
FOUND: Final = {OpenStatus.LIVE, OpenStatus.ENDED}

#: Asks for a node to be opened, or for a page; is told the item, or the page. None: there is no such log.
Walk = Generator[Node | Read, OpenedItem | Entries, Reading | None]


def walk(talk: Talk) -> Walk:
    """All that there is of a log that nobody posts to meanwhile. `talk` learns the nodes that it meets."""
    opened: OpenedItem | Entries | None = None
    for node in sorted(talk.keys):  # the oldest may be forgotten
        opened = yield node
        assert isinstance(opened, OpenedItem)
        if opened.status in FOUND:
            break
    entries: list[Entry] = []
    while isinstance(opened, OpenedItem) and opened.status in FOUND:
        found = yield from _pages(talk, opened)
        entries += found
        for entry in found:
            if entry.kind is EntryKind.COMMIT:
                talk.learns(entry, entry.idem)
        if opened.status is OpenStatus.LIVE:
            return Reading(entries, opened.head_seq, opened.chain)
        opened = yield opened.child
    return None


def _pages(talk: Talk, opened: OpenedItem) -> Generator[Read, OpenedItem | Entries, list[Entry]]:
    found: list[Entry] = []
    while True:
        after = found[-1].seq if found else Seq(opened.node)
        page = yield Read(Request(0), talk.log_id, opened.node, after, PAGE, opened.pass_)
        assert isinstance(page, Entries)
        found += page.entries
        if not page.more:
            return found


def read_in_scene(client: Client, talk: Talk) -> Reading | None:
    """Walk over a core without sockets. Raises `StoreError`."""
    steps = walk(talk)
    scene = client.scene
    answer: OpenedItem | Entries | None = None
    while True:
        try:
            asked = next(steps) if answer is None else steps.send(answer)
        except StopIteration as end:
            found: Reading | None = end.value
            return found
        if isinstance(asked, Read):
            answer = scene.reads.read(scene.store.reader(), asked, now=scene.now)
        else:
            opened = client.sends(opening(client, talk, node=asked))
            if not isinstance(opened, Opened):
                raise StoreError(f"not opened: {opened}")
            answer = opened.items[0]


def opening(client: Client, talk: Talk, *, node: Node, request: int = 0) -> JudgedOpen:
    """An `Open` by proof, judged."""
    item = talk.item(node, client.link.nonce, host=HOST)
    return JUDGE.judge(Open(Request(request), False, (item,)), client.link, now=client.scene.now)
