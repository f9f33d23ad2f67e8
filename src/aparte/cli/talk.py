"""`aparte chat`: a conversation in a terminal, line by line."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import click

from aparte.cli.home import run
from aparte.cli.people import begin, message_line
from aparte.cli.screen import Screen
from aparte.client.commands import CommandRefused, MarkRead, SendText
from aparte.client.store.rows import MessageState
from aparte.client.views import MessageView

__all__ = ["chat"]


@click.command()
@click.argument("conversation")
@click.pass_obj
def chat(home: Path, conversation: str) -> None:
    """Talk in CONVERSATION (name@host, an id, or a title). Each line is a message; Ctrl-D ends."""

    async def play(screen: Screen) -> None:
        conversation_id = await begin(screen, conversation)
        shown: set[int] = set()

        def show(view: MessageView) -> None:
            is_new = view.number not in shown or view.state is MessageState.FAILED
            if view.conversation_id == conversation_id and is_new and view.state is not MessageState.QUEUED:
                shown.add(view.number)
                click.echo(message_line(screen, view))

        for view in screen.engine.messages(conversation_id, limit=20):
            show(view)
        screen.listen(show)
        reader = await _stdin()
        while line := await reader.readline():
            text = line.decode(errors="replace").rstrip("\n")
            try:
                screen.do(MarkRead(conversation_id))
                if text:
                    screen.do(SendText(conversation_id, text))
            except CommandRefused as error:
                click.echo(str(error), err=True)
        await screen.until(lambda: None if screen.engine.pending() else True, seconds=10)

    run(home, play)


async def _stdin() -> asyncio.StreamReader:
    """Lines as they are typed, or piped in."""
    reader = asyncio.StreamReader(limit=1 << 20)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader
