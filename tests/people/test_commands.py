"""Two people, a host, and nothing but the `aparte` command."""

from __future__ import annotations

import os
import re
import signal
import subprocess

import pytest

from tests.people.conftest import Person, Place


def talking(place: Place) -> tuple[Person, Person]:
    """Alice has written to Bob, who has accepted."""
    alice, bob = place.person("alice").registers(), place.person("bob").registers()
    assert alice.runs("send", bob.address, "hello", "there") == "sent\n"
    bob.runs("sync")
    bob.runs("requests", "accept", "1")
    return alice, bob


def test_a_conversation(place: Place) -> None:
    alice, bob = talking(place)
    assert bob.asks("send", alice.address, "hi — café ☕")["state"] == "sent"
    assert alice.asks("sync") == {"received": 1}
    (chat,) = alice.asks("list")
    assert chat == {"id": chat["id"], "title": bob.address, "unread": 1}
    assert re.fullmatch("[0-9a-f]{32}", chat["id"])
    first, second = alice.asks("read", chat["id"])
    assert list(first) == ["id", "from", "at", "kind", "text", "state"]
    assert (first["from"], first["text"], first["state"], first["kind"]) == (
        alice.address,
        "hello there",
        "sent",
        "text",
    )
    assert (second["from"], second["text"], second["state"]) == (bob.address, "hi — café ☕", "received")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", first["at"])
    assert alice.asks("list")[0]["unread"] == 0, "what was read is read"
    assert alice.asks("read", bob.address, "--limit", "1") == [second]


def test_a_stranger_is_a_request(place: Place) -> None:
    alice, bob = place.person("alice").registers(), place.person("bob").registers()
    alice.runs("send", bob.address, "hello")
    bob.runs("sync")
    assert bob.asks("list") == []
    (request,) = bob.asks("requests")
    assert (request["title"], request["unread"]) == (alice.address, 1)
    bob.runs("requests", "accept", alice.address)
    assert [each["id"] for each in bob.asks("list")] == [request["id"]]


def test_a_chat_line_by_line(place: Place) -> None:
    alice, bob = talking(place)
    bob.runs("chat", alice.address, typed="one\ntwo\n\nthree\n")
    alice.runs("sync")
    assert alice.reads(bob) == ["hello there", "one", "two", "three"]


def test_a_host_that_is_down(place: Place) -> None:
    """What is said is queued, and goes out with the next command that reaches the host."""
    alice, bob = talking(place)
    place.ends()
    said = alice.asks("send", bob.address, "later", "--wait", "1")
    assert said["state"] == "queued"
    assert "nobody answers" in alice.runs("sync", "--wait", "1", code=1)
    assert alice.asks("read", bob.address)[-1]["state"] == "queued"
    place.starts()
    alice.runs("sync")
    bob.runs("sync")
    assert bob.reads(alice) == ["hello there", "later"]


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_following(place: Place, ending: signal.Signals) -> None:
    """What comes is shown at once; meanwhile no second process opens the store."""
    alice, bob = talking(place)
    words = bob.command("sync", "--follow", "--json")
    with subprocess.Popen(words, env=bob.surroundings, stdout=subprocess.PIPE, text=True) as follower:
        assert follower.stdout is not None
        try:
            alice.runs("send", bob.address, "now")
            assert '"text": "now"' in follower.stdout.readline()
            assert "another process has this store open" in bob.runs("list", code=1)
            follower.send_signal(ending)
            assert follower.wait(20) == 128 + ending
        finally:
            follower.kill()
    bob.runs("list")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("send", "nobody@{host}", "x"), "nobody is called nobody"),
        (("send", "alice@{host}", "x"), "your own address"),
        (("send", "not an address@", "x"), "a name, one @, and a host"),
        (("send", "Garden", "x"), "there is no conversation Garden"),
        (("read", "Garden"), "there is no conversation Garden"),
        (("register", "alicia", "--host", "{host}"), "already has an account: alice@"),
        (("requests", "accept", "1"), "there is no"),
    ],
)
def test_what_cannot_be(place: Place, words: tuple[str, ...], complaint: str) -> None:
    alice = place.person("alice").registers()
    filled = [word.format(host=place.name) for word in words]
    assert complaint in alice.runs(*filled, code=1)


def test_names(place: Place) -> None:
    place.person("alice").registers()
    other = Person(place, "other")
    assert "taken" in other.runs("register", "alice", "--host", place.name, code=1)
    assert "127.0.0.1" in other.runs(
        "register", "zoe", "--host", f"http://127.0.0.1:{place.port}", "--wait", "2", code=1
    )
    other.runs("register", "zoe", "--host", f"http://{place.name}/", code=1)


def test_locked(place: Place) -> None:
    alice = place.person("alice").registers()
    assert "there is no account" in place.person("bob").runs("list", code=1)
    wrong = Person(place, "alice", "wrong")
    assert "the passphrase does not fit" in wrong.runs("list", code=1)
    silent = {name: value for name, value in os.environ.items() if name != "APARTE_PASSPHRASE"}
    done = subprocess.run(
        alice.command("list"), check=False, env=silent, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 1
    assert "APARTE_PASSPHRASE" in done.stderr


def test_nothing_in_clear_on_disk(place: Place) -> None:
    """The words are in no file of either, nor of the host; and the search finds what is there."""
    alice, bob = talking(place)
    alice.runs("send", bob.address, "planted-word-7391")
    bob.runs("sync")
    assert bob.reads(alice)[-1] == "planted-word-7391"
    files = [path for path in place.folder.rglob("*") if path.is_file()]
    found = {path for path in files if b"planted-word-7391" in path.read_bytes()}
    assert not found
    (place.folder / "host" / "control").write_bytes(b"x" * 5_000 + b"planted-word-7391")
    again = [path for path in place.folder.rglob("*") if path.is_file()]
    assert [path.name for path in again if b"planted-word-7391" in path.read_bytes()] == ["control"]


def test_a_terminal_is_not_moved(place: Place) -> None:
    """What others write cannot do more than be read."""
    alice, bob = talking(place)
    alice.runs("send", bob.address, "a\x1b[2Jb\rc\u202ed")
    bob.runs("sync")
    line = bob.runs("read", alice.address).splitlines()[-1]
    assert line.endswith("a�[2Jb�c�d")
