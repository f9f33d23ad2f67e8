"""What can be configured, and what cannot be meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from aparte.server.accounts import SignUpPolicy
from aparte.server.shell.acme import AcmeSettings
from aparte.server.shell.config import BadConfig, HostConfig, read_config, split_address
from aparte.server.shell.disk import DiskFloors, Floor

WHOLE = """
data = "/srv/aparte"
listen = "[::]:8443"
domain = "chat.example.org"
behind_proxy = true
sign_up = "closed"
metrics = "[::1]:9440"
web_app = "/srv/app"

[tls]
cert = "chain.pem"
key = "key.pem"

[limits]
posts_per_second_of_a_log = 20
kib_per_second_of_a_log = 100
frames_per_second_of_an_address = 600
links_per_second_of_an_address = 8
blob_mib = 64

[disk]
blobs_percent = 10
newcomers_mib = 1000
posts_mib = 0
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
    assert (config.frames.interval, config.frames.burst) == (1000 / 600, 1200)
    assert (config.links.interval, config.links.burst) == (125, 40)
    assert config.blobs.blob_bytes == 64 << 20
    assert (config.metrics, config.web_app) == (("::1", 9440), Path("/srv/app"))
    assert config.disk == DiskFloors(Floor(1024, 10), Floor(1000), Floor(0))


def test_nothing(tmp_path: Path) -> None:
    assert written(tmp_path, "") == HostConfig()


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:8440", ("127.0.0.1", 8440)),
        ("[::1]:8440", ("::1", 8440)),
        (":443", ("", 443)),
        ("0.0.0.0:443", ("0.0.0.0", 443)),
        ("[::]:443", ("::", 443)),
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
        ("", False, SignUpPolicy.INVITE),
        ("::", False, SignUpPolicy.INVITE),
        ("192.0.2.1", False, SignUpPolicy.INVITE),
        ("chat.example.org", False, SignUpPolicy.INVITE),
    ],
)
def test_who_may_sign_up_follows_from_who_can_come_in(address: str, behind_proxy: bool, policy: SignUpPolicy) -> None:
    assert HostConfig(address=address, behind_proxy=behind_proxy).sign_up_policy is policy
    assert HostConfig(address=address, sign_up=SignUpPolicy.CLOSED).sign_up_policy is SignUpPolicy.CLOSED


def test_acme(tmp_path: Path) -> None:
    assert written(tmp_path, "[acme]\naccept_terms = true").acme == AcmeSettings()
    text = 'contact = "mailto:you@example.org"\ndirectory = "https://ca.example:8443/a/directory"\nhttp = "[::]:8080"'
    config = written(tmp_path, f"[acme]\naccept_terms = true\n{text}")
    settings = AcmeSettings("https://ca.example:8443/a/directory", "mailto:you@example.org", ("::", 8080))
    assert config.acme == settings
    assert config.has_tls
    assert not config.is_private, "a certificate for the whole internet is for others"
    assert not HostConfig().has_tls


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "accept_terms = true says that you agree"),
        ("accept_terms = false", "accept_terms = true says that you agree"),
        ("accept_terms = 1", "neither true nor false"),
        ('accept_terms = true\ncontact = "you@example.org"', "contact: 'you@example.org' is not of the form"),
        ('accept_terms = true\ncontact = "mailto:a@b.example,c@d.example"', "is not of the form"),
        ('accept_terms = true\ncontact = "mailto:a@b.example?subject=x"', "is not of the form"),
        ('accept_terms = true\ncontact = "tel:1"', "is not of the form"),
        ("accept_terms = true\ncontact = 1", "1 is not text"),
        ('accept_terms = true\ndirectory = "http://ca.example/directory"', "not the https address"),
        ('accept_terms = true\ndirectory = "https://"', "not the https address"),
        ('accept_terms = true\ndirectory = "https://.."', "not the https address"),
        ('accept_terms = true\ndirectory = "https://a:b@ca.example/"', "not the https address"),
        ('accept_terms = true\ndirectory = "https://ca.example:x/"', "not the https address"),
        ('accept_terms = true\ndirectory = "https://[::1/"', "not the https address"),
        ('accept_terms = true\ndirectory = "https://ca.example/ä"', "not the https address"),
        (f'accept_terms = true\ndirectory = "https://ca.example/{"a" * 200}"', "not the https address"),
        ('accept_terms = true\nhttp = "80"', "is not ADDR:PORT"),
        ("accept_terms = true\nport = 80", "nothing is called 'port'"),
        ('accept_terms = true\n[tls]\ncert = "a"\nkey = "b"', "acme: the host gets its certificate itself"),
    ],
)
def test_an_acme_that_cannot_be_meant(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(BadConfig, match=said):
        written(tmp_path, f"[acme]\n{text}")


def test_acme_and_a_proxy(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="acme: the host gets its certificate itself"):
        written(tmp_path, "behind_proxy = true\n[acme]\naccept_terms = true")


@pytest.mark.parametrize(
    "text",
    ['sign_up = "maybe"', "listen = 8440", "data = 1", "tls = true", 'limits = "none"', "[limits]\nblob_mib = 1.5"],
)
def test_what_cannot_be_meant(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadConfig):
        written(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("blobs_mib = -1", "not a whole number from 0"),
        ("posts_percent = 100", "not a whole number from 0 to 99"),
        ("posts_percent = 1.5", "not a whole number"),
        ("posts_mib = true", "not a whole number"),
        ("posts = 1", "nothing is called 'posts'"),
        ("posts_mib = 2000", "posts last"),
        ("newcomers_mib = 1025", "blobs give way before newcomers"),
        ("posts_percent = 1", "posts last"),
    ],
)
def test_a_disk_that_cannot_be_meant(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(BadConfig, match=said):
        written(tmp_path, f"[disk]\n{text}")


def test_a_disk_whose_levels_are_one(tmp_path: Path) -> None:
    config = written(tmp_path, "[disk]\nblobs_mib = 700\nnewcomers_mib = 700\nposts_mib = 700")
    assert config.disk == DiskFloors(Floor(700), Floor(700), Floor(700))


@pytest.mark.parametrize("where", [":9440", "0.0.0.0:9440", "192.0.2.1:9440", "[::]:9440", "chat.example.org:9440"])
def test_metrics_for_others_only_if_that_is_said(tmp_path: Path, where: str) -> None:
    with pytest.raises(BadConfig, match="metrics_for_others = true"):
        written(tmp_path, f'metrics = "{where}"')
    for text in (f'metrics = "{where}"\nmetrics_for_others = true', f'metrics_for_others = true\nmetrics = "{where}"'):
        assert written(tmp_path, text).metrics == split_address(where)


@pytest.mark.parametrize("where", ["127.0.0.1:9440", "127.1.2.3:0", "[::1]:9440", "localhost:9440"])
def test_metrics_for_this_machine(tmp_path: Path, where: str) -> None:
    assert written(tmp_path, f'metrics = "{where}"').metrics == split_address(where)


def test_nothing_is_served_to_whoever_watches_by_itself() -> None:
    assert HostConfig().metrics is None


@pytest.mark.parametrize(
    ("text", "takes"),
    [
        ('tickets_from = "anyone"', {"a.example": True, "b.example:8443": True, "localhost": False}),
        ('tickets_from = "nobody"', {"a.example": False}),
        ('tickets_from = ["a.example", "b.example:1"]', {"a.example": True, "b.example:1": True, "b.example": False}),
        ("tickets_from = []", {"a.example": False}),
        ("", {"a.example": False}),
        ("tickets_per_day_of_a_host = 7", {"a.example": False}),
    ],
)  # fmt: skip
def test_whose_tickets_are_taken(tmp_path: Path, text: str, takes: dict[str, bool]) -> None:
    policy = written(tmp_path, f"[federation]\n{text}").issuer_policy
    assert {name: policy.takes(name) for name in takes} == takes


def test_whose_tickets_are_taken_follows_from_who_can_come_in() -> None:
    assert not HostConfig().issuer_policy.takes("a.example")
    assert HostConfig(behind_proxy=True).issuer_policy.takes("a.example")
    assert HostConfig(address="0.0.0.0").issuer_policy.takes("a.example")


def test_how_many_of_a_host(tmp_path: Path) -> None:
    pace = written(tmp_path, "[federation]\ntickets_per_day_of_a_host = 100").issuer_policy.pace
    assert (pace.interval, pace.burst) == (864_000, 50)


@pytest.mark.parametrize(
    "text",
    [
        'tickets_from = "somebody"', "tickets_from = 5", "tickets_from = [5]", 'tickets_from = ["localhost"]',
        'tickets_from = ["10.0.0.1"]', 'tickets_from = ["A.example"]', "tickets_per_day_of_a_host = 0",
        "tickets_per_day_of_a_host = true", "tickets_per_day_of_a_host = 1.5", "tickets_per_day_of_a_host = 1000000000",
        "tickets = 1",
    ],
)  # fmt: skip
def test_a_federation_that_cannot_be_meant(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadConfig):
        written(tmp_path, f"[federation]\n{text}")
