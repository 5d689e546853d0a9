"""`vsockdump credit` as its users run it."""

import csv
import io
import json
from contextlib import closing
from pathlib import Path

import pexpect
import pytest

from vsockdump.sources.savefile import Savefile
from vsockdump.sources.standin import Standin

from .captures import MICRO, START
from .command import ARGV, ENVIRONMENT, PCAPS, lines, run, start, vsockdump
from .conversation import Talk
from .frames import pcap_header, pcap_record

SLOW = PCAPS / "slow-reader.pcap.zst"
REUSE = PCAPS / "reuse.pcap"


def capture(talk: Talk) -> bytes:
    """Return a conversation as a pcap file."""
    records = (
        pcap_record(one.frame, *divmod((START + one.time) // 1000, 10**6), wire=one.wire)
        for one in talk.packets
    )
    return pcap_header(magic=MICRO) + b"".join(records)


def three() -> Talk:
    """The second stalls, the third carries most."""
    talk = Talk(buf=100).open().rw("src", 10)
    second = Talk((4, 9), buf=100, on=talk).open().rw("src", 100)
    Talk((5, 9), on=talk).open().rw("src", 1000)
    second.at(1).update("dst", fwd=100)
    return talk


def test_text() -> None:
    result = vsockdump("credit", SLOW)
    text = result.stdout.decode().splitlines()
    assert (result.returncode, lines(result)) == (0, [])
    assert text[0] == "connection 1: local:15004 → local:5004, stream"
    assert text[2].split()[-4:] == ["in", "flight", "window", "free"]
    assert text[8].split()[-5:] == ["0", "262144", "262144", "0", "░"]
    assert len(text) == 3 + 12 + 2  # headings, packets, and the stall: no plot in a pipe


def test_csv_and_json() -> None:
    table = list(csv.DictReader(io.StringIO(vsockdump("credit", SLOW, "--csv").stdout.decode())))
    assert [row["free_fwd"] for row in table][5:8] == ["0", "262144", "224288"]
    assert table[6]["since_s"] == "2.057860000"
    rows = [json.loads(line) for line in vsockdump("credit", SLOW, "--json").stdout.splitlines()]
    assert [row["events"] for row in rows] == [*[""] * 6, "stall", *[""] * 5]
    assert [str(row["free_rev"] or "") for row in rows] == [row["free_rev"] for row in table]


def test_the_worst_connection_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "three.pcap"
    path.write_bytes(capture(three()))
    result = vsockdump("credit", path)
    assert result.stdout.startswith(b"connection 2: 4:9")
    assert lines(result) == [
        "vsockdump: of 3 connections this is 2, which stalled for longest (1.000 s);"
        " --flow N shows another"
    ]
    assert vsockdump("credit", path, "--flow", "3").stdout.startswith(b"connection 3: 5:9")


def test_or_the_one_that_carried_most(tmp_path: Path) -> None:
    path = tmp_path / "three.pcap"
    path.write_bytes(capture(three()))
    result = vsockdump("credit", path, "-c", "9")  # the stall is that long only behind them
    assert result.stdout.startswith(b"connection 3: 5:9")
    assert "which carried most (1000 bytes)" in lines(result)[0]


def test_what_the_end_says_of_others_is_not_shown() -> None:
    talk = Talk(buf=9).open()
    Talk((4, 9), buf=9, on=talk).open().rw("src", 9)
    talk.at(1).rw("src", 1)
    shown = [
        vsockdump("credit", "-", "--flow", flow, stdin=capture(talk)).stdout.decode()
        for flow in ("1", "2")
    ]
    assert ["could not send" in text for text in shown] == [False, True]


def test_where_there_is_nothing_to_choose_by_it_says_so() -> None:
    assert lines(vsockdump("credit", PCAPS / "backlog-full.pcap")) == [
        "vsockdump: of 3 connections this is 1, and none carried anything; --flow N shows another"
    ]


def test_of_a_pipe_the_first_is_taken() -> None:
    result = vsockdump("credit", "-", stdin=REUSE.read_bytes())
    assert result.stdout.startswith(b"connection 1: local:15010")
    assert lines(result) == [
        "vsockdump: of 3 connections this is the first; --flow N shows another"
    ]
    assert not lines(vsockdump("credit", "-", "--flow", "2", stdin=REUSE.read_bytes()))


def test_a_damaged_file_shows_what_it_has(tmp_path: Path) -> None:
    path = tmp_path / "cut.pcap"
    path.write_bytes(REUSE.read_bytes()[:-10])
    result = vsockdump("credit", path, "-n")
    assert result.returncode == 2
    assert result.stdout.startswith(b"connection 1: 1:15010")
    assert "damaged" in lines(result)[-1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((REUSE, "--flow", "9"), "there is no connection 9; 'vsockdump flows' lists them"),
        (("-",), "no packet belongs to a connection"),
    ],
)
def test_nothing_to_show(words: tuple[str | Path, ...], said: str) -> None:
    result = vsockdump("credit", *words, stdin=REUSE.read_bytes()[:24])
    assert (result.returncode, result.stdout) == (0, b"")
    assert lines(result)[0] == f"vsockdump: {said}"


def test_csv_of_nothing_has_names() -> None:
    result = vsockdump("credit", "-", "--csv", stdin=REUSE.read_bytes()[:24])
    assert result.stdout.startswith(b"number,time_ns,")


def test_a_missing_file() -> None:
    assert vsockdump("credit", "/none.pcap").returncode == 2


def test_a_plot_alone() -> None:
    result = vsockdump("credit", SLOW, "--plot")
    text = result.stdout.decode().splitlines()
    assert text[1] == "free for local:15004 to send to local:5004 (░ stalled)"
    assert len(text) == 12
    assert "256 KiB ┤" in text[2]


def test_a_plot_is_no_table() -> None:
    result = vsockdump("credit", SLOW, "--plot", "--json")
    assert (result.returncode, lines(result)) == (
        *(1, ["vsockdump: --plot draws: --json and --csv do not go with it"]),
    )


def live(link: Standin, *words: str | Path) -> tuple[int | None, str]:
    """Run a command on a link over which a hello is sent: its status, and what it prints."""
    process = start(*words, "-i", link.name, "-c", "9")
    assert process.stderr is not None
    assert process.stderr.readline().startswith(b"listening on")
    with closing(Savefile(str(PCAPS / "hello.pcap"))) as source:
        for batch in filter(None, source.batches()):
            link.send_all([batch.frame(row) for row in range(batch.count)])
    out, _ = process.communicate(timeout=60)
    return process.returncode, out.decode()


@pytest.mark.standin
def test_live(standin: Standin) -> None:
    status, text = live(standin, "credit")
    assert (status, len(text.splitlines())) == (0, 3 + 9)
    assert text.startswith("connection 1: local:15001 → local:5001, stream\n")


def test_any_locale() -> None:
    result = run("env", "PYTHONIOENCODING=ascii", *ARGV, "credit", SLOW)
    assert (result.returncode, "→" in result.stdout.decode()) == (0, True)


def test_a_terminal_shows_both_in_colours() -> None:
    words = [*ARGV[1:], "credit", str(SLOW)]
    environment = {**ENVIRONMENT, "TERM": "xterm-256color"} | {"COLUMNS": "80"}
    environment.pop("NO_COLOR", None)
    with pexpect.spawn(ARGV[0], words, env=environment, dimensions=(50, 80)) as shown:
        shown.expect(pexpect.EOF)
        text = shown.before.decode()
    assert "connection 1: local:15004 → local:5004" in text
    assert "\x1b[31m░" in text  # the stall in the plot
    assert text.index("SHUTDOWN") < text.index("256 KiB")
