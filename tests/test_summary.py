"""What a capture adds up to: facts, counts, percentiles."""

from collections import Counter

import pytest

from tests.test_flows import CLOSED, OPEN, SIDE
from vsockdump.flows import SIZES, Counts, End, Flow
from vsockdump.interface import Interface
from vsockdump.quality import Quality
from vsockdump.summary import (
    FACTS,
    INTERFACES,
    OTHER,
    Facts,
    Histogram,
    Section,
    Shape,
    Totals,
    most,
    percentile,
    times,
)
from vsockdump.values import Value, as_json

S = 1_000_000_000
COUNTS = Counts(**dict.fromkeys(Counts._fields, 0))._replace(
    packets=8, unread=1, duplicates=2, flows=3, first=S, last=3 * S
)
EMPTY = COUNTS._replace(packets=0, first=None, last=None)


def facts(counts: Counts = COUNTS) -> Facts:
    return Facts("f", "pcap", "VSOCK", 1000, counts, Quality(lost=7), 800, 700, 100)


def rows(section: Section) -> list[dict[str, Value]]:
    return [{field.name: field.value(row) for field in section.fields} for row in section.rows]


def test_facts() -> None:
    assert {field.name: as_json(field.type, field.value(facts())) for field in FACTS} == {
        "file": '"f"',
        "file_type": '"pcap"',
        "encapsulation": '"VSOCK"',
        "file_size": "1000",
        "packets": "8",
        "connections": "3",
        "first": '"1970-01-01T00:00:01.000000000Z"',
        "last": '"1970-01-01T00:00:03.000000000Z"',
        "duration": "2.000000000",
        "frame_bytes": "800",
        "captured_bytes": "700",
        "payload_bytes": "100",
        "average_frame": "100.000",
        "packet_rate": "4.000",
        "payload_rate": "50.000",
        "lost": "7",
        "duplicates": "2",
        "unread": "1",
    }


def test_facts_of_nothing() -> None:
    found = {field.name: field.value(facts(EMPTY)) for field in FACTS}
    unknown = ("first", "last", "average_frame", "packet_rate", "payload_rate")
    assert [found[name] for name in unknown] == [None] * 5
    assert found["duration"] == 0


def test_interfaces() -> None:
    row = (3, Interface(271, "vsockmon0", 96, "Linux 6.1", "port 1"))
    assert [field.value(row) for field in INTERFACES] == [
        *(3, "vsockmon0", "VSOCK (Linux vsock)", 96, "Linux 6.1", "port 1")
    ]
    assert INTERFACES[3].value((0, Interface(271))) is None


def sections(*flows: Flow) -> dict[str, Section]:
    totals = Totals()
    for flow in flows:
        totals.add(flow)
    return {section.name: section for section in totals.sections()}


def test_totals() -> None:
    ops = [1, 0, 0, 0, 0, 9, 0, 0, 2]
    sizes = [0] * SIZES
    sizes[0], sizes[1], sizes[7], sizes[-1] = 1, 2, 3, 4
    side = SIDE._replace(ops=tuple(ops), sizes=tuple(sizes), bytes=10)
    refused = CLOSED._replace(end=End.REFUSED, src_cid=9)
    found = sections(OPEN._replace(fwd=side), CLOSED._replace(rev=side), refused)
    assert rows(found["ops"]) == [
        {"op": "INVALID", "packets": 2},
        {"op": "RW", "packets": 18},
        {"op": "other", "packets": 4},
    ]
    assert rows(found["sizes"]) == [
        {"up_to": 0, "packets": 2},
        {"up_to": 1, "packets": 4},
        {"up_to": 64, "packets": 6},
        {"up_to": None, "packets": 8},
    ]
    assert rows(found["verdicts"]) == [
        {"verdict": verdict, "connections": 1} for verdict in ("REJ", "SF", "S1")
    ]
    assert [row["cid"] for row in rows(found["cids"])] == [3, 2, 9]  # by bytes, most first
    assert [(row["port"], row["flows"]) for row in rows(found["ports"])] == [(1234, 3)]


def test_payload_is_that_of_connections() -> None:
    totals = Totals()
    totals.add(OPEN._replace(fwd=SIDE._replace(bytes=5), rev=SIDE._replace(bytes=7)))
    assert totals.payload == 12


def test_the_places_of_ops_and_sizes() -> None:
    assert len(SIDE.ops) - 1 == OTHER
    assert [most(bucket) for bucket in (0, 1, 2, 3, 17, SIZES - 1)] == [0, 1, 2, 4, 65536, None]


TIMES: Histogram = [(10, 50), (20, 40), (30, 9), (40, 1)]


@pytest.mark.parametrize(
    ("percent", "longest"), [(1, 10), (50, 10), (51, 20), (90, 20), (99, 30), (100, 40)]
)
def test_percentiles(percent: int, longest: int) -> None:
    assert percentile(TIMES, percent) == longest
    assert percentile([], percent) is None


def test_percentiles_are_those_of_the_values() -> None:
    """The bound below which at least so many of a hundred are."""
    counts = Counter({bound: bound % 7 + 1 for bound in range(10, 200, 10)})
    values = sorted(counts.elements())
    for percent in range(1, 101):
        place = -(-len(values) * percent // 100) - 1
        assert percentile(sorted(counts.items()), percent) == values[place]


def test_times() -> None:
    facts, histogram = times("connect", TIMES)
    assert (facts.shape, facts.name) == (Shape.FACTS, "connect")
    assert rows(facts) == [{"count": 100, "p50_s": 10, "p90_s": 20, "p99_s": 30, "max_s": 40}]
    assert (histogram.shape, histogram.name) == (Shape.COUNTS, "connect_histogram")
    assert rows(histogram)[0] == {"up_to_s": 10, "count": 50}
