"""Log lines: to stderr, as text for people or JSON for machines. None of them names an address, an id or a frame."""

from __future__ import annotations

import logging
import sys
from typing import Final

import structlog

__all__ = ["set_up_logging"]

_TIME: Final = structlog.processors.TimeStamper(fmt="iso", utc=True)


def set_up_logging(*, as_json: bool) -> None:
    """For this process. Libraries may speak of warnings and worse, but aiohttp's server names peers: it is silent."""
    render = structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(colors=False)
    structlog.configure(
        processors=[structlog.processors.add_log_level, _TIME, render],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.getLogger("aiohttp").setLevel(logging.CRITICAL + 1)
