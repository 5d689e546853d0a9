"""What can be asked of a connection: the names that scripts rely on, and their values."""

import pytest

from tests.test_flows import CLOSED, MISSING, OPEN, SIDE, TAIL, S
from vsockdump.events import Doubt
from vsockdump.flowcolumns import COLUMNS, TOTALS, Record, least_free, reason, stalled
from vsockdump.flows import Flow
from vsockdump.values import Value, as_json

NAMES = [
    *("flow", "generation", "src_cid", "src_port", "dst_cid", "dst_port", "type", "state"),
    *("verdict", "reason", "start", "duration", "confidence", "connect_s", "packets_fwd"),
    *("packets_rev", "bytes_fwd", "bytes_rev", "min_free_fwd", "min_free_rev", "stalled_s_fwd"),
    *("stalled_s_rev", "problems", "process_src", "process_dst"),
]

FWD = SIDE._replace(packets=5, bytes=13, min_free=100, stalled=3)
REV = SIDE._replace(packets=4, bytes=7, stalled=S)
FLOW = CLOSED._replace(number=9, generation=2, fwd=FWD, rev=REV, problems=1, doubt=Doubt.LOSS)
LOST = "unsure: packets were lost while this was captured"

VALUES: dict[str, Value] = {
    "flow": 9,
    "generation": 2,
    "src_cid": 3,
    "src_port": 1024,
    "dst_cid": 2,
    "dst_port": 1234,
    "type": "stream",
    "state": "closed",
    "verdict": "SF",
    "reason": f"closed ({LOST})",
    "start": 5 * S,
    "duration": 3 * S,
    "confidence": "unsure",
    "connect_s": 2_000_000,
    "packets_fwd": 5,
    "packets_rev": 4,
    "bytes_fwd": 13,
    "bytes_rev": 7,
    "min_free_fwd": 100,
    "min_free_rev": None,
    "stalled_s_fwd": 3,
    "stalled_s_rev": S,
    "problems": 1,
    "process_src": "python3[812]",
    "process_dst": None,
    "packets": 9,
    "bytes": 20,
    "min_free": 100,
    "stalled_s": S + 3,
}


def test_names_are_those_that_are_promised() -> None:
    assert [column.name for column in COLUMNS] == NAMES


def test_values() -> None:
    record = Record(FLOW, "python3[812]")
    assert {column.name: column.value(record) for column in (*COLUMNS, *TOTALS)} == VALUES


def test_every_value_is_of_its_type() -> None:
    for column in (*COLUMNS, *TOTALS):
        for record in (Record(FLOW), Record(TAIL)):
            as_json(column.type, column.value(record))


@pytest.mark.parametrize(
    ("flow", "text"),
    [
        (CLOSED, "closed"),
        (CLOSED._replace(doubt=Doubt.LOSS), f"closed ({LOST})"),
        (
            OPEN._replace(doubt=Doubt.MID_STREAM),
            "open (likely: the beginning of the connection was not captured)",
        ),
        # These say so themselves.
        (TAIL._replace(doubt=Doubt.MID_STREAM), "its beginning was not captured; not closed yet"),
        (
            CLOSED._replace(fwd=MISSING, doubt=Doubt.GAP),
            "100 bytes missing from the capture; closed",
        ),
    ],
)
def test_reasons_say_what_is_in_doubt(flow: Flow, text: str) -> None:
    assert reason(flow) == text


@pytest.mark.parametrize(
    ("fwd", "rev", "least"), [(None, None, None), (5, None, 5), (None, 0, 0), (5, 3, 3), (0, 9, 0)]
)
def test_the_least_credit(fwd: int | None, rev: int | None, least: int | None) -> None:
    flow = OPEN._replace(fwd=SIDE._replace(min_free=fwd), rev=SIDE._replace(min_free=rev))
    assert least_free(flow) == least


def test_stalled_is_both_ways() -> None:
    assert stalled(FLOW) == S + 3
