"""The words of the command line behind `:`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.captures import interface, section
from tests.looking import opened
from tests.talks import hello, saved
from vsockdump.browsing.picked import Picked
from vsockdump.tui.commands import complete, facts, wrong


@pytest.mark.parametrize(
    "text", ["", "12", "packet 12", "pa 12", "q", "quit", "filter op rw", "w x", "theme", "help"]
)
def test_what_is_right(text: str) -> None:
    assert wrong(text) == ""


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("x", "no such command"),
        ("-1", "no such command"),
        ("flow", "a number is missing"),
        ("packet x", "a number is missing"),
        ("write", "the name of a file is missing"),
        ("quit now", "nothing stands behind it, and not now"),
    ],
)
def test_what_is_wrong(text: str, error: str) -> None:
    assert error in wrong(text)


def test_names_are_completed() -> None:
    assert complete("f") == ["filter", "flow"]
    assert complete("quit") == []


def test_many_interfaces_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "many.pcapng"
    path.write_bytes(section() + interface() * 50)
    with opened(path) as found:
        told = dict(facts(found, None, None))
    assert "interface 15" in told
    assert "interface 16" not in told
    assert told["more"] == "34 interfaces"


def test_facts_of_a_file(tmp_path: Path) -> None:
    with opened(saved(hello(), tmp_path / "one.pcapng")) as found:
        picked = Picked(found, "op rw")
        told = dict(facts(found, None, picked))
    assert told["file"] == found.path
    assert told["state"] == "read"
    assert told["packets"] == "7"
    assert told["interface 0"].startswith("no name, VSOCK")
    assert told["display filter"] == "op rw (0 match)"
