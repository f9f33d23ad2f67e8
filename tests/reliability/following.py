"""What a link sees of the logs that it has open: every entry, in order, once."""

from __future__ import annotations

from dataclasses import dataclass, field

from aparte.wire.entries import Entry
from aparte.wire.ids import EntryKind, LogId, Seq
from aparte.wire.log_frames import OpenedItem, OpenStatus


@dataclass
class Follower:
    """The place of one link in each log, and where it found a hole."""

    at: dict[LogId, Seq] = field(default_factory=dict)
    seen: dict[LogId, list[Entry]] = field(default_factory=dict)
    holes: list[str] = field(default_factory=list)

    def opened(self, item: OpenedItem) -> None:
        """The link hears of what comes after this."""
        if item.status is OpenStatus.LIVE:
            self.at[item.log_id] = item.head_seq

    def delivered(self, log_id: LogId, entry: Entry) -> None:
        """Somebody else's entry came."""
        if entry.seq <= self.at.get(log_id, 0):
            self.holes.append(f"entry {entry.seq} was delivered after {self.at[log_id]}")
        self.seen.setdefault(log_id, []).append(entry)
        self._goes_on(log_id, entry.seq, entry.kind)

    def accepted(self, log_id: LogId, seq: Seq, kind: EntryKind) -> None:
        """Its own entry stands there, or an answer was repeated."""
        if seq > self.at.get(log_id, seq):
            self._goes_on(log_id, seq, kind)

    def _goes_on(self, log_id: LogId, seq: Seq, kind: EntryKind) -> None:
        if log_id not in self.at:
            self.holes.append(f"entry {seq} came from a log that is not open")
        elif seq != self.at[log_id] + 1:
            self.holes.append(f"entry {seq} came after {self.at[log_id]}")
        if kind is EntryKind.COMMIT:
            self.at.pop(log_id, None)  # the node's last
        else:
            self.at[log_id] = seq
