"""What a user's file sets, and what is wrong with one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from textual.binding import Binding

from vsockdump.errors import UsageError
from vsockdump.tui.app import Vsockdump, check
from vsockdump.tui.config import Config, parse, path, read

WHOLE = """
theme = "nord"
columns = ["number", "op", "free"]

[keys]
filter = "f3"
"""


def test_everything() -> None:
    assert parse(WHOLE) == Config({"filter": "f3"}, "nord", ("number", "op", "free"))


def test_what_readme_shows_is_right() -> None:
    text = (Path(__file__).parents[1] / "README.md").read_text()
    (shown,) = re.findall(r"```toml\n(.*?)```", text, re.S)
    check(parse(shown), "README")
    named = re.findall(r"keys are named by what they do: `(.*?)`", text, re.S)[0].split()
    ids = {binding.id for binding in Vsockdump.BINDINGS if isinstance(binding, Binding)}
    assert {*named, *(f"view{place}" for place in range(1, 8))} == ids


@pytest.mark.parametrize(
    ("config", "error"),
    [
        (Config({"fliter": "f3"}), "there: no action is called fliter; there are view1"),
        (Config(theme="nrod"), "there: no theme is called nrod; there are"),
    ],
)
def test_what_there_is_not_is_said(config: Config, error: str) -> None:
    with pytest.raises(UsageError) as caught:
        check(config, "there")
    assert str(caught.value).startswith(error)


def test_nothing() -> None:
    assert parse("") == Config()


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("theme = 3", "theme is a name in quotes"),
        ('columns = "op"', "columns is a list"),
        ('columns = ["opp"]', "no field is called opp; do you mean op?"),
        ("keys = 3", "[keys] has lines"),
        ("[keys]\nfilter = 3", "[keys] has lines"),
        ("colour = 3", "colour is none of keys, theme, columns"),
        ("theme", "Expected '='"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, error: str) -> None:
    file = tmp_path / "tui.toml"
    file.write_text(text)
    with pytest.raises(UsageError) as caught:
        read(str(file))
    assert str(caught.value).startswith(f"{file}: ")
    assert error in str(caught.value)


def test_a_file_that_is_none(tmp_path: Path) -> None:
    assert read(str(tmp_path / "missing")) == Config()
    with pytest.raises(UsageError, match="Is a directory"):
        read(str(tmp_path))
    (tmp_path / "bytes").write_bytes(b"\xff")
    with pytest.raises(UsageError, match="not UTF-8"):
        read(str(tmp_path / "bytes"))


def test_where_it_is() -> None:
    assert path({"XDG_CONFIG_HOME": "/there"}) == "/there/vsockdump/tui.toml"
    assert path({}).endswith("/.config/vsockdump/tui.toml")
