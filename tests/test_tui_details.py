"""What is said of a ladder's row, in long lines and in short ones."""

import pytest

from vsockdump.rungs import Rungs
from vsockdump.steps import Packet
from vsockdump.tui.details import details

from .conversation import Talk
from .test_steps import happened, stalled
from .test_tui_charts import named


def shown(talk: Talk, at: int, wide: bool = False) -> list[str]:
    """The lines on row `at`, times left out."""
    rungs, last = Rungs(ends=9, rows=99), None
    for found in happened(talk):
        if isinstance(found, Packet):
            rungs.add(found)
            last = found if len(rungs.rows) == at + 1 else last
        else:
            rungs.note(found)
    return list(details(rungs.rows[at], last, named, wide))


RUN = Talk().open().rw("src", 10).rw("src", 20).update("dst", fwd=30)


def test_a_run_in_long_lines() -> None:
    head, *rest = shown(RUN, 2)
    assert head.startswith("#3 RW  3:1024 → 2:1234  ")
    assert rest == [
        "to #4: 2 packets, 30 bytes, 0.100 ms",
        "connection 1  type stream  len 20  flags 0  buf_alloc 262144  fwd_cnt 0",
        "→ tx_cnt 30  fwd_cnt 0  in flight 30  window 262144  free 262114",
        "← tx_cnt 0  fwd_cnt 0  in flight 0  window 262144  free 262144",
    ]


def test_a_packet_in_short_lines() -> None:
    lines = shown(RUN, 3, wide=True)
    assert (lines[:2], lines[2].split(", ")[1]) == (
        ["#5 CREDIT_UPDATE", "2:1234 → 3:1024"],
        "connection 1",
    )
    assert lines[3:] == [
        "",
        "type           stream",
        "len                 0",
        "flags               0",
        "buf_alloc      262144",
        "fwd_cnt            30",
        "",
        "                    →           ←",
        "tx_cnt             30           0",
        "fwd_cnt            30           0",
        "in flight           0           0",
        "window         262144      262144",
        "free           262144      262144",
    ]


@pytest.mark.parametrize("wide", [False, True])
def test_what_nobody_knows_and_names(wide: bool) -> None:
    lines = shown(Talk().request().shutdown("src", 3), 0, wide)
    assert any("?" in line for line in lines)
    assert any("rcv|send" in line for line in shown(Talk().request().shutdown("src", 3), 1, wide))


def test_what_happened() -> None:
    text, where = shown(stalled(), 4)
    assert text.startswith("warn: 3:1024 could not send for 1.000 s: 2:1234 did not read")
    assert where.startswith("connection 1, ") and where.endswith(", packets 3 and 5")
    assert shown(stalled(), 7) == ["4.000 s without a packet"]


def test_nothing() -> None:
    assert list(details(None, None, named, False)) == []
