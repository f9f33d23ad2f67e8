"""When a CA is asked: for a new certificate in good time, and after a failure ever more rarely.

Let's Encrypt allows five failed validations of a name an hour, and five certificates for the same name a week.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from cryptography import x509

__all__ = ["Failures", "Validity"]

_HOUR: Final = 3600.0
_DAY: Final = 24 * _HOUR
#: Failed tries within an hour, after which even a new start of the host waits.
_TRIES: Final = 4
_MOST_PAUSE: Final = 7 * _DAY
_MOST_BACK_OFF: Final = _DAY
_MOST_NOTED: Final = 16
#: Later ones are no dates.
_YEAR_10000: Final = 253_402_300_800.0
#: However early a CA suggests it (RFC 9773), and whatever it issues.
_RENEWED_AT_MOST_EVERY: Final = 2 * _DAY


@dataclass(frozen=True, slots=True)
class Failures:
    """Since the last certificate. Times are seconds since 1970."""

    #: When the CA refused.
    heard: tuple[float, ...] = ()
    #: The latest, whether the CA was reached or not.
    at: float = 0.0
    #: Until when the CA wants to be left alone.
    silent_until: float = 0.0
    said: str = ""

    def with_another(self, said: str, *, at: float, heard: bool, pause: float) -> Failures:
        """One more."""
        tries = (*self.heard, at)[-_MOST_NOTED:] if heard else self.heard
        return Failures(tries, at, max(self.silent_until, at + min(max(pause, 0.0), _MOST_PAUSE)), said)

    def next_start(self, now: float) -> float:
        """When somebody who waits for it may try again: a few times an hour, but for what the CA said."""
        recent = [at for at in self.heard if now - _HOUR < at <= now]
        tired = recent[-_TRIES] + _HOUR if len(recent) >= _TRIES else 0.0
        return max(tired, self._asked_for(now))

    def next_try(self, now: float, *, jitter: float) -> float:
        """When to try again with a certificate at hand; `jitter` from 0 to 1."""
        if not self.said or self.at > now:  # none; or the clock went back
            return self._asked_for(now)
        pause = _HOUR * (1 << min(max(len(self.heard) - 1, 0), 8))
        return max(self.at + min(pause, _MOST_BACK_OFF) * (1 + jitter / 2), self._asked_for(now))

    def _asked_for(self, now: float) -> float:
        return self.silent_until if self.silent_until <= now + _MOST_PAUSE else 0.0

    @classmethod
    def from_json(cls, found: Any) -> Failures:
        """Raises `ValueError`."""
        try:
            heard = tuple(float(at) for at in found["heard"])
            times = [*heard, float(found["at"]), float(found["silent_until"])]
            if not all(math.isfinite(at) and 0 <= at < _YEAR_10000 for at in times):
                raise ValueError("a time that is none")
            return cls(heard[-_MOST_NOTED:], times[-2], times[-1], str(found["said"]))
        except (KeyError, TypeError, OverflowError) as error:
            raise ValueError("not a record of failures") from error


@dataclass(frozen=True, slots=True)
class Validity:
    """Of a certificate: from when to when, and since when the host has had it."""

    begins: float
    ends: float
    obtained: float

    @classmethod
    def of(cls, certificate: x509.Certificate, *, obtained: float) -> Validity:
        """As the certificate says."""
        begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        return cls(begins.timestamp(), ends.timestamp(), obtained)

    def due(self, suggested: datetime | None) -> float:
        """When it is to be renewed: with a third of its time left, or when the CA suggests it, if that is earlier."""
        due = self.ends - (self.ends - self.begins) / 3
        if suggested is not None:
            due = min(due, suggested.timestamp())
        return max(due, self.earliest)

    @property
    def earliest(self) -> float:
        """Before this it is not renewed, whatever the CA issued or suggests."""
        obtained = min(self.obtained, self.ends)
        return obtained + min(_RENEWED_AT_MOST_EVERY, (self.ends - obtained) / 3)
