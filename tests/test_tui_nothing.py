"""What a view says while it has nothing to show."""

from pathlib import Path

import pytest

from tests.captures import pcap
from tests.looking import opened
from tests.talks import hello, saved
from vsockdump.browsing.opened import Opened, Reading
from vsockdump.tui.nothing import nothing


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return saved(hello(), tmp_path / "hello")


def test_it_is_being_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(path, read=False) as found:
        monkeypatch.setattr(Opened, "progress", 0.423)
        assert nothing(found, False, "packet") == f"reading {path}: 42%"
        monkeypatch.setattr(Opened, "progress", None)
        assert nothing(found, True, "packet") == f"reading {path}"


def test_names_of_files_are_escaped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(saved(hello(), tmp_path / "\x1b[31m"), read=False) as found:
        monkeypatch.setattr(Opened, "progress", None)
        assert nothing(found, False, "packet") == rf"reading {tmp_path}/\x1b[31m"


def test_a_filter_leaves_everything_out(path: Path) -> None:
    with opened(path) as found:
        assert nothing(found, True, "packet") == "No packet matches the display filter."


def test_there_is_none_of_it(path: Path) -> None:
    with opened(path) as found:
        assert nothing(found, False, "connection") == "There is no connection in it."


def test_there_is_nothing_at_all(tmp_path: Path) -> None:
    path = tmp_path / "empty"
    path.write_bytes(pcap([]))
    with opened(path) as found:
        assert found.state is Reading.DONE
        assert nothing(found, False, "connection") == "There is no packet in it."
        assert nothing(found, True, "connection") == "There is no packet in it."


def test_nothing_comes(tmp_path: Path) -> None:
    path = tmp_path / "empty"
    path.write_bytes(pcap([]))
    with opened(path, follow=True) as found:
        assert nothing(found, False, "packet").startswith("No packets yet.\n")
        assert nothing(found, True, "packet").startswith("No packets yet.\n")
