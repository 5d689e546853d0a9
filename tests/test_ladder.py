"""`vsockdump ladder` as its users run it."""

import json
import os
import stat
from pathlib import Path
from xml.etree import ElementTree

import pytest

from vsockdump.sources.standin import Standin

from .command import PCAPS, lines, vsockdump
from .test_credit import live

SLOW = PCAPS / "slow-reader.pcap.zst"
BACKLOG = PCAPS / "backlog-full.pcap"
BULK = PCAPS / "bulk.pcap.zst"


def test_text() -> None:
    result = vsockdump("ladder", SLOW)
    text = result.stdout.decode().splitlines()
    assert (result.returncode, lines(result)) == (0, [])
    assert text[0] == "12 packets from 2026-11-21T14:25:01.229052000Z"
    assert "local:15004" in text[1]
    assert "RW x 4, 262144 bytes, free 0" in text[4]
    assert "local:15004 could not send for 1.993 s" in text[5]


def test_one_connection() -> None:
    result = vsockdump("ladder", BACKLOG, "--flow", "3", "-n")
    text = result.stdout.decode()
    assert "2 packets from" in text
    assert "1:20002" in text
    assert "1:15009" not in text


def test_a_file_from_a_pipe_and_every_packet() -> None:
    data = (PCAPS / "many-unread.pcap.zst").read_bytes()
    result = vsockdump("ladder", "-", "--all", stdin=data)
    assert result.stdout.count(b"RW 200") == 600


def test_what_is_not_drawn_is_said() -> None:
    rows = vsockdump("ladder", BULK, "--rows", "3")
    assert lines(rows) == [
        "vsockdump: 19 more packets not drawn: no room for another row;"
        " --rows N draws more, --flow N one connection"
    ]
    ends = vsockdump("ladder", PCAPS / "crafted-edge-cases.pcap")
    assert lines(ends)[0] == (
        "vsockdump: 4 more packets not drawn: 1 connection found no room; --flow N draws one"
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((SLOW, "--flow", "9"), "there is no connection 9; 'vsockdump flows' lists them"),
        (("-",), "no packet belongs to a connection"),
    ],
)
def test_nothing_to_draw(words: tuple[str | Path, ...], said: str) -> None:
    empty = (PCAPS / "hello.pcap").read_bytes()[:24]
    result = vsockdump("ladder", *words, stdin=empty)
    assert (result.returncode, result.stdout) == (0, b"")
    assert lines(result)[0] == f"vsockdump: {said}"


def test_json_and_csv() -> None:
    rows = [json.loads(line) for line in vsockdump("ladder", SLOW, "--json").stdout.splitlines()]
    assert [row["row"] for row in rows] == [*["packet"] * 3, "event", *["packet"] * 6]
    assert (rows[2]["count"], rows[2]["len"], rows[3]["kind"]) == (4, 262144, "stall")
    table = vsockdump("ladder", SLOW, "--csv").stdout.decode().splitlines()
    assert len(table) == 11
    assert table[0].split(",")[:4] == ["row", "number", "last", "time_ns"]


def test_damage_is_drawn_up_to(tmp_path: Path) -> None:
    path = tmp_path / "cut.pcap"
    path.write_bytes((PCAPS / "hello.pcap").read_bytes()[:-10])
    result = vsockdump("ladder", path)
    assert result.returncode == 2
    assert result.stdout.startswith(b"8 packets")


@pytest.mark.standin
def test_live(standin: Standin, tmp_path: Path) -> None:
    status, text = live(standin, "ladder")
    assert (status, text.count("\n")) == (0, 2 + 9)
    path = tmp_path / "out.svg"
    assert live(standin, "ladder", "--svg", path) == (0, "")
    assert "packet 9" in path.read_text()


# --- SVG --------------------------------------------------------------------------------------


def test_svg(tmp_path: Path) -> None:
    path = tmp_path / "out.svg"
    result = vsockdump("ladder", SLOW, "--svg", path)
    assert (result.returncode, result.stdout, lines(result)) == (0, b"", [])
    assert "local:15004" in "".join(ElementTree.parse(path).getroot().itertext())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_svg_belongs_to_who_we_become(tmp_path: Path) -> None:
    path = tmp_path / "out.svg"
    assert vsockdump("ladder", SLOW, "--svg", path, "-Z", "nobody").returncode == 0
    assert path.owner() == "nobody"


def test_svg_to_standard_output() -> None:
    result = vsockdump("ladder", SLOW, "--svg", "-")
    assert ElementTree.fromstring(result.stdout).tag == "{http://www.w3.org/2000/svg}svg"


@pytest.mark.parametrize("capture", sorted(PCAPS.glob("*.pcap*")), ids=lambda path: path.name)
def test_every_capture_can_be_drawn(capture: Path) -> None:
    ElementTree.fromstring(vsockdump("ladder", capture, "--svg", "-").stdout)


def test_svg_says_what_is_not_drawn() -> None:
    text = vsockdump("ladder", BULK, "--svg", "-", "--rows", "3").stdout.decode()
    assert "19 more packets not drawn" in text


def test_the_capture_itself_is_spared(tmp_path: Path) -> None:
    path = tmp_path / "hello.pcap"
    path.write_bytes((PCAPS / "hello.pcap").read_bytes())
    result = vsockdump("ladder", path, "--svg", path)
    assert (result.returncode, lines(result)) == (
        *(1, [f"vsockdump: --svg {path}: this is the file that is read"]),
    )
    assert path.read_bytes() == (PCAPS / "hello.pcap").read_bytes()


def test_no_empty_file_is_left(tmp_path: Path) -> None:
    path = tmp_path / "out.svg"
    result = vsockdump("ladder", tmp_path / "none.pcap", "--svg", path)
    assert (result.returncode, path.exists()) == (2, False)


def test_svg_of_nothing_says_so() -> None:
    result = vsockdump("ladder", SLOW, "--flow", "9", "--svg", "-")
    assert b"0 packets" in result.stdout
    assert "there is no connection 9" in "".join(ElementTree.fromstring(result.stdout).itertext())


def test_svg_that_cannot_be_made(tmp_path: Path) -> None:
    assert vsockdump("ladder", SLOW, "--svg", tmp_path / "none" / "out.svg").returncode == 13
    assert vsockdump("ladder", SLOW, "--svg", "/dev/full").returncode == 14


@pytest.mark.parametrize("form", ["--json", "--csv"])
def test_a_drawing_is_no_table(form: str) -> None:
    result = vsockdump("ladder", SLOW, "--svg", "-", form)
    assert (result.returncode, lines(result)) == (
        *(1, ["vsockdump: --svg draws: --json and --csv do not go with it"]),
    )
