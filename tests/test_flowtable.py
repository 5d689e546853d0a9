"""`vsockdump flows`: which rows, in which order, in which form."""

import csv
import io
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pexpect
import pytest

from tests import captures
from tests.captures import START, Taken
from tests.command import ARGV, ENVIRONMENT, PCAPS, Result, lines, start, vsockdump
from tests.conversation import Talk
from tests.talks import hello, later, saved, stalled
from tests.test_flowcolumns import NAMES
from vsockdump import flowtable
from vsockdump.errors import UsageError
from vsockdump.sources.savefile import Savefile
from vsockdump.sources.standin import Standin

BACKLOG, SLOW = PCAPS / "backlog-full.pcap", PCAPS / "slow-reader.pcap.zst"
HELLO = PCAPS / "hello.pcap"


def objects(done: Result) -> list[dict[str, object]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def numbers(*words: str | Path) -> list[object]:
    return [flow["flow"] for flow in objects(vsockdump("flows", *words, "--json"))]


@pytest.fixture
def three(tmp_path: Path) -> Path:
    """A stall with 262244 bytes, nothing but an opening, and 13 bytes; all from CID 3 to 2:1234."""
    talk = stalled()
    Talk((3, 99), (2, 1234), on=talk).request()
    hello(on=talk, port=98)
    return saved(talk, tmp_path / "three")


# --- forms ----------------------------------------------------------------------------------------


def test_json_has_the_promised_names() -> None:
    for flow in objects(vsockdump("flows", BACKLOG, "--json")):
        assert list(flow) == NAMES


def test_json_and_csv_say_the_same(three: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(vsockdump("flows", three, "--csv").stdout.decode())))
    found = objects(vsockdump("flows", three, "--json"))
    assert [list(row) for row in rows] == [NAMES] * 3
    for row, flow in zip(rows, found, strict=True):
        assert {name: text for name, text in row.items() if text} == {
            name: f"{value:.9f}" if isinstance(value, float) else str(value)
            for name, value in flow.items()
            if value is not None
        }


def test_a_stall_in_numbers() -> None:
    (flow,) = objects(vsockdump("flows", SLOW, "--json"))
    names = ("verdict", "bytes_fwd", "min_free_fwd", "stalled_s_fwd", "stalled_s_rev", "problems")
    assert [flow[name] for name in names] == ["STALLED", 300000, 0, 1.992993, 0.0, 1]
    assert flow["start"] == "2026-11-21T14:25:01.229052000Z"
    assert b'"duration":2.100685000,' in vsockdump("flows", SLOW, "--json").stdout


def test_no_connections(tmp_path: Path) -> None:
    path = saved([], tmp_path / "empty")
    assert vsockdump("flows", path).stdout.startswith(b"flow  start  connection")
    assert vsockdump("flows", path, "--csv").stdout.decode() == ",".join(NAMES) + "\n"
    assert vsockdump("flows", path, "--json").stdout == b""


@pytest.mark.parametrize("width", [80, 160])
def test_a_terminal(three: Path, width: int) -> None:
    environment = {**ENVIRONMENT, "COLUMNS": str(width), "TERM": "xterm-256color"}
    environment.pop("NO_COLOR", None)
    words = [*ARGV[1:], "flows", str(three)]
    with pexpect.spawn(ARGV[0], words, env=environment, dimensions=(50, width)) as shown:
        shown.expect(pexpect.EOF)
        text = shown.before.decode()
    assert "\x1b[1;31mSTALLED" in text
    assert ("min free" in text) == (width == 160)


# --- order ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("", [1, 2, 3]),
        ("--sort -flow", [3, 2, 1]),
        ("--sort=-flow", [3, 2, 1]),
        ("--sort bytes", [1, 3, 2]),
        ("--sort +bytes", [2, 3, 1]),
        ("--sort src_port", [3, 2, 1]),
        ("--sort verdict", [2, 3, 1]),
        ("--sort stalled", [1, 2, 3]),
        ("--sort connect", [1, 3, 2]),
        ("--top 2", [1, 3]),
        ("--top 1 --sort +duration", [2]),
        ("--top 9", [1, 3, 2]),
        ("--top 2 --sort packets", [1, 3]),
        ("--top 2 --sort -duration", [1, 3]),
        ("--top 1 --sort stalled", [1]),
        ("--top 1 --sort stalled_s", [1]),
        ("--top 2 --sort connect", [1, 3]),
    ],
)
def test_order(three: Path, words: str, found: list[int]) -> None:
    assert numbers(three, *words.split()) == found


def test_a_column_that_is_none(three: Path) -> None:
    done = vsockdump("flows", three, "--sort", "stat")
    assert (done.returncode, lines(done)) == (
        *(1, ["vsockdump: --sort stat: no column is called so; do you mean state?"]),
    )
    with pytest.raises(UsageError, match="--sort: expected one argument"):
        flowtable.main([str(three), "--sort"])


def test_connections_that_are_over_are_in_the_list_as_well(tmp_path: Path) -> None:
    talk = Talk((3, 77), (2, 1234)).open()
    for port in range(1, 200):
        later(talk, 100)
        hello(on=talk, port=port)
    path = saved(talk, tmp_path / "long")
    assert numbers(path) == list(range(1, 201))
    assert numbers(path, "--sort", "-flow") == list(range(200, 0, -1))
    assert numbers(path, "--top", "3", "--sort", "duration") == [2, 3, 4]
    assert objects(vsockdump("flows", path, "--by", "port", "--json"))[0]["flows"] == 200


# --- sums -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("way", "key"),
    [("cid", {"cid": 3}), ("port", {"port": 1234}), ("pair", {"src_cid": 3, "dst_cid": 2})],
)
def test_sums(three: Path, way: str, key: dict[str, int]) -> None:
    found = objects(vsockdump("flows", three, "--by", way, "--json"))
    (row,) = [row for row in found if row.items() >= key.items()]
    sizes = (262257, 0) if way != "port" else (0, 262257)
    assert (row["flows"], row["open"], row["failed"], row["problems"]) == (3, 1, 1, 1)
    assert (row["bytes_out"], row["bytes_in"]) == sizes
    assert row["stalled_s"] == 1.5001


def test_sums_are_sorted_and_cut(three: Path) -> None:
    found = objects(vsockdump("flows", three, "--by", "cid", "--json", "--sort", "cid"))
    assert [row["cid"] for row in found] == [2, 3]
    found = objects(vsockdump("flows", three, "--by", "cid", "--json", "--top", "1"))
    assert len(found) == 1
    done = vsockdump("flows", three, "--by", "cid", "--sort", "verdict")
    assert lines(done)[0].startswith("vsockdump: --sort verdict: no column is called so")


def test_sums_as_a_table(three: Path) -> None:
    text = vsockdump("flows", three, "--by", "pair").stdout.decode()
    assert [line.split()[:4] for line in text.splitlines()] == [
        ["pair", "flows", "open", "failed"],
        ["3", ">", "host", "3"],
    ]


# --- processes ------------------------------------------------------------------------------------


def test_what_a_file_says_of_processes(tmp_path: Path) -> None:
    """The REQUEST's comment names them; without one there is nothing, and no column for it."""
    request, *others = [Taken(START + p.time, p.frame, p.wire) for p in hello().packets]
    blocks = [
        *(captures.section(), captures.interface()),
        captures.enhanced(request, given=((1, b"python3[812] > ssh\x1b[99]"),)),
        *map(captures.enhanced, others),
    ]
    path = tmp_path / "named"
    path.write_bytes(b"".join(blocks))
    text = vsockdump("flows", path).stdout.decode()
    assert r"3:1024 python3[812] > host:1234 ssh\x1b[99]" in text
    (flow,) = objects(vsockdump("flows", path, "--json"))
    assert (flow["process_src"], flow["process_dst"]) == ("python3[812]", r"ssh\x1b[99]")
    assert vsockdump("flows", HELLO).stdout.decode().count("[") == 0


# --- live -----------------------------------------------------------------------------------------


def frames(path: Path) -> Iterator[bytes]:
    with closing(Savefile(str(path))) as source:
        for batch in filter(None, source.batches()):
            yield from map(batch.frame, range(batch.count))


@pytest.mark.standin
def test_live(standin: Standin) -> None:
    process = start("flows", "-i", standin.name, "-c", "27", "--json")
    assert process.stderr is not None
    assert any(line.startswith(b"listening on") for line in process.stderr)
    standin.send_all(list(frames(PCAPS / "reuse.pcap")))
    out, said = process.communicate(timeout=60)
    found = [json.loads(line) for line in out.splitlines()]
    assert [(flow["flow"], flow["verdict"], flow["bytes_fwd"]) for flow in found] == [
        (number, "SF", 13) for number in (1, 2, 3)
    ]
    assert (process.returncode, b"27 packets captured" in said) == (0, True)
