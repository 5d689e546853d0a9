"""Events as they are printed: in groups, the worst first, and in single lines."""

import time

import pytest

from tests.test_events import event, name
from vsockdump import flowtext, remarks
from vsockdump.eventcolumns import remark
from vsockdump.events import Doubt, Event, Kind, Severity
from vsockdump.paint import Line
from vsockdump.quality import Quality
from vsockdump.remarks import Groups, as_line, quality_line, report, wrapped

S = 1_000_000_000
GOOD = Quality(packets=12, flows=1)
LOST = GOOD._replace(lost=3)
HEAD = "capture: 12 packets, 1 connection, seen from its start; nothing is known to be missing"


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    flowtext._stamp.cache_clear()


def found(kind: Kind, severity: Severity, at: int = 1, *numbers: int) -> Event:
    return event(kind, *numbers)._replace(severity=severity, time=at * S)


def unread(at: int = 1, severity: Severity = Severity.PROBLEM) -> Event:
    return found(Kind.UNREAD_CLOSE, severity, at, 5000)


def refused(at: int = 1) -> Event:
    return found(Kind.REFUSED, Severity.PROBLEM, at, 38_000)


def reuse(at: int = 1) -> Event:
    return found(Kind.TUPLE_REUSE, Severity.NOTE, at, 1, 500_000, 1)


def shown(quality: Quality, *events: Event) -> list[str]:
    groups = Groups()
    for one in events:
        groups.add(one)
    return [line.text for line in report(groups.judged(quality), quality, name)]


UNREAD = "ann closed without reading the last 5000 bytes of bob, which was told nothing"


def test_the_worst_comes_first_then_the_kind_then_the_time() -> None:
    lines = shown(GOOD, reuse(), unread(4), unread(2, Severity.WARN), unread(3), refused(5))
    assert lines[:8] == [
        HEAD,
        "",
        "problem: refused",
        "  00:00:05.000000 flow 1, packets 1 and 2: bob refused ann after 0.038 ms: nobody listens"
        " there, for this socket type, or the backlog is full",
        "",
        "problem: unread_close, 2 times",
        f"  00:00:03.000000 flow 1, packets 1 and 2: {UNREAD}",
        f"  00:00:04.000000 flow 1, packets 1 and 2: {UNREAD}",
    ]
    assert [line for line in lines[8:] if line and line[0] != " "] == [
        "warn: unread_close",
        "note: tuple_reuse",
    ]


@pytest.mark.parametrize(
    ("quality", "sentence"),
    [
        (GOOD, "nothing is wrong"),
        (LOST, "nothing is wrong in what was captured"),
        (GOOD._replace(flows=0), "there is no connection in it"),
    ],
)
def test_nothing_wrong_is_said(quality: Quality, sentence: str) -> None:
    assert shown(quality) == [quality.line(), "", sentence]
    assert shown(GOOD, reuse())[-1] == "nothing is wrong"
    assert "nothing is wrong" not in shown(GOOD, unread(1, Severity.WARN))


def test_a_fault_of_the_capture_is_no_problem() -> None:
    stall = found(Kind.STALL, Severity.PROBLEM, 1, S, 5, 5, 0, 1)
    assert "problem: stall" in shown(GOOD, stall)
    lines = shown(LOST, stall)
    assert lines[2] == "warn: stall"
    assert lines[3].endswith("(unsure: packets were lost while this was captured)")


def test_what_is_judged_alike_stands_together() -> None:
    """A doubt of the tracker's and one of the capture's are two keys, and one group."""
    stall = found(Kind.STALL, Severity.WARN, 1, S, 5, 5, 0, 1)
    guess = stall._replace(doubt=Doubt.GUESS, severity=Severity.PROBLEM, time=0)
    assert shown(LOST, stall, guess)[2] == "warn: stall, 2 times"


def test_of_many_the_first_are_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remarks, "KEPT", 2)
    lines = shown(GOOD, *(unread(at) for at in range(1, 6)))
    assert lines[2] == "problem: unread_close, 5 times"
    assert [line[:17] for line in lines[3:5]] == ["  00:00:01.000000", "  00:00:02.000000"]
    assert lines[5:] == ["  ... and 3 more; --json prints all"]


@pytest.mark.parametrize(
    ("packets", "place"),
    [((), ""), ((6,), ", packet 6"), ((6, 7), ", packets 6 and 7")],
)
def test_a_line_has_all_of_an_event(packets: tuple[int, ...], place: str) -> None:
    row = remark(unread()._replace(packets=packets), name)
    text = f"00:00:01.000000 problem unread_close, flow 1{place}: {UNREAD}"
    assert as_line(row) == Line(text, "problem")


def test_names_from_elsewhere_reach_no_terminal() -> None:
    row = remark(unread(), lambda cid, port: "\x1b[31m")
    assert "\x1b" not in as_line(row).text


def test_a_capture_that_lacks_something_is_marked() -> None:
    assert quality_line(GOOD) == Line(HEAD)
    assert quality_line(LOST) == Line(LOST.line(), "warn")


def test_wrapping() -> None:
    line = Line("  one two three four", "warn")
    assert list(wrapped(line, None)) == [line]
    assert list(wrapped(line, 20)) == [line]
    assert [part.text for part in wrapped(line, 12)] == ["  one two", "    three", "    four"]
    assert {part.kind for part in wrapped(line, 12)} == {"warn"}
