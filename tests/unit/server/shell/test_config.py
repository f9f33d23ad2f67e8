"""What can be configured, and what cannot be meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from aparte.server.accounts import SignUpPolicy
from aparte.server.shell.config import BadConfig, HostConfig, read_config, split_address

WHOLE = """
data = "/srv/aparte"
listen = "[::]:8443"
domain = "chat.example.org"
behind_proxy = true
sign_up = "closed"

[tls]
cert = "chain.pem"
key = "key.pem"

[limits]
posts_per_second_of_a_log = 20
kib_per_second_of_a_log = 100
frames_per_second_of_an_address = 500
blob_mib = 64
"""


def written(folder: Path, text: str) -> HostConfig:
    path = folder / "aparte.toml"
    path.write_text(text)
    return read_config(path)


def test_everything(tmp_path: Path) -> None:
    config = written(tmp_path, WHOLE)
    assert (config.data, config.address, config.port) == (Path("/srv/aparte"), "::", 8443)
    assert (config.domain, config.behind_proxy) == ("chat.example.org", True)
    assert config.sign_up_policy is SignUpPolicy.CLOSED
    assert config.certificate == (Path("chain.pem"), Path("key.pem"))
    assert (config.logs.posts.interval, config.logs.posts.burst) == (50, 120)
    assert config.logs.kibibytes.interval == 10
    assert (config.frames.interval, config.frames.burst) == (2, 1000)
    assert config.blobs.blob_bytes == 64 << 20


def test_nothing(tmp_path: Path) -> None:
    assert written(tmp_path, "") == HostConfig()


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:8440", ("127.0.0.1", 8440)),
        ("[::1]:8440", ("::1", 8440)),
        (":443", ("0.0.0.0", 443)),
        ("localhost:0", ("localhost", 0)),
    ],
)
def test_addresses(text: str, address: tuple[str, int]) -> None:
    assert split_address(text) == address


@pytest.mark.parametrize("text", ["", "8440", "127.0.0.1", "127.0.0.1:", "a:b", "a:-1", "a:65536", "::1:8440", "a:1.5"])
def test_no_addresses(text: str) -> None:
    with pytest.raises(BadConfig, match="is not ADDR:PORT"):
        split_address(text)


@pytest.mark.parametrize(
    ("address", "behind_proxy", "policy"),
    [
        ("127.0.0.1", False, SignUpPolicy.OPEN),
        ("127.8.8.8", False, SignUpPolicy.OPEN),
        ("::1", False, SignUpPolicy.OPEN),
        ("localhost", False, SignUpPolicy.OPEN),
        ("127.0.0.1", True, SignUpPolicy.INVITE),
        ("0.0.0.0", False, SignUpPolicy.INVITE),
        ("192.0.2.1", False, SignUpPolicy.INVITE),
        ("chat.example.org", False, SignUpPolicy.INVITE),
    ],
)
def test_who_may_sign_up_follows_from_who_can_come_in(address: str, behind_proxy: bool, policy: SignUpPolicy) -> None:
    assert HostConfig(address=address, behind_proxy=behind_proxy).sign_up_policy is policy
    assert HostConfig(address=address, sign_up=SignUpPolicy.CLOSED).sign_up_policy is SignUpPolicy.CLOSED


@pytest.mark.parametrize(
    "text",
    ['sign_up = "maybe"', "listen = 8440", "data = 1", "tls = true", 'limits = "none"', "[limits]\nblob_mib = 1.5"],
)
def test_what_cannot_be_meant(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadConfig):
        written(tmp_path, text)
