"""Connections added up: by whose CID, port or pair, and what the sums are."""

import pytest

from tests.test_flows import CLOSED, OPEN, SIDE, S
from vsockdump import flowgroups
from vsockdump.flowgroups import GROUPINGS, TOTALS, Group, Groups, cells, fields, heads
from vsockdump.flows import End, Flow
from vsockdump.names import Names
from vsockdump.states import State

FWD = SIDE._replace(packets=5, bytes=13, stalled=2)
REV = SIDE._replace(packets=4, bytes=7, stalled=3)
FLOW = CLOSED._replace(fwd=FWD, rev=REV, problems=1)
REFUSED = FLOW._replace(end=End.REFUSED, src_cid=4, src_port=9, start=S, last=2 * S)
WAITING = OPEN._replace(state=State.OPENING, dst_port=99)
LOOPBACK = FLOW._replace(src_cid=1, dst_cid=1)


def grouped(way: str, *flows: Flow) -> dict[tuple[int, ...], Group]:
    groups = Groups(GROUPINGS[way])
    for flow in flows:
        groups.add(flow)
    return {group.key: group for group in groups}


@pytest.mark.parametrize(
    ("way", "sums"),
    [  # key: flows, bytes out and in
        ("cid", {(3,): (2, 13, 7), (2,): (3, 14, 26), (4,): (1, 13, 7)}),
        ("port", {(1234,): (2, 14, 26), (99,): (1, 0, 0)}),
        ("pair", {(3, 2): (2, 13, 7), (4, 2): (1, 13, 7)}),
    ],
)
def test_where_connections_belong(
    way: str, sums: dict[tuple[int, ...], tuple[int, int, int]]
) -> None:
    found = grouped(way, FLOW, REFUSED, WAITING)
    assert {key: (g.flows, g.bytes_out, g.bytes_in) for key, g in found.items()} == sums


def test_sums() -> None:
    (group,) = grouped("pair", FLOW, REFUSED._replace(src_cid=3), WAITING).values()
    assert vars(group) == {
        "key": (3, 2),
        "flows": 3,
        "open": 1,
        "failed": 2,
        "problems": 2,
        "packets_out": 10,
        "packets_in": 8,
        "bytes_out": 26,
        "bytes_in": 14,
        "stalled": 10,
        "start": S,
        "last": 8 * S,
    }


def test_a_connection_with_oneself_counts_once() -> None:
    assert grouped("cid", LOOPBACK)[1,].flows == 1


def test_too_many_groups_are_added_up_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flowgroups, "MOST", 2)
    flows = [FLOW._replace(dst_port=port) for port in (1, 2, 3, 4, 1)]
    found = grouped("port", *flows)
    assert {key: group.flows for key, group in found.items()} == {(1,): 2, (2,): 1, (): 2}
    values = [field.value(found[()]) for field in fields(GROUPINGS["port"])]
    assert values[:2] == [None, 2]
    assert cells(GROUPINGS["port"], Names().endpoint)(found[()])[0] == "all others"


@pytest.mark.parametrize(
    ("way", "names", "text"),
    [
        ("cid", ["cid"], "host"),
        ("port", ["port"], "agent"),
        ("pair", ["src_cid", "dst_cid"], "3 > host"),
    ],
)
def test_fields_and_cells(way: str, names: list[str], text: str) -> None:
    group = list(grouped(way, FLOW).values())[-1]
    found = {field.name: field.value(group) for field in fields(GROUPINGS[way])}
    assert list(found)[: len(names)] == names
    assert list(found)[len(names) :] == [
        *("flows", "open", "failed", "problems", "packets_out", "packets_in", "bytes_out"),
        *("bytes_in", "stalled_s", "start", "last"),
    ]
    row = cells(GROUPINGS[way], Names({2: "host"}, {1234: "agent"}).endpoint)(group)
    assert row[0] == text
    assert len(row) == len(heads(way))
    assert [total.value(group) for total in TOTALS] == [9, 20]
