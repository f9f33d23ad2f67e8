"""What `Accept-Encoding` says (RFC 9110 §12.5.3), with weights, stars and nonsense."""

from __future__ import annotations

import pytest

from aparte.server.shell.codings import choose_coding

ALL = ("br", "gzip", "identity")


@pytest.mark.parametrize(
    ("header", "chosen"),
    [
        ("", "identity"),
        ("br", "br"),
        ("gzip, deflate, br, zstd", "br"),
        ("gzip, deflate", "gzip"),
        ("deflate", "identity"),
        ("GZIP", "gzip"),
        ("x-gzip", "gzip"),
        ("gzip;q=1.0, br;q=0.5", "gzip"),
        ("gzip;q=0.5, br;q=0.501", "br"),
        ("br;q=0, gzip", "gzip"),
        ("br;q=0.000, gzip;q=0", "identity"),
        ("br ; q=0", "identity"),
        ("*", "br"),
        ("*;q=0.1, gzip", "gzip"),
        ("br;q=0, *", "gzip"),
        ("*;q=0, gzip", "gzip"),
        ("identity, gzip;q=0.9", "identity"),
        ("identity;q=0, gzip;q=0.1", "gzip"),
        ("identity;q=0", "identity"),
        ("*;q=0", "identity"),
        ("gzip;q=0.001", "gzip"),
        # What is nonsense says nothing.
        ("br;q=2", "identity"),
        ("br;q=-1", "identity"),
        ("br;q=0.1234", "identity"),
        ("br;q=", "identity"),
        ("br;level=9, gzip", "gzip"),
        (",,;q=1, ,", "identity"),
        ("brr", "identity"),
        ("b r", "identity"),
    ],
)
def test_what_is_chosen(header: str, chosen: str) -> None:
    assert choose_coding(header, ALL) == chosen


@pytest.mark.parametrize(("header", "chosen"), [("br, gzip", "gzip"), ("br", "identity"), ("*", "gzip")])
def test_what_there_is_not_is_not_chosen(header: str, chosen: str) -> None:
    assert choose_coding(header, ("gzip", "identity")) == chosen


def test_a_long_header_takes_no_long_time() -> None:
    assert choose_coding("a;" + " " * 8000 + "q", ALL) == "identity"
    assert choose_coding(",".join(["br;q=0"] * 1000), ALL) == "identity"
