"""What is so of a log as long as its host's link is up."""

from __future__ import annotations

from dataclasses import dataclass

from aparte.wire.ids import Idem, Node

__all__ = ["LogState"]


@dataclass
class LogState:
    """Of one conversation's log. A new one was not opened on this link."""

    #: The node that the link has open: entries after it are delivered, and posts are taken.
    node: Node | None = None
    is_opening: bool = False
    is_reading: bool = False
    #: Whether all was read that stood in the log when it was opened: nothing is sealed before.
    is_caught_up: bool = False
    #: What was posted and is not answered: one thing at a time, or their order might change.
    posting: Idem | None = None
