"""Which files of a folder are the web app's: those that are there, in every form, and no link, whatever it leads to."""

from __future__ import annotations

from pathlib import Path

import pytest

from aparte.server.shell.web_files import Replaced, web_files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "static"
    for name, content in {
        "index.html": "<!doctype html>",
        "index.html.br": "br",
        "index.html.gz": "gz",
        "assets/app-BX12cd_9.js": "app",
        "assets/app-BX12cd_9.js.br": "br",
        "assets/engine/stdlib-0a1b2c3d4e5f.zip": "zip",
        "assets/logo.svg": "<svg/>",
        "archive.gz": "a file of its own",
        "sub/app-BX12cd_9.js": "not in assets",
    }.items():
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text(content)
    return made


def test_files_and_their_forms(folder: Path) -> None:
    found = web_files(folder)
    assert {name: tuple(file.forms) for name, file in found.items()} == {
        "archive.gz": ("identity",),
        "assets/app-BX12cd_9.js": ("br", "identity"),
        "assets/engine/stdlib-0a1b2c3d4e5f.zip": ("identity",),
        "assets/logo.svg": ("identity",),
        "index.html": ("br", "gzip", "identity"),
        "sub/app-BX12cd_9.js": ("identity",),
    }
    assert len({form.etag for form in found["index.html"].forms.values()}) == 3
    assert found["assets/app-BX12cd_9.js"].kind == "text/javascript; charset=utf-8"
    assert found["archive.gz"].kind == "application/octet-stream"


def test_only_hashed_names_in_assets_are_for_ever(folder: Path) -> None:
    assert sorted(name for name, file in web_files(folder).items() if file.is_hashed) == [
        "assets/app-BX12cd_9.js",
        "assets/engine/stdlib-0a1b2c3d4e5f.zip",
    ]


def test_links_are_passed_over_wherever_they_lead(folder: Path, tmp_path: Path) -> None:
    before = set(web_files(folder))
    secret = tmp_path / "keys.json"
    secret.write_text("secret")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "x.txt").write_text("outside")
    (folder / "keys.json").symlink_to(secret)
    (folder / "elsewhere").symlink_to(tmp_path / "outside", target_is_directory=True)
    (folder / "again.html").symlink_to(folder / "index.html")
    (folder / "nowhere.html").symlink_to(folder / "missing")
    assert set(web_files(folder)) == before
    (folder / "keys.txt").write_bytes(secret.read_bytes())  # the control: a file is found
    assert set(web_files(folder)) == before | {"keys.txt"}


@pytest.mark.parametrize("name", [".env", ".vite/manifest.json", "a b.js", "ä.js", "a%2e.js", "{x}.js", "..js"])
def test_hidden_and_strange_names_are_passed_over(folder: Path, name: str) -> None:
    before = set(web_files(folder))
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("hidden")
    assert set(web_files(folder)) == before


def test_no_folder_is_no_app(tmp_path: Path) -> None:
    assert web_files(tmp_path / "none") == {}


def test_the_folder_itself_may_be_a_link(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "current").symlink_to(folder)
    assert set(web_files(tmp_path / "current")) == set(web_files(folder))


def test_a_file_that_was_replaced_is_not_served_under_the_old_hash(folder: Path, tmp_path: Path) -> None:
    form = web_files(folder)["index.html"].forms["identity"]
    with form.open() as file:
        assert file.read() == b"<!doctype html>"
    (tmp_path / "new").write_text("<!doctype html>")
    (tmp_path / "new").replace(folder / "index.html")
    with pytest.raises(Replaced):
        form.open()
    (folder / "index.html").unlink()
    (folder / "index.html").symlink_to(tmp_path / "keys.json")
    with pytest.raises(OSError, match="symbolic links"):
        form.open()
