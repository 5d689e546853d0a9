"""Live captures of what an expression chooses: what the kernel lets through, and what is shown."""

import json
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.command import lines, start, vsockdump
from tests.frames import CREDIT_UPDATE, REQUEST, RST, RW, Ends, frame
from vsockdump.engine.batch import Batch
from vsockdump.errors import UsageError
from vsockdump.filters.language import parse
from vsockdump.filters.program import compiled, packed
from vsockdump.sources.live import Live
from vsockdump.sources.savefile import Savefile
from vsockdump.sources.standin import Standin

pytestmark = pytest.mark.standin

MINE, BACK = Ends(3, 2, 1024, 9999), Ends(2, 3, 9999, 1024)
OTHER = Ends(3, 2, 1025, 8888)
HEADERS = 76

# The last one is what `-c` counts to, so that a run ends by itself.
TRAFFIC = [
    frame(REQUEST, ends=MINE),
    frame(REQUEST, ends=OTHER),
    frame(RW, b"nothing to see", ends=OTHER),
    frame(RW, b"to be found", ends=MINE),
    frame(CREDIT_UPDATE, fwd_cnt=11, ends=BACK),
    b"abc",
    frame(RW, b"found, too" * 100, ends=BACK),
    frame(RST, ends=MINE),
]
OF_9999 = [TRAFFIC[place] for place in (0, 3, 4, 6, 7)]


class Done(NamedTuple):
    """What a run printed, said, and ended with."""

    out: list[str]
    said: list[str]
    status: int


Run = Callable[..., Done]


@pytest.fixture
def capture(standin: Standin) -> Run:
    """Run a capture to its end by -c, while the traffic is there."""

    def run(*words: str | Path, traffic: list[bytes] = TRAFFIC) -> Done:
        command = [word for word in words if word == "flows"]
        rest = [str(word) for word in words if word != "flows"]
        process = start(*command, "-i", standin.name, "-Z", "root", *rest)
        assert process.stderr is not None
        said: list[str] = []
        for line in process.stderr:
            said.append(line.decode().rstrip())
            if line.startswith(b"listening on"):
                break
        standin.send_all(traffic)
        try:
            out, more = process.communicate(timeout=60)
        finally:
            process.kill()  # where less came than -c waits for
            process.communicate()
        said += more.decode().splitlines()
        return Done(out.decode().splitlines(), said, process.returncode)

    return run


def saved(path: Path) -> list[bytes]:
    """Read the frames of a file."""
    with closing(Savefile(str(path))) as source:
        return list(rows(source.batches()))


def rows(batches: Iterable[Batch | None]) -> Iterator[bytes]:
    for batch in batches:
        if batch is not None:
            yield from (batch.frame(row) for row in range(len(batch)))


def program(expression: str, payload: int | None = None) -> bytes:
    return packed(compiled(parse(expression), payload=payload))


# --- the kernel -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "places"),
    [
        ("port 9999", (0, 3, 4, 6, 7)),
        ("src port 9999", (4, 6)),
        ("not port 9999", (1, 2, 5)),
        ("op rw and cid 3", (2, 3, 6)),
        ('data[0:4] = "foun"', (6,)),
        ("len > 100", (6,)),
        ("3:1025", (1, 2)),
        ("less 3", (5,)),
        ("port 7", ()),
    ],
)
def test_only_what_matches_arrives_and_is_counted(
    standin: Standin, expression: str, places: tuple[int, ...]
) -> None:
    with Live(standin.name, program=program(expression)) as live:
        standin.send_all(TRAFFIC)
        live.stop()
        assert list(rows(live.batches())) == [TRAFFIC[place] for place in places]
        assert live.statistics() == (len(places), 0, 0)


def test_nothing_unfiltered_gets_in_at_the_beginning(
    standin: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever step of its opening a capture is at, there is traffic."""
    steps: list[str] = []

    def busy(name: str) -> None:
        step = getattr(Live, name)

        def between(live: Live) -> None:
            standin.send_all(TRAFFIC)
            step(live)
            standin.send_all(TRAFFIC)
            steps.append(name)

        monkeypatch.setattr(Live, name, between)

    busy("_attach")
    busy("_bind")
    with Live(standin.name, program=program("port 9999")) as live:
        live.stop()
        assert list(rows(live.batches())) == OF_9999  # of the traffic after _bind alone
        assert live.statistics() == (len(OF_9999), 0, 0)
    assert sorted(steps) == ["_attach", "_bind"]


@pytest.mark.parametrize("payload", [0, 5, 11, 2000])
def test_all_headers_and_some_payload(standin: Standin, payload: int) -> None:
    with Live(standin.name, program=program("port 9999", payload)) as live:
        standin.send_all(TRAFFIC)
        live.stop()
        assert list(rows(live.batches())) == [one[: HEADERS + payload] for one in OF_9999]


def test_all_of_what_is_too_short_for_headers(standin: Standin) -> None:
    with Live(standin.name, program=program("", 4)) as live:
        standin.send_all([b"abc", TRAFFIC[0][:50], TRAFFIC[3]])
        live.stop()
        expected = [b"abc", TRAFFIC[0][:50], TRAFFIC[3][: HEADERS + 4]]
        assert list(rows(live.batches())) == expected


# --- runs -------------------------------------------------------------------------------------


def test_a_saved_capture_names_its_filter(capture: Run, tmp_path: Path) -> None:
    path = tmp_path / "out.pcapng"
    done = capture("-w", path, "-c", "5", "port", "9999")
    assert (done.status, done.out, saved(path)) == (0, [], OF_9999)
    assert "5 packets received by filter" in done.said
    with closing(Savefile(str(path))) as source:
        assert source.interfaces[0].filter == "port 9999"


def test_others_read_the_filter_too(capture: Run, tmp_path: Path) -> None:
    path = tmp_path / "out.pcapng"
    capture("-w", path, "-c", "4", "port 9999 and not op request")
    try:
        done = subprocess.run(["capinfos", path], capture_output=True, check=True, text=True)
    except FileNotFoundError:
        pytest.skip("needs capinfos")
    assert "Filter string = port 9999 and not op request" in map(
        str.strip, done.stdout.splitlines()
    )


def test_so_much_payload_is_saved(capture: Run, tmp_path: Path) -> None:
    path = tmp_path / "out.pcap"
    done = capture("-w", path, "-c", "8", "--snap-payload", "8")
    assert (done.status, saved(path)) == (0, [one[: HEADERS + 8] for one in TRAFFIC])
    assert vsockdump("-r", path, "--count", "len > 999").stdout == b"1 packet\n"


@pytest.mark.parametrize("way", ["words", "-f", "-F"])
def test_ways_to_say_it(capture: Run, tmp_path: Path, way: str) -> None:
    (tmp_path / "file").write_text("port 9999\n  and op rw\n")
    words = {"words": ["port", "9999", "and", "op", "rw"], "-f": ["-f", "port 9999 and op rw"]}
    done = capture("-n", "-t", "-c", "2", *words.get(way, ["-F", tmp_path / "file"]))
    assert [line.split()[:3] for line in done.out] == [
        ["3:1024", ">", "2:9999"],
        ["2:9999", ">", "3:1024"],
    ]


def test_what_the_kernel_cannot_tell_is_told_after_it(capture: Run, tmp_path: Path) -> None:
    path = tmp_path / "out.pcapng"
    done = capture("-w", path, "-c", "1", 'port 9999 and payload contains "found,"')
    assert saved(path) == [TRAFFIC[6]]
    assert 'vsockdump: decided after the kernel\'s filter: payload contains "found,"' in done.said
    with closing(Savefile(str(path))) as source:
        assert source.interfaces[0].filter == "port 9999"
        assert source.drops == {}  # until the file has been read
        list(source.batches())
        assert source.drops[0].received >= 4


def test_all_is_saved_and_some_is_shown(capture: Run, tmp_path: Path) -> None:
    path = tmp_path / "out.pcap"
    done = capture("-w", path, "-c", "5", "--print", "-nt", "-Y", "op rst", "port 9999")
    assert saved(path) == OF_9999
    assert [line.split()[3] for line in done.out] == ["RST"]
    assert "5 packets captured" in done.said


def test_what_is_shown_goes_by_whole_connections(capture: Run) -> None:
    done = capture("-c", "3", "-nt", "op rw", "-Y", "flow 1")
    assert "vsockdump: decided after the kernel's filter: op rw" in done.said
    assert [line.split()[3] for line in done.out] == ["RW", "RW"]


def test_flows_of_one_port(capture: Run) -> None:
    done = capture("flows", "--json", "-c", "5", "port 9999")
    (flow,) = map(json.loads, done.out)
    assert (done.status, flow["src_port"], flow["packets_fwd"], flow["packets_rev"]) == (
        *(0, 1024),
        *(3, 2),
    )


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["flows", "problems", "credit", "ladder", "--problems"])
def test_some_of_a_connection_is_not_enough(standin: Standin, command: str) -> None:
    done = vsockdump(command, "-i", standin.name, "op rw")
    sentence = lines(done)[-1]  # before it, that this kernel names no processes
    assert (done.returncode, done.stdout) == (UsageError.exit_code, b"")
    assert "needs whole connections, and 'op rw' takes only some of their packets" in sentence
