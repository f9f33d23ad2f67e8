"""The `aparte` command: what it offers, what it refuses."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from click.testing import CliRunner

import aparte
from aparte.cli import main


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """A command sets up logging for its process; here others come after it."""
    level = logging.getLogger("aiohttp").level
    yield
    logging.getLogger("aiohttp").setLevel(level)
    structlog.reset_defaults()


#: With these no host starts, whatever else is overlooked.
_BAD_PAIR = ("--tls-cert", __file__, "--tls-key", __file__)


def run(*words: str) -> tuple[int, str]:
    """Exit status and what was printed."""
    result = CliRunner().invoke(main, words)
    return result.exit_code, result.output


def test_it_says_what_it_offers() -> None:
    status, printed = run("--help")
    assert status == 0
    assert "serve" in printed


def test_version() -> None:
    assert run("--version") == (0, f"aparte {aparte.__version__}\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--listen", "8440"), "'8440' is not ADDR:PORT"),
        (("--listen", "::1:8440"), "'::1:8440' is not ADDR:PORT"),
        (("--listen", "127.0.0.1:65536"), "is not ADDR:PORT"),
        (("--config", "nowhere.toml"), "'nowhere.toml' does not exist"),
        (("--tls-cert", __file__), "--tls-cert and --tls-key belong together"),
        (("--acme",), "and 'localhost:8440' is none: say --domain"),
        (("--acme", "--domain", "192.0.2.1"), "and '192.0.2.1' is none"),
        (("--acme", "--domain", "a.example", "--behind-proxy"), "acme: the host gets its certificate itself"),
        (("--acme", "--domain", "a.example", *_BAD_PAIR), "acme: the host gets its certificate itself"),
        (("--metrics", "0.0.0.0:9440", *_BAD_PAIR), "metrics_for_others = true says"),
        (("--metrics", "9440", *_BAD_PAIR), "'9440' is not ADDR:PORT"),
        (_BAD_PAIR, "[SSL]"),
    ],
)
def test_serve_refuses(words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    status, printed = run("serve", "--data", str(tmp_path / "data"), *words)
    assert status != 0
    assert said in printed
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("data = ", "Invalid value"),
        ("colour = 1", "nothing is called 'colour'"),
        ('listen = "here"', "'here' is not ADDR:PORT"),
        ('[tls]\ncert = "a"', "cert and key belong together"),
        ("[acme]", "accept_terms = true says"),
        ("[limits]\nblob_mib = 0", "is not a whole number above 0"),
        ("[limits]\nblob_mib = true", "is not a whole number above 0"),
        ("[limits]\nblobs = 1", "nothing is called 'blobs'"),
    ],
)
def test_a_bad_configuration_is_refused(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "aparte.toml").write_text(text)
    status, printed = run("serve", "--config", str(tmp_path / "aparte.toml"))
    assert status == 1
    assert said in printed
