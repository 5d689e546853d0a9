"""The cells of the table of connections."""

import time

import pytest

from tests.test_flows import CLOSED, OPEN, SIDE
from vsockdump import flowtext
from vsockdump.flowcolumns import Record
from vsockdump.flows import Verdict
from vsockdump.flowtext import HEADS, Cells, clock, length
from vsockdump.names import Names

S = 1_000_000_000


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    flowtext._stamp.cache_clear()


def test_cells() -> None:
    fwd = SIDE._replace(packets=5, bytes=13, min_free=100, stalled=S)
    flow = CLOSED._replace(number=9, start=5 * S + 1999, fwd=fwd)
    cells = Cells(Names().endpoint)(Record(flow, "python3[812]", "a\nb[1]"))
    assert dict(zip((head.title for head in HEADS), cells, strict=True)) == {
        "flow": "9",
        "start": "00:00:05.000001",
        "connection": r"3:1024 python3[812] > host:1234 a\nb[1]",
        "verdict": "SF",
        "state": "closed",
        "packets": "5/0",
        "bytes": "13/0",
        "duration": "2.999998",
        "connect": "0.001998",
        "min free": "100",
        "stalled": "1.000000",
        "reason": "closed",
    }


def test_what_is_not_known_is_a_dash() -> None:
    cells = Cells(Names().endpoint)(Record(OPEN._replace(response=None)))
    shown = dict(zip((head.title for head in HEADS), cells, strict=True))
    assert (shown["connect"], shown["min free"], shown["stalled"]) == ("-", "-", "-")
    assert shown["connection"] == "3:1024 > host:1234"


def test_every_verdict_has_a_colour() -> None:
    (styles,) = (head.styles for head in HEADS if head.title == "verdict")
    assert styles.keys() == {verdict.name for verdict in Verdict}


@pytest.mark.parametrize(
    ("ns", "text"),
    [(0, "00:00:00.000000"), (86399 * S + 999_999_999, "23:59:59.999999"), (-1, "23:59:59.999999")],
)
def test_clock(ns: int, text: str) -> None:
    assert clock(ns) == text


def test_a_time_that_no_clock_has() -> None:
    assert clock(2**63 - 1).endswith(".854775")


@pytest.mark.parametrize(("ns", "text"), [(None, "-"), (0, "0.000000"), (S // 2, "0.500000")])
def test_length(ns: int | None, text: str) -> None:
    assert length(ns) == text
