"""A capture's summary as people read it."""

import pytest

from tests.test_flows import CLOSED
from vsockdump.events import Name
from vsockdump.flowgroups import GROUPINGS, Groups, fields
from vsockdump.names import Names
from vsockdump.series import Step
from vsockdump.summary import STEPS, Histogram, Section, Shape, pairs, times
from vsockdump.summarytext import text
from vsockdump.values import Field

MS, S = 1_000_000, 1_000_000_000
NAME: Name = Names().endpoint


def lines(*sections: Section, room: int | None = None) -> list[str]:
    return [line.text for line in text(sections, NAME, room)]


def test_facts_have_units_and_those_unknown_are_left_out() -> None:
    fields = (
        Field[int]("file_type", "str", "", lambda row: "a\x1bb"),
        Field[int]("file_size", "int", "bytes", lambda row: 1),
        Field[int]("lost", "int", "packets", lambda row: 2),
        Field[int]("first", "time", "UTC", lambda row: 0),
        Field[int]("p50_s", "seconds", "s", lambda row: 20 * MS),
        Field[int]("packet_rate", "float", "packets/s", lambda row: 0.5),
        Field[int]("last", "time", "UTC", lambda row: None),
    )
    assert lines(Section("all_of_it", Shape.FACTS, fields, [1])) == [
        *("", "all of it"),
        r"  file type    a\x1bb",
        "  file size    1 byte",
        "  lost         2 packets",
        "  first        1970-01-01T00:00:00.000000000Z",
        "  p50          0.020 s",
        "  packet rate  0.500 packets/s",
    ]


def test_what_has_no_rows_is_left_out() -> None:
    assert lines(pairs("ops", "op", "str", "packets", []), *times("connect", [])) == []


def test_bars() -> None:
    section = pairs("ops", "op", "str", "packets", [("RW", 60), ("RST", 20), ("REQUEST", 1)])
    assert lines(section)[2:] == [
        f"  RW       60  {'█' * 30}",
        f"  RST      20  {'█' * 10}",
        "  REQUEST   1  █",
    ]


def test_sizes() -> None:
    section = pairs("sizes", "up_to", "int", "packets", [(0, 1), (1, 1), (2, 1), (None, 1)])
    assert [line.split("  ")[1] for line in lines(section)[2:]] == [
        *("empty", "up to 1 byte", "up to 2 bytes", "more")
    ]


def test_a_histogram_is_coarser_for_people() -> None:
    histogram: Histogram = [(1, 1), (999, 1), (1000, 1), (1001, 2), (1999, 1), (7 * MS, 3), (S, 9)]
    *_, last = times("connect", histogram)
    assert [line.replace("█", "").rstrip() for line in lines(last)[2:]] == [
        "  up to 0.001 ms  3",
        "  up to 0.002 ms  3",
        "  up to 0.010 s   3",
        "  up to 1.000 s   9",
    ]


@pytest.mark.parametrize("number", [9, 10, 11])
def test_of_many_rows_the_first_are_shown(number: int) -> None:
    groups = Groups(GROUPINGS["port"])
    for port in range(number):
        groups.add(CLOSED._replace(dst_port=port))
    section = Section("ports", Shape.GROUPS, fields(GROUPINGS["port"]), list(groups))
    found = lines(section)
    assert len(found) == 3 + min(number, 10) + (number > 10)
    assert (found[-1] == "  ... and 1 more; --json has all") == (number > 10)


def test_tables_fit_the_room_there_is() -> None:
    groups = Groups(GROUPINGS["cid"])
    groups.add(CLOSED)
    section = Section("cids", Shape.GROUPS, fields(GROUPINGS["cid"]), list(groups))
    assert max(map(len, lines(section))) > 80
    assert max(map(len, lines(section, room=60))) <= 60


def steps(*rows: tuple[int, int]) -> Section:
    made = [Step(S + place * MS, MS, 1, size) for place, size in rows]
    return Section("throughput", Shape.STEPS, STEPS, made)


def test_throughput() -> None:
    assert lines(steps((0, 100), (1, 50), (3, 1)))[2:] == [
        "  █▄ ▁",
        "  a column is 1.000 ms, the highest 100 bytes: 100000 bytes/s",
    ]


def test_throughput_of_many_steps_takes_one_line() -> None:
    line, scale = lines(steps(*((place, 10) for place in range(999))))[2:]
    assert line == f"  {'█' * 58}▆"
    assert scale == "  a column is 0.017 s, the highest 170 bytes: 10000 bytes/s"


def test_throughput_of_nothing() -> None:
    assert lines(steps((0, 0), (5, 0)))[2:] == ["  no payload"]
