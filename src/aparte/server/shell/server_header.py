"""What answers say of the software behind them: its name. What it is made of, and of which age, helps nobody but those
who look for holes."""

from __future__ import annotations

from aiohttp import web_response

__all__ = ["name_software"]


def name_software() -> None:
    """For all answers of this process, those included that aiohttp makes of itself and shows to nobody before."""
    web_response.SERVER_SOFTWARE = "aparte"  # type: ignore[attr-defined]
