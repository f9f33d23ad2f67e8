"""Commands of people and scripts: an account, what is said, what came."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click

from aparte.cli.home import Failed, opened, run
from aparte.cli.screen import Screen
from aparte.cli.words import why_refused
from aparte.client.commands import AcceptRequest, MarkRead, SendText, SignUp, StartChat
from aparte.client.store.rows import MessageState
from aparte.client.views import AccountView, ConversationView, MessageView, Stage, Standing
from aparte.content import ConversationId
from aparte.drivers.system import system_clock
from aparte.trust import AddressRefused, normalize_host

__all__ = ["begin", "find", "list_", "message_line", "read", "register", "requests", "send", "sync"]

#: Seconds that a command waits for its host.
_PATIENCE: Final = 20.0
_SOON: Final = 3.0

as_json = click.option("--json", "as_json", is_flag=True, help="For programs.")
waiting = click.option("--wait", default=_PATIENCE, show_default=True, help="Seconds to wait for the host.")


def say(value: Any, text: str, *, as_json: bool) -> None:
    """One or the other."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=1) if as_json else text)


@click.command()
@click.argument("name")
@click.option("--host", required=True, help="Where the account lives: chat.example.org, or localhost:8440.")
@click.option("--invite", default="", help="The code, or link, with which the host lets you in.")
@as_json
@waiting
@click.pass_obj
def register(home: Path, /, name: str, *, host: str, **options: Any) -> None:
    """Make the account NAME@HOST, with this device as its first."""
    command = SignUp(name, _host(host), options["invite"].rpartition("#join=")[2].strip())

    async def play(screen: Screen) -> AccountView:
        screen.do(command)
        found = await screen.until(lambda: _decided(screen), seconds=options["wait"])
        if found is None:
            raise Failed(f"the host has not answered yet: {screen.trouble()}. aparte sync tries again")
        if found.standing is Standing.REFUSED:
            raise Failed(why_refused(found))
        return found

    account = run(home, play, create=True)
    address = f"{account.name}@{account.host}"
    value = {"address": address, "account_id": account.account_id.hex(), "is_operator": account.is_operator}
    say(value, f"You are {address}.", as_json=options["as_json"])


def _decided(screen: Screen) -> AccountView | None:
    account = screen.account
    return None if account is None or account.standing is Standing.SIGNING_UP else account


def _host(text: str) -> str:
    """A host as it was typed or pasted: a name, or the address of its page."""
    scheme, _, rest = text.rpartition("://")
    try:
        return normalize_host(rest.partition("/")[0] if scheme else text)
    except AddressRefused as error:
        raise Failed(error.rule.problem) from error


@click.command()
@click.argument("to")
@click.argument("text", nargs=-1, required=True)
@as_json
@waiting
@click.pass_obj
def send(home: Path, /, to: str, *, text: tuple[str, ...], **options: Any) -> None:
    """Say TEXT to TO: name@host, the id of a conversation, or its exact title."""

    async def play(screen: Screen) -> tuple[ConversationView, MessageView]:
        conversation_id = await begin(screen, to)
        changes = screen.do(SendText(conversation_id, " ".join(text)))
        (message,) = (each.view for each in changes if isinstance(each.view, MessageView))
        states = {message.number: message}
        screen.listen(lambda view: states.__setitem__(view.number, view))

        def gone() -> MessageView | None:
            now = states[message.number]
            return now if now.state is not MessageState.QUEUED and not screen.engine.pending() else None

        await screen.until(gone, seconds=options["wait"])
        found = screen.conversation(conversation_id)
        if found is None:
            raise Failed("the conversation is gone")
        return found, states[message.number]

    conversation, message = run(home, play)
    if message.state is MessageState.FAILED:
        raise Failed(f"it was not sent: {conversation.trouble}")
    state = message.state.name.lower()
    why = f": {conversation.trouble}" if conversation.trouble else ""
    text_ = "sent" if message.state is not MessageState.QUEUED else f"queued: it is sent as soon as it can be{why}"
    value = {"id": f"{message.number}", "conversation": conversation.conversation_id.hex(), "state": state}
    say(value, text_, as_json=options["as_json"])


async def begin(screen: Screen, to: str) -> ConversationId:
    """The conversation, a new one if it is with an address. Raises `Failed` and `CommandRefused`."""
    if "@" not in to:
        return find(screen.of(ConversationView), to).conversation_id
    if not any(each.address == to for each in screen.of(ConversationView)):
        # They may have begun one, which only has to be fetched.
        await screen.until(lambda: screen.engine.is_settled() or None, seconds=_SOON)
    changes = screen.do(StartChat(to))
    return next(each.view.conversation_id for each in changes if isinstance(each.view, ConversationView))


def find(conversations: list[ConversationView], to: str) -> ConversationView:
    """By id, address or exact title. Raises `Failed`."""
    found = [each for each in conversations if to in {each.conversation_id.hex(), each.title, each.address}]
    live = [each for each in found if each.stage is not Stage.ENDED] or found
    if not live:
        raise Failed(f"there is no conversation {to}: aparte list shows what there is")
    if len(live) > 1:
        raise Failed(f"{len(live)} conversations are called {to}: say which by its id, as aparte list shows it")
    return live[0]


@click.command()
@click.option("--follow", is_flag=True, help="Stay, and show what comes.")
@as_json
@waiting
@click.pass_obj
def sync(home: Path, /, *, follow: bool, **options: Any) -> None:
    """Send what waits, and fetch what came."""

    async def play(screen: Screen) -> int:
        came: list[MessageView] = []
        screen.listen(lambda view: came.append(view) if view.state is MessageState.RECEIVED else None)
        if follow:
            screen.listen(lambda view: _show(screen, view, as_json=options["as_json"]))
            await screen.until(lambda: None, seconds=float("inf"))
            return 0
        settled = await screen.until(lambda: screen.engine.is_settled() or None, seconds=options["wait"])
        if settled is None:
            raise Failed(f"not everything could be done: {screen.trouble() or 'the host is slow'}")
        return len({view.number for view in came})

    count = run(home, play)
    if not follow:
        say({"received": count}, f"{count} new", as_json=options["as_json"])


def _show(screen: Screen, view: MessageView, *, as_json: bool) -> None:
    if view.state is not MessageState.RECEIVED:
        return
    conversation = screen.conversation(view.conversation_id)
    value = {"conversation": view.conversation_id.hex(), **message_value(screen, view)}
    title = conversation.title if conversation is not None else ""
    click.echo(json.dumps(value, ensure_ascii=False) if as_json else f"[{title}] {message_line(screen, view)}")


@click.command("list")
@as_json
@click.pass_obj
def list_(home: Path, *, as_json: bool) -> None:
    """Conversations on this device, the newest first. Asks no host."""
    with opened(home) as engine:
        found = [each for each in engine.views() if isinstance(each, ConversationView) and not each.is_request]
    rows = [{"id": each.conversation_id.hex(), "title": each.title, "unread": each.unread} for each in found]
    lines = [f"{each.conversation_id.hex()}  {each.unread or '':>3}  {each.title}" for each in found]
    say(rows, "\n".join(lines) or "no conversations yet", as_json=as_json)


@click.command()
@click.argument("conversation")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000))
@as_json
@click.pass_obj
def read(home: Path, conversation: str, *, limit: int, as_json: bool) -> None:
    """What was said last in CONVERSATION (an id, a title, or name@host), oldest first. Asks no host."""
    with opened(home) as engine:
        screen = Screen(engine)
        found = find(screen.of(ConversationView), conversation)
        messages = engine.messages(found.conversation_id, limit=limit)
        engine.handle(MarkRead(found.conversation_id), system_clock())
        rows = [message_value(screen, each) for each in messages]
        lines = [message_line(screen, each) for each in messages]
    say(rows, "\n".join(lines), as_json=as_json)


def message_value(screen: Screen, view: MessageView) -> dict[str, Any]:
    """A message for programs."""
    return {
        "id": f"{view.number}",
        "from": screen.name_of(view.sender),
        "at": _time(view).isoformat(timespec="milliseconds"),
        "kind": view.kind.name.lower(),
        "text": view.text,
        "state": view.state.name.lower(),
    }


def message_line(screen: Screen, view: MessageView) -> str:
    """A message for people; in the text of others nothing can move the cursor."""
    name = screen.name_of(view.sender) or "·"
    text = "".join(each if each.isprintable() or each == "\n" else "�" for each in view.text)
    mark = {MessageState.QUEUED: "  (queued)", MessageState.FAILED: "  (not sent)"}.get(view.state, "")
    return f"{_time(view).astimezone():%Y-%m-%d %H:%M}  {name}: {text}{mark}"


def _time(view: MessageView) -> datetime:
    return datetime.fromtimestamp(view.at / 1000, tz=UTC)


@click.group(invoke_without_command=True)
@as_json
@click.pass_context
def requests(context: click.Context, *, as_json: bool) -> None:
    """Conversations that strangers have begun."""
    if context.invoked_subcommand is not None:
        return
    with opened(context.obj) as engine:
        screen = Screen(engine)
        found = [each for each in screen.of(ConversationView) if each.is_request]
    rows = [{"id": each.conversation_id.hex(), "title": each.title, "unread": each.unread} for each in found]
    lines = [f"{number}  {each.title or each.conversation_id.hex()}" for number, each in enumerate(found, 1)]
    say(rows, "\n".join(lines) or "no requests", as_json=as_json)


@requests.command()
@click.argument("which")
@click.pass_obj
def accept(home: Path, which: str) -> None:
    """Talk to them: WHICH is the number in `aparte requests`, an id, or name@host."""
    with opened(home) as engine:
        found = [each for each in Screen(engine).of(ConversationView) if each.is_request]
        is_number = which.isdecimal() and 0 < int(which) <= len(found)
        one = found[int(which) - 1] if is_number else find(found, which)
        engine.handle(AcceptRequest(one.conversation_id), system_clock())
    click.echo(f"{one.title} is a conversation like others now")
