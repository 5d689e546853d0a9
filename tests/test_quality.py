"""What a capture can carry: one line on it, and what losses leave of events and verdicts."""

import pytest

from tests.test_events import event
from tests.test_flows import CLOSED, OPEN, RESET, TAIL
from vsockdump.events import NUMBERS, Confidence, Doubt, Event, Kind, Severity
from vsockdump.flows import End, Flow
from vsockdump.quality import LOSS_EXPLAINS, Quality, judged

GOOD = Quality(packets=12, flows=1)
SEEN = "capture: 12 packets, 1 connection, seen from its start"


@pytest.mark.parametrize(
    ("quality", "line"),
    [
        (GOOD, f"{SEEN}; nothing is known to be missing"),
        (Quality(), "capture: 0 packets, 0 connections; nothing is known to be missing"),
        (
            Quality(packets=1, flows=2),
            "capture: 1 packet, 2 connections, seen from their start; nothing is known to be"
            " missing",
        ),
        (
            GOOD._replace(midstream=1),
            "capture: 12 packets, 1 connection, not seen from its start",
        ),
        (
            Quality(packets=12, flows=3, midstream=3),
            "capture: 12 packets, 3 connections, not seen from their start",
        ),
        (
            Quality(packets=12, flows=3, midstream=1),
            "capture: 12 packets, 3 connections, 1 of them not seen from its start",
        ),
        (
            Quality(packets=12, flows=3, midstream=2),
            "capture: 12 packets, 3 connections, 2 of them not seen from their start",
        ),
        (GOOD._replace(lost=1), f"{SEEN}; 1 packet lost while it was captured"),
        (
            GOOD._replace(lost=2, missing=5000),
            f"{SEEN}; 2 packets lost while it was captured; 5000 bytes missing that were read",
        ),
        (GOOD._replace(unread=1), f"{SEEN}; 1 packet could not be read"),
        (
            GOOD._replace(evicted=7),
            f"{SEEN}; 7 connections forgotten to make room (--max-flows)",
        ),
        (
            GOOD._replace(duplicates=9),
            f"{SEEN}; 9 packets in it twice, counted once; nothing is known to be missing",
        ),
    ],
)
def test_line(quality: Quality, line: str) -> None:
    assert quality.line() == line
    assert quality.whole == ("nothing is known to be missing" in line)


def problem(kind: Kind, doubt: Doubt = Doubt.NONE) -> Event:
    numbers = (0,) * len(NUMBERS[kind])
    return event(kind, *numbers, doubt=doubt)._replace(severity=Severity.PROBLEM)


LOST = Quality(packets=12, flows=1, lost=1)
MADE_BY_LOSS = {
    *(Kind.UNANSWERED, Kind.STALL, Kind.OVERRUN, Kind.FWD_CNT_AHEAD, Kind.FWD_CNT_BACK),
    *(Kind.BUF_SHRUNK, Kind.PACKET_CEILING, Kind.RESET, Kind.SHUTDOWN_UNANSWERED),
    *(Kind.MESSAGE_UNFINISHED, Kind.MESSAGE_TOO_LARGE, Kind.UPDATE_STORM, Kind.TUPLE_REUSE),
    Kind.CREDIT_REQUEST_UNANSWERED,
}


@pytest.mark.parametrize("kind", Kind)
def test_what_losses_explain_is_no_problem_of_a_peer(kind: Kind) -> None:
    found = LOST.judged(problem(kind))
    if kind in MADE_BY_LOSS:
        assert (found.severity, found.doubt) == (Severity.WARN, Doubt.LOSS)
        assert found.confidence is Confidence.UNSURE
    else:
        assert found == problem(kind)
    assert (kind in LOSS_EXPLAINS) == (kind in MADE_BY_LOSS)


@pytest.mark.parametrize("kind", Kind)
def test_a_whole_capture_changes_nothing(kind: Kind) -> None:
    assert GOOD.judged(problem(kind)) == problem(kind)
    assert GOOD.judged(problem(kind, Doubt.MID_STREAM)) == problem(kind, Doubt.MID_STREAM)


def test_a_gap_makes_no_problem_either() -> None:
    found = GOOD.judged(problem(Kind.STALL, Doubt.GAP))
    assert (found.severity, found.doubt) == (Severity.WARN, Doubt.GAP)
    assert LOST.judged(problem(Kind.STALL, Doubt.GAP)).doubt is Doubt.GAP


def test_a_note_stays_a_note() -> None:
    note = problem(Kind.STALL)._replace(severity=Severity.NOTE)
    assert LOST.judged(note).severity is Severity.NOTE


@pytest.mark.parametrize(
    ("flow", "certain"),
    [
        (CLOSED, True),
        (CLOSED._replace(end=End.REFUSED), True),
        (CLOSED._replace(whole=False), False),
        (OPEN, False),
        (RESET, False),
        (TAIL, False),
    ],
)
def test_a_verdict_stands_where_both_ends_were_captured(flow: Flow, certain: bool) -> None:
    assert judged(flow._replace(doubt=Doubt.LOSS)).doubt is (Doubt.NONE if certain else Doubt.LOSS)


@pytest.mark.parametrize("doubt", [Doubt.GAP, Doubt.MID_STREAM, Doubt.GUESS, Doubt.NONE])
def test_other_doubts_stay(doubt: Doubt) -> None:
    assert judged(CLOSED._replace(doubt=doubt)).doubt is doubt
