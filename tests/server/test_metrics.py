"""`/metrics` of a running host: numbers that agree with what was done, and no word about anybody."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Iterable
from pathlib import Path

import aiohttp
import pytest
from prometheus_client import Metric
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

import aparte
from aparte.server.shell import connections
from aparte.server.shell.disk import Usage
from aparte.server.shell.metrics import Holdings
from aparte.server.shell.serve import Host
from aparte.wire import ErrorCode
from aparte.wire.ids import EntryKind, Node
from aparte.wire.log_frames import Accepted, Busy, Delivered, Stale
from tests.hosting import Log, epoch_key
from tests.rules.house import ROOT
from tests.server.admin.hosts import fill
from tests.server.guests import Guest, creation, new_log, refused_with, until
from tests.server.living import NAME, living

MIB = 1 << 20
#: Every label, and what it may say. A new one has to be thought about here.
ALLOWED = {
    "kind": r"anonymous|identity",
    "frame": r"[A-Z][A-Za-z]{2,30}",
    "outcome": r"accepted|passed_on|stale|busy|refused",
    "code": r"[A-Z_]{3,30}",
    "file": r"database|wal",
    "what": r"blobs|newcomers|posts",
    "why": r"many_links|hasty_links|bad_message|no_room|paced",
    "le": r"[\d.]+|\+Inf",
    "version": re.escape(aparte.__version__),
    "protocol": r"1",
    "python": r"3\.\d+\.\d+\S*",
}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


class Figures:
    """What was scraped."""

    def __init__(self, text: str) -> None:
        self.families = list(text_string_to_metric_families(text))
        self.text = text

    def __getitem__(self, name: str) -> float:
        """`name` or `name{label}`: one label's value is enough to say which."""
        plain, _, label = name.rstrip("}").partition("{")
        found = [
            sample.value
            for family in self.families
            for sample in family.samples
            if sample.name == plain and (not label or label in sample.labels.values())
        ]
        assert len(found) <= 1, name
        return found[0] if found else 0.0


def telltales(families: Iterable[Metric]) -> list[str]:
    """Labels whose values are not among those that are allowed: ids, addresses, names."""
    return [
        f"{sample.name}{{{label}={value}}}"
        for family in families
        for sample in family.samples
        for label, value in sample.labels.items()
        if label not in ALLOWED or not re.fullmatch(ALLOWED[label], value)
    ]


async def scrape(session: aiohttp.ClientSession, port: int) -> Figures:
    async with session.get(f"http://127.0.0.1:{port}/metrics") as answer:
        assert answer.status == 200
        assert answer.content_type == "text/plain"
        assert "Access-Control-Allow-Origin" not in answer.headers
        return Figures(await answer.text())


async def story(session: aiohttp.ClientSession, url: str, data: Path) -> tuple[Log, list[Guest], dict[str, int]]:
    """Two people in a log, and one who has no business there; what came of their posts."""
    alice, bob, mallory = [await Guest.calls(session, url) for _ in range(3)]
    log = await alice.creates(data)
    for guest in (alice, bob):
        await guest.opens(log)
    answers = [await alice.posts(log, b"message %d" % n) for n in range(5)]
    answers.append(await bob.posts(log, b"typing", kind=EntryKind.EPHEMERAL))
    again = alice.post(log, b"twice")
    answers += [await alice.asks(again), await alice.asks(again)]
    answers.append(await mallory.posts(log, b"let me in"))
    while not isinstance(answers[-1], Busy):
        answers.append(await bob.posts(log, b"fast"))
    log_before = log.node
    await asyncio.sleep(1.1)
    key = bytes(epoch_key(log.log_id, Node(7)).verify_key)
    answers.append(committed := await bob.posts(log, b"commit", kind=EntryKind.COMMIT, next_epoch_key=key))
    assert isinstance(committed, Accepted), committed
    answers.append(await alice.posts(log, b"late", node=log_before))
    count = {
        "accepted": sum(isinstance(answer, Accepted) for answer in answers),
        "busy": 1,
        "stale": sum(isinstance(answer, Stale) for answer in answers),
        "refused": sum(refused_with(answer) == ErrorCode.NOT_OPEN for answer in answers),
        "passed_on": 1,
    }
    assert sum(count.values()) == len(answers)
    return log, [alice, bob, mallory], count


def test_a_scripted_session_in_numbers(tmp_path: Path) -> None:
    async def play() -> None:
        port = free_port()
        async with (
            living(tmp_path / "data", metrics=("127.0.0.1", port), measure=lambda: Usage(4096 * MIB, 700 * MIB)) as (
                started,
                host,
            ),
            aiohttp.ClientSession() as session,
            session.ws_connect(f"{started.url}/v1/identity"),
        ):
            before = await scrape(session, port)
            assert before["aparte_posts_total{accepted}"] == 0
            log, guests, count = await story(session, started.url, tmp_path / "data")
            found = await until(lambda: settled(session, port, count))
            check_work(found, count, guests)
            check_host(found, host)
            for secret in (log.log_id.hex(), NAME, "127.0.0.1", str(log.log_id)):
                assert secret not in found.text
            assert telltales(found.families) == []
            await guests[2].leaves()
            assert await until(lambda: links_are(session, port, 2))

    asyncio.run(play())


async def settled(session: aiohttp.ClientSession, port: int, count: dict[str, int]) -> Figures | None:
    """The writer counts after it has answered: look until it has."""
    found = await scrape(session, port)
    return found if found["aparte_posts_total{stale}"] == count["stale"] else None


async def links_are(session: aiohttp.ClientSession, port: int, number: int) -> bool:
    return (await scrape(session, port))["aparte_links{anonymous}"] == number


def check_work(found: Figures, count: dict[str, int], guests: list[Guest]) -> None:
    for outcome, number in count.items():
        assert found[f"aparte_posts_total{{{outcome}}}"] == number, outcome
    posts = sum(count.values())
    assert found["aparte_requests_total{Post}"] == posts
    assert found["aparte_requests_total{Create}"] == 1
    assert found["aparte_requests_total{Open}"] == 2
    assert found["aparte_refusals_total{NOT_OPEN}"] == count["refused"]
    assert found["aparte_batch_requests_sum"] == posts + 3
    batches = found["aparte_batch_requests_count"]
    assert 1 <= batches <= posts + 3
    assert found["aparte_commit_seconds_count"] == batches == found["aparte_commit_seconds_bucket{+Inf}"]
    assert 0 < found["aparte_commit_seconds_sum"] < 300
    # One of them is a repeat, which is delivered to nobody; the ephemeral one is.
    assert found["aparte_deliveries_total"] == count["accepted"] - 1 + count["passed_on"]
    heard = [frame for guest in guests for frame in guest.heard]
    assert any(isinstance(frame, Delivered) for frame in heard)


def check_host(found: Figures, host: Host) -> None:
    assert found["aparte_links{anonymous}"] == 3
    assert found["aparte_links{identity}"] == 1
    assert found["aparte_links_lagging"] == found["aparte_errors_total"] == found["aparte_queue_requests"] == 0
    assert found["aparte_store_bytes{database}"] > 0
    assert found["aparte_blobs"] == found["aparte_blob_bytes"] == 0
    assert found["aparte_disk_bytes"] == 4096 * MIB
    assert found["aparte_disk_free_bytes"] == host.disk.usage.free == 700 * MIB
    refused = [found[f"aparte_disk_refused{{{what}}}"] for what in ("blobs", "newcomers", "posts")]
    assert refused == [1, 0, 0]
    assert found["aparte_uptime_seconds"] > 0
    assert found["aparte_build_info"] == 1
    assert found["process_open_fds"] > 3


def test_blobs_are_counted(tmp_path: Path) -> None:
    fill(tmp_path / "data", blobs=3)
    holdings = Holdings(tmp_path / "data")
    holdings.look()
    assert (holdings.found.blobs, holdings.found.blob_bytes) == (3, 3000)
    (tmp_path / "data" / "blobs.db").unlink()
    holdings.look()
    assert holdings.found.blobs == 3, "what cannot be read stays as it was"


def test_lagging_links_are_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "_LOW_WATER", -1)  # nobody catches up

    async def play() -> None:
        port = free_port()
        async with (
            living(tmp_path / "data", metrics=("127.0.0.1", port)) as (started, host),
            aiohttp.ClientSession() as session,
        ):
            alice, bob = [await Guest.calls(session, started.url) for _ in range(2)]
            log = await alice.creates(tmp_path / "data")
            await bob.opens(log)
            [lagging] = [c for c in host.reception.connections._sockets.values() if c.link.logs()]
            lagging._missed[log.log_id] = 1  # type: ignore[index, assignment]
            assert (await scrape(session, port))["aparte_links_lagging"] == 1

    asyncio.run(play())


def test_a_fault_is_counted(tmp_path: Path) -> None:
    async def play() -> None:
        port = free_port()
        async with (
            living(tmp_path / "data", metrics=("127.0.0.1", port)) as (started, host),
            aiohttp.ClientSession() as session,
        ):

            def broken(*_: object, **__: object) -> None:
                raise RuntimeError("a fault")

            host.core._logs.create = broken  # type: ignore[method-assign, assignment]
            guest = await Guest.calls(session, started.url)
            assert refused_with(await guest.asks(creation(tmp_path / "data", new_log()))) == ErrorCode.INTERNAL

            async def counted() -> bool:
                found = await scrape(session, port)
                return found["aparte_errors_total"] == found["aparte_refusals_total{INTERNAL}"] == 1

            await until(counted)

    asyncio.run(play())


def test_it_is_nowhere_unless_configured(tmp_path: Path) -> None:
    async def play() -> None:
        async with living(tmp_path / "data") as (started, host), aiohttp.ClientSession() as session:
            async with session.get(f"{started.url}/metrics") as answer:
                assert answer.status == 404
            guest = await Guest.calls(session, started.url)
            for _ in range(2):  # a batch is counted after it was answered, and before the next
                await guest.creates(tmp_path / "data")
            assert not host.tally.requests, "nobody looks, so nothing is counted"

    asyncio.run(play())


def test_it_is_on_its_own_port_alone(tmp_path: Path) -> None:
    async def play() -> None:
        port = free_port()
        async with (
            living(tmp_path / "data", metrics=("127.0.0.1", port)) as (started, _),
            aiohttp.ClientSession() as session,
        ):
            for url, status in (
                (f"{started.url}/metrics", 404),
                (f"http://127.0.0.1:{port}/", 404),
                (f"http://127.0.0.1:{port}/v1/frame", 404),
                (f"http://127.0.0.1:{port}/metrics", 200),
            ):
                async with session.get(url) as answer:
                    assert answer.status == status, url

    asyncio.run(play())


def test_a_port_that_is_taken_is_an_error(tmp_path: Path) -> None:
    async def play() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
            async with living(tmp_path / "data", metrics=taken.getsockname()[:2]):
                pass
        async with living(tmp_path / "data"):
            pass  # everything was let go

    asyncio.run(play())


def test_prometheus_asks_for_another_format(tmp_path: Path) -> None:
    async def play() -> None:
        port = free_port()
        async with living(tmp_path / "data", metrics=("127.0.0.1", port)), aiohttp.ClientSession() as session:
            headers = {"Accept": "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"}
            async with session.get(f"http://127.0.0.1:{port}/metrics", headers=headers) as answer:
                assert answer.content_type == "application/openmetrics-text"
                families = {family.name for family in openmetrics.text_string_to_metric_families(await answer.text())}
            plain = {family.name for family in (await scrape(session, port)).families}
            assert {"aparte_posts", "aparte_build", "aparte_commit_seconds", "process_open_fds"} <= families
            assert len(families) == len(plain)

    asyncio.run(play())


def documented(page: str) -> set[str]:
    """The names in the page's table."""
    table = page.partition("## Metrics")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `aparte_")]
    return {name for row in rows for name in re.findall(r"`(aparte_\w+)`", row)}


def test_every_figure_is_on_the_page_and_no_other(tmp_path: Path) -> None:
    async def play() -> None:
        port = free_port()
        async with living(tmp_path / "data", metrics=("127.0.0.1", port)), aiohttp.ClientSession() as session:
            served = re.findall(r"^# TYPE (aparte_\w+) ", (await scrape(session, port)).text, re.MULTILINE)
            assert sorted(documented((ROOT / "docs/how-to/host.md").read_text())) == sorted(served)

    asyncio.run(play())
    assert documented("## Metrics\n| `aparte_a`, `aparte_b` by `c` | `aparte_d` |\n## Next\n| `aparte_e` |") == {
        "aparte_a",
        "aparte_b",
    }


def test_telltales_control() -> None:
    def family(label: str, value: str) -> Metric:
        metric = Metric("aparte_x", "x", "gauge")
        metric.add_sample("aparte_x", {label: value}, 1)
        return metric

    good = [family("outcome", "accepted"), family("code", "NOT_OPEN"), family("frame", "Post")]
    assert telltales(good) == []
    for label, value in (
        ("account", "alice"),
        ("kind", "192.0.2.1"),
        ("frame", "418e314120d93377b6ca872398b25b55"),
        ("outcome", "alice@host.example"),
        ("code", "alice"),
        ("le", "2001:db8::1"),
    ):
        assert telltales([*good, family(label, value)]) == [f"aparte_x{{{label}={value}}}"]
