"""What an operator is told when a command cannot be carried out. Nothing was changed then."""

from __future__ import annotations

from enum import Enum

__all__ = ["AdminError", "Fault"]


class Fault(Enum):
    """What kind of thing went wrong; scripts look at it, so a word is never used for anything else."""

    BAD_REQUEST = "bad-request"
    NOT_FOUND = "not-found"
    EXISTS = "exists"
    IN_USE = "in-use"
    RUNNING = "running"
    NO_HOST = "no-host"
    DAMAGED = "damaged"
    CLOCK = "clock"
    STOPPING = "stopping"
    FAILED = "failed"


class AdminError(Exception):
    """The command was not carried out."""

    def __init__(self, fault: Fault, message: str) -> None:
        super().__init__(message)
        self.fault = fault
