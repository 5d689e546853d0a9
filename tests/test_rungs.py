"""What becomes a row of a sequence diagram, and what of a capture finds no place."""

import pytest

from vsockdump.rungs import Arrow, Incident, Rungs
from vsockdump.steps import End, Packet

from .captures import START
from .conversation import MICRO, SECOND, Talk
from .frames import (
    CREDIT_REQUEST,
    CREDIT_UPDATE,
    REQUEST,
    RESPONSE,
    RST,
    RW,
    SEQPACKET,
    SHUTDOWN,
    STREAM,
)
from .test_steps import happened, stalled

TICK = 100 * MICRO


def gather(talk: Talk, *, ends: int = 9, rows: int = 99, whole: bool = False) -> Rungs:
    rungs = Rungs(ends=ends, rows=rows, whole=whole)
    for found in happened(talk):
        if isinstance(found, Packet):
            rungs.add(found)
        else:
            rungs.note(found)
    return rungs


def arrows(rungs: Rungs) -> list[Arrow]:
    return [row for row in rungs.rows if isinstance(row, Arrow)]


def outline(rungs: Rungs) -> list[str]:
    """A word or two a row."""
    words = []
    for row in rungs.rows:
        if isinstance(row, Arrow):
            words.append(f"{row.src}>{row.dst} {row.labels[-1]}")
        elif isinstance(row, Incident):
            words.append(f"{row.src}-{row.dst} {row.event.kind.name}")
        else:
            words.append(f"quiet {row.length / SECOND}")
    return words


def test_rows() -> None:
    rungs = gather(stalled())
    assert rungs.ends == [End(3, 1024), End(2, 1234), End(4, 9)]
    assert (rungs.packets, rungs.flows, rungs.full) == (9, 2, False)
    assert rungs.start == START
    assert outline(rungs) == [
        "0>1 REQUEST",
        "1>0 RESPONSE",
        "0>1 RW",
        "2>1 REQUEST",
        "0-1 STALL",  # which says why there was nothing for a second
        "1>0 CREDIT_UPDATE",
        "2-1 UNANSWERED",
        "quiet 4.0",
        "0>1 RW",
        "0>1 SHUTDOWN",
        "1>0 RST",
        "0-1 UNREAD_CLOSE",
        "1>0 RST",
    ]


def test_a_stall_says_why_nothing_was_sent() -> None:
    talk = Talk(buf=9000).open().rw("src", 9000).at(7).update("dst", fwd=9000)
    assert outline(gather(talk))[3:] == ["0-1 STALL", "1>0 CREDIT_UPDATE"]


def test_a_run_is_one_row() -> None:
    talk = Talk().open().rw("src", 10).rw("src", 20).rw("src", 30)
    row = arrows(gather(talk))[2]
    assert (row.number, row.last, row.packets, row.len) == (3, 5, 3, 60)
    assert (row.time, row.end) == (START + 2 * TICK, START + 4 * TICK)
    assert row.free == 262144 - 60
    assert row.labels[0] == "RW x 3, 60 bytes, free 262084"
    assert len(arrows(gather(talk, whole=True))) == 5


@pytest.mark.parametrize(
    ("talk", "rows"),
    [
        (Talk().open().update("dst", buf=7).update("dst", buf=8), 3),
        (Talk().open().rw("src", 1).rw("dst", 1).rw("src", 1), 5),  # not the same way
        (Talk().open().rw("src", 1).update("src").rw("src", 1), 5),  # not the same op
        (Talk().open().shutdown("src", 1).shutdown("src", 2), 4),  # each says another thing
        (Talk(kind=SEQPACKET).open().rw("src", 1).rw("src", 1, flags=1).rw("src", 1), 4),
        (Talk().open().rw("src", 1).at(2).rw("src", 1), 4),  # a pause is no run
    ],
)
def test_runs(talk: Talk, rows: int) -> None:
    assert len(arrows(gather(talk))) == rows


def test_an_event_ends_a_run() -> None:
    talk = Talk().open().shutdown("src", 2).rw("src", 1).rw("src", 1).rw("src", 1)
    assert outline(gather(talk))[2:] == [
        *("0>1 SHUTDOWN", "0>1 RW", "0-1 DATA_AFTER_SHUTDOWN", "0>1 RW x 2"),
    ]


def test_connections_of_other_ends_find_no_room() -> None:
    talk = Talk().open()
    Talk((4, 9), on=talk).open()  # to the same port as the first
    Talk((5, 9), (6, 9), on=talk).open()
    Talk((4, 9), (3, 1024), on=talk).request()  # between ends that are there
    rungs = gather(talk, ends=3)
    assert rungs.ends == [End(3, 1024), End(2, 1234), End(4, 9)]
    assert [(row.flow, row.src, row.dst) for row in arrows(rungs)] == [
        *((1, 0, 1), (1, 1, 0), (2, 2, 1), (2, 1, 2), (4, 2, 0)),
    ]
    assert (rungs.packets, rungs.flows) == (5, 3)
    assert [rungs.wants(flow) for flow in range(1, 6)] == [True, True, False, True, True]
    assert "2-3 UNANSWERED" not in outline(rungs)


def test_no_more_rows_than_wanted() -> None:
    rungs = gather(stalled(), rows=5)
    assert len(rungs.rows) == 5
    assert (rungs.packets, rungs.full) == (4, True)


def test_who_opened_stands_first_though_the_other_was_seen_first() -> None:
    rungs = gather(Talk().response().rw("src", 5))
    assert rungs.ends == [End(3, 1024), End(2, 1234)]
    assert [(row.src, row.dst) for row in arrows(rungs)] == [(1, 0), (0, 1)]


def test_one_end_talks_to_itself() -> None:
    rungs = gather(Talk((1, 5), (1, 5)).request())
    assert rungs.ends == [End(1, 5)]
    assert outline(rungs)[0] == "0>0 REQUEST"


def test_nothing() -> None:
    rungs = gather(Talk())
    assert (rungs.rows, rungs.ends, rungs.packets, rungs.start) == ([], [], 0, 0)


def arrow(op: int, **more: int) -> Arrow:
    plain = Arrow(1, 1, 0, 0, 1, 0, 1, op, STREAM, 1, 0, 0, 262144, 0, 262144)
    return plain._replace(**more)


@pytest.mark.parametrize(
    ("row", "labels"),
    [
        (
            arrow(REQUEST, type=SEQPACKET),
            ["REQUEST seqpacket, buf 262144", "REQUEST seqpacket", "REQUEST"],
        ),
        (arrow(RESPONSE), ["RESPONSE stream, buf 262144", "RESPONSE stream", "RESPONSE"]),
        (arrow(RW, len=9, free=0), ["RW 9, free 0", "RW 9", "RW"]),
        (arrow(RW)._replace(free=None), ["RW 0", "RW"]),
        (
            arrow(RW, type=SEQPACKET, flags=3, len=5, packets=2),
            [
                "RW x 2, 5 bytes EOM|EOR, free 262144",
                "RW x 2, 5 bytes EOM|EOR",
                "RW x 2",
            ],
        ),
        (
            arrow(RW, len=5, packets=2),
            ["RW x 2, 5 bytes, free 262144", "RW x 2, 5 bytes", "RW x 2, 5", "RW x 2"],
        ),
        (
            arrow(CREDIT_UPDATE, fwd_cnt=7, free=8),
            ["CREDIT_UPDATE fwd 7, free 8", "CREDIT_UPDATE fwd 7", "CREDIT_UPDATE"],
        ),
        (arrow(CREDIT_REQUEST), ["CREDIT_REQUEST"]),
        (arrow(SHUTDOWN, flags=3), ["SHUTDOWN rcv|send", "SHUTDOWN"]),
        (arrow(RST), ["RST"]),
        (arrow(99, len=4, flags=1), ["OP_99 4 0x1", "OP_99"]),
    ],
)
def test_labels(row: Arrow, labels: list[str]) -> None:
    assert row.labels == labels


def test_an_incident_says_nothing_unprintable() -> None:
    incident = next(row for row in gather(stalled()).rows if isinstance(row, Incident))
    text = incident.text(lambda cid, port: f"\x1b[31m{cid}")
    assert text.startswith(r"\x1b[31m3 could not send")


def test_shorter_pauses_if_asked_for() -> None:
    talk = Talk().open().at(0.1).rw("src", 1).at(0.149).rw("src", 1)
    rungs = Rungs(ends=9, rows=99, quiet=SECOND // 20)
    for found in happened(talk):
        assert isinstance(found, Packet)
        assert rungs.add(found)
    assert [words.split()[0] for words in outline(rungs)[2:]] == ["quiet", "0>1"]


def test_who_asks_hears_what_found_no_row() -> None:
    rungs = Rungs(ends=2, rows=3)
    took = [
        rungs.add(found) if isinstance(found, Packet) else rungs.note(found)
        for found in happened(stalled())
    ]
    # The other connection has no column, and lacks no row.
    assert took == [True, True, True, True, False, False, True, False, False, False, False, False]


def test_connections_can_be_met_before_their_packets() -> None:
    rungs = Rungs(ends=9, rows=99)
    rungs.meet(1, (End(2, 1234), End(3, 1024)))
    rungs.meet(2, (End(4, 9), End(2, 1234)))
    for found in happened(Talk().open()):
        assert isinstance(found, Packet)
        rungs.add(found)
    assert rungs.ends == [End(2, 1234), End(3, 1024), End(4, 9)]
    assert outline(rungs) == ["0>1 REQUEST", "1>0 RESPONSE"]
