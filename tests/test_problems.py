"""`vsockdump problems` and --problems: what is said, when, and with which exit status."""

import csv
import io
import json
import os
from contextlib import closing
from pathlib import Path

import pexpect
import pytest

from tests.command import ARGV, ENVIRONMENT, PCAPS, Result, Waiting, lines, start, vsockdump
from tests.conversation import Talk
from tests.talks import saved, stalled
from vsockdump.sources.savefile import Savefile
from vsockdump.sources.standin import Standin

HELLO, SLOW, REUSE = (PCAPS / name for name in ("hello.pcap", "slow-reader.pcap.zst", "reuse.pcap"))
STALL = (
    "14:25:03.286912 {}flow 1, packets 6 and 7: local:15004 could not send for 1.993 s: local:5004"
    " did not read, or did not say so (262144 bytes under way, 262144 allowed)"
)


def text(done: Result) -> list[str]:
    return done.stdout.decode().splitlines()


def test_grouped() -> None:
    assert text(vsockdump("problems", SLOW)) == [
        "capture: 12 packets, 1 connection, seen from its start; nothing is known to be missing",
        "",
        "problem: stall",
        "  " + STALL.format(""),
    ]


@pytest.mark.parametrize("words", [("problems", SLOW), ("-r", SLOW, "--problems")])
def test_checking_is_only_for_those_who_ask(words: tuple[str | Path, ...]) -> None:
    assert vsockdump(*words).returncode == 0


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (SLOW, 3),
        (PCAPS / "refused.pcap", 3),
        (HELLO, 0),
        (REUSE, 0),  # notes
        (PCAPS / "buffer-change.pcap.zst", 0),  # warnings
        (PCAPS / "missing", 2),
    ],
)
@pytest.mark.parametrize("form", [(), ("--json",), ("--csv",)])
def test_check(path: Path, status: int, form: tuple[str, ...]) -> None:
    assert vsockdump("problems", path, "--check", *form).returncode == status


def test_a_damage_goes_before_a_problem(tmp_path: Path) -> None:
    path = saved(stalled(), tmp_path / "cut")
    path.write_bytes(path.read_bytes()[:-1])
    done = vsockdump("problems", path, "--check")
    assert done.returncode == 2
    assert "problem: stall" in text(done)


@pytest.mark.parametrize("form", ["", "--json", "--csv"])
def test_a_reader_that_is_gone_changes_no_check(form: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    process = start("problems", SLOW, "--check", *form.split(), stdout=writer)
    os.close(writer)
    assert process.communicate(timeout=60)[1] == b""
    assert process.returncode == 3


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_fault_of_the_capture_fails_no_check(tmp_path: Path, form: tuple[str, ...]) -> None:
    """That packets were lost stands behind all of them."""
    path = saved(stalled(), tmp_path / "lost", dropped=4)
    done = vsockdump("problems", path, "--check", *form)
    assert done.returncode == 0
    printed = done.stdout.decode() + done.stderr.decode()
    assert "4 packets lost while it was captured" in printed
    assert "unsure: packets were lost while this was captured" in printed
    assert ("warn: stall" if not form else '"severity":"warn","confidence":"unsure"') in printed


def test_json() -> None:
    (found,) = [json.loads(line) for line in text(vsockdump("problems", SLOW, "--json"))]
    assert list(found) == [
        *("kind", "severity", "confidence", "flow", "time", "packets", "text"),
        *("length_s", "in_flight", "window", "blame", "lifted"),
    ]
    assert (found["blame"], found["lifted"], found["length_s"]) == ("not_reading", True, 1.992993)


def test_csv() -> None:
    printed = vsockdump("problems", REUSE, "--csv").stdout.decode()
    rows = list(csv.DictReader(io.StringIO(printed)))
    assert [row["kind"] for row in rows] == ["tuple_reuse"] * 2
    assert rows[0]["numbers"].startswith("previous=1;after_s=0.001023000;closed=true")
    empty = vsockdump("problems", HELLO, "--csv").stdout.decode()
    assert empty == "kind,severity,confidence,flow,time,packets,text,numbers\n"


def test_plain_lines() -> None:
    done = vsockdump("-r", SLOW, "--problems")
    assert (text(done), done.stderr) == ([STALL.format("problem stall, ")], b"")
    done = vsockdump("-r", SLOW, "--problems", "--format", "jsonl")
    assert json.loads(done.stdout)["kind"] == "stall"
    done = vsockdump("-r", SLOW, "--problems", "--format", "csv")
    assert [line.split(",")[0] for line in text(done)] == ["kind", "stall"]


def test_what_is_missing_is_told_beside_plain_lines() -> None:
    done = vsockdump("-r", PCAPS / "crafted-edge-cases.pcap", "--problems")
    assert lines(done) == [
        "vsockdump: capture: 15 packets, 3 connections, 2 of them not seen from their start; 6"
        " packets could not be read"
    ]


def test_saving_beside(tmp_path: Path) -> None:
    path, target = saved(stalled(), tmp_path / "in"), tmp_path / "out.pcapng"
    done = vsockdump("-r", path, "--problems", "-w", target)
    assert [line.split()[1:3] for line in text(done)] == [["problem", "stall,"]]
    assert vsockdump("-r", target, "--count").stdout == b"12 packets\n"


def test_events_are_printed_as_they_happen(tmp_path: Path) -> None:
    waiting = Waiting("--problems", data=saved(stalled(), tmp_path / "in").read_bytes())
    assert b" problem stall, flow 1, packets 6 and 7: " in waiting.first_line()
    waiting.process.terminate()
    assert waiting.end() == (0, b"", b"")


def test_many_events(tmp_path: Path) -> None:
    """All of them are there for scripts, and for people their number."""
    talk = Talk()
    for port in range(1, 1102):
        Talk((3, port), (2, 9), on=talk).request().no_socket("dst")
    path = saved(talk, tmp_path / "many")
    shown = text(vsockdump("problems", path))
    assert shown[2] == "problem: refused, 1101 times"
    assert shown[-1] == "  ... and 101 more; --json prints all"
    assert len(shown) == 3 + 1000 + 1
    found = [json.loads(line) for line in text(vsockdump("problems", path, "--json"))]
    assert [each["flow"] for each in found] == list(range(1, 1102))


def test_names() -> None:
    assert "1:15004 could not send" in vsockdump("problems", SLOW, "-n").stdout.decode()
    assert "1:15004 could not send" in vsockdump("-nr", SLOW, "--problems").stdout.decode()


def test_a_terminal_gets_lines_that_fit() -> None:
    environment = {**ENVIRONMENT, "COLUMNS": "80", "TERM": "xterm-256color"}
    environment.pop("NO_COLOR", None)
    for words in (["problems", str(SLOW)], ["-r", str(SLOW), "--problems"]):
        argv = [*ARGV[1:], *words]
        with pexpect.spawn(ARGV[0], argv, env=environment, dimensions=(50, 80)) as shown:
            shown.expect(pexpect.EOF)
            found = shown.before.decode()
        assert "\x1b[1;31m" in found
        assert "262144 allowed)" in found.replace("\r\n    ", " ").replace("\r\n", " ")


@pytest.mark.standin
@pytest.mark.parametrize("words", [("problems",), ("--problems",)])
def test_live(standin: Standin, words: tuple[str, ...]) -> None:
    process = start(*words, "-i", standin.name)
    assert process.stderr is not None
    assert process.stdout is not None
    assert any(line.startswith(b"listening on") for line in process.stderr)
    with closing(Savefile(str(PCAPS / "refused.pcap"))) as source:
        for batch in filter(None, source.batches()):
            standin.send_all([batch.frame(row) for row in range(batch.count)])
    line = process.stdout.readline()
    assert b" problem refused, flow 1, packet 2: local:5002 refused local:15002 after " in line
    process.terminate()
    out, said = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, b"")
    assert b"2 packets captured" in said
