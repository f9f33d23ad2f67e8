"""Figures for Prometheus: what was tallied, and how things are when somebody asks. No label says who, where or what."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

import aparte
from aparte.server.links import LinkKind
from aparte.server.room import Shortage
from aparte.server.shell.disk import DiskWatch
from aparte.server.shell.doorstep import HeldOff
from aparte.server.shell.reception import Reception
from aparte.server.shell.tally import OUTCOMES, Buckets, Tally
from aparte.server.shell.writer import Writer
from aparte.server.store import StoreError
from aparte.server.store.sqlite.connection import connect, store_errors
from aparte.wire import ErrorCode
from aparte.wire.link_frames import PROTOCOL_VERSION

__all__ = ["Holdings", "Watched", "registry_of"]

_FILES: Final = {"database": ("host.db", "blobs.db"), "wal": ("host.db-wal", "blobs.db-wal")}


@dataclass(frozen=True, slots=True)
class Watched:
    """The parts of a running host that are looked at."""

    tally: Tally
    reception: Reception
    writer: Writer
    disk: DiskWatch
    holdings: Holdings


class _Held(NamedTuple):
    """Bytes of files by their kind; blobs, and their bytes."""

    files: Mapping[str, int]
    blobs: int
    blob_bytes: int


class Holdings:
    """What the host holds on disk. `look` takes its time, and is for a thread of its own."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self.found = _Held({}, 0, 0)

    def look(self) -> None:
        """What cannot be read now stays as it was."""
        with suppress(StoreError, OSError):
            files = {kind: sum(_size(self._data / name) for name in names) for kind, names in _FILES.items()}
            self.found = _Held(files, *_blobs(self._data / "blobs.db"))


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _blobs(path: Path) -> tuple[int, int]:
    with store_errors():
        connection = connect(path, read_only=True)
        try:
            count, total = next(iter(connection.execute("SELECT count(*), coalesce(sum(size), 0) FROM blob")))
            return int(count), int(total)
        finally:
            connection.close()


def registry_of(watched: Watched) -> CollectorRegistry:
    """A registry of this host's own, and of its process."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_HostCollector(watched))
    ProcessCollector(registry=registry)
    return registry


class _HostCollector(Collector):
    def __init__(self, watched: Watched, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._watched = watched
        self._clock = clock
        self._began = clock()

    def collect(self) -> Iterator[Metric]:
        """All figures, as they are now."""
        yield InfoMetricFamily(
            "aparte_build",
            "Versions.",
            value={
                "version": aparte.__version__,
                "protocol": f"{PROTOCOL_VERSION}",
                "python": platform.python_version(),
            },
        )
        yield _gauge("aparte_uptime_seconds", "Since the host started.", value=self._clock() - self._began)
        yield from self._links()
        yield from self._work(self._watched.tally)
        yield from self._doorstep()
        yield from self._holdings()
        yield from self._disk()

    def _links(self) -> Iterator[Metric]:
        count = self._watched.reception.connections.count()
        by_kind = {kind.value: count[kind, False] + count[kind, True] for kind in LinkKind}
        yield _gauges("aparte_links", "Links that are up.", kind=by_kind.items())
        lagging = sum(number for (_, lags), number in count.items() if lags)
        yield _gauge("aparte_links_lagging", "Links that missed deliveries and are not told yet.", value=lagging)

    def _work(self, tally: Tally) -> Iterator[Metric]:
        requests = {kind.__name__.removeprefix("Judged"): count for kind, count in tally.requests.copy().items()}
        yield _counters("aparte_requests", "What came to the writer.", frame=requests.items())
        posts = {outcome: tally.posts[number] for number, outcome in OUTCOMES.items()}
        yield _counters("aparte_posts", "Posts, by what came of them.", outcome=posts.items())
        refusals = {ErrorCode(code).name: count for code, count in tally.refusals.copy().items()}
        yield _counters("aparte_refusals", "Requests that the writer refused.", code=refusals.items())
        yield _histogram("aparte_batch_requests", "Requests to a transaction.", buckets=tally.batches)
        yield _histogram(
            "aparte_commit_seconds", "From a batch's beginning until it is on disk.", buckets=tally.seconds
        )
        yield _gauge("aparte_queue_requests", "Requests that wait for the writer.", value=self._watched.writer.waiting)
        yield CounterMetricFamily("aparte_deliveries", "Entries that were due to links.", value=tally.deliveries)
        yield CounterMetricFamily("aparte_errors", "Faults of the core's or the store's.", value=tally.errors)

    def _doorstep(self) -> Iterator[Metric]:
        found = self._watched.reception.doorstep
        refusals = [(code.name, count) for code, count in found.refusals.items()]
        yield _counters("aparte_early_refusals", "Requests refused before the writer heard of them.", code=refusals)
        held_off = [(why.value, found.held_off[why]) for why in HeldOff]
        yield _counters("aparte_held_off", "Links and messages turned away, and frames that had to wait.", why=held_off)

    def _holdings(self) -> Iterator[Metric]:
        held = self._watched.holdings.found
        yield _gauges("aparte_store_bytes", "Files of the databases.", file=held.files.items())
        yield _gauge("aparte_blobs", "Blobs, by the index.", value=held.blobs)
        yield _gauge("aparte_blob_bytes", "Their bytes.", value=held.blob_bytes)

    def _disk(self) -> Iterator[Metric]:
        disk = self._watched.disk
        yield _gauge("aparte_disk_bytes", "The file system of the host's folder.", value=disk.usage.total)
        yield _gauge("aparte_disk_free_bytes", "What the host may still fill of it.", value=disk.usage.free)
        refused = [(level.name.lower(), int(disk.shortage >= level)) for level in Shortage if level]
        yield _gauges("aparte_disk_refused", "1 if refused because the disk is nearly full.", what=refused)


def _gauge(name: str, words: str, *, value: float) -> Metric:
    return GaugeMetricFamily(name, words, value=value)


def _gauges(name: str, words: str, **labelled: Iterable[tuple[str, float]]) -> Metric:
    return _labelled(GaugeMetricFamily(name, words, labels=list(labelled)), labelled)


def _counters(name: str, words: str, **labelled: Iterable[tuple[str, float]]) -> Metric:
    return _labelled(CounterMetricFamily(name, words, labels=list(labelled)), labelled)


def _labelled(
    family: GaugeMetricFamily | CounterMetricFamily, labelled: Mapping[str, Iterable[tuple[str, float]]]
) -> Metric:
    """One label, whose name is the keyword's."""
    for values in labelled.values():
        for which, value in values:
            family.add_metric([which], value)
    return family


def _histogram(name: str, words: str, *, buckets: Buckets) -> Metric:
    below, counted = 0, []
    for bound, count in zip((*map(str, buckets.bounds), "+Inf"), buckets.counts, strict=True):
        below += count
        counted.append((bound, below))
    return HistogramMetricFamily(name, words, buckets=counted, sum_value=buckets.total)
