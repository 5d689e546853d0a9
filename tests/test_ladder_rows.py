"""The diagram's rows by name, as --json and --csv print them."""

from vsockdump.ladder_rows import fields
from vsockdump.rungs import Incident, Rungs
from vsockdump.values import Value

from .captures import START
from .conversation import SECOND, Talk
from .test_rungs import gather


def name(cid: int, port: int) -> str:
    return f"{cid}:{port}"


def table(rungs: Rungs) -> list[dict[str, Value]]:
    """A row's values by name, those that it has."""
    made = fields(rungs.ends, name)
    values = [{field.name: field.value(row) for field in made} for row in rungs.rows]
    return [{key: one for key, one in row.items() if one is not None} for row in values]


TALK = Talk(buf=10_000).open().rw("src", 4000).rw("src", 6000).at(2).update("dst", fwd=10_000)
TALK.at(5).rw("dst", 3, flags=0)
RUNGS = gather(TALK)
ROWS = table(RUNGS)


def test_a_run_of_packets() -> None:
    assert ROWS[2] == {
        "row": "packet",
        "number": 3,
        "last": 4,
        "time_ns": START + 200_000,
        "length_s": 100_000,
        "flow": 1,
        "src_cid": 3,
        "src_port": 1024,
        "dst_cid": 2,
        "dst_port": 1234,
        "op": "RW",
        "count": 2,
        "len": 10_000,
        "flags": "",
        "buf_alloc": 10_000,
        "fwd_cnt": 0,
        "free": 0,
    }


def test_the_way_back() -> None:
    assert [ROWS[1][key] for key in ("src_cid", "src_port", "dst_cid", "dst_port")] == [
        *(2, 1234, 3, 1024)
    ]


def test_an_event() -> None:
    incident = RUNGS.rows[3]
    assert isinstance(incident, Incident)
    assert ROWS[3] == {
        "row": "event",
        "time_ns": START + 2 * SECOND,
        "flow": 1,
        "src_cid": 3,
        "src_port": 1024,
        "dst_cid": 2,
        "dst_port": 1234,
        "kind": "stall",
        "severity": "problem",
        "confidence": "sure",
        "text": incident.text(name),
    }


def test_a_pause() -> None:
    assert ROWS[5] == {"row": "quiet", "length_s": 3 * SECOND}


def test_flags() -> None:
    assert table(gather(Talk().open().shutdown("src", 3)))[2]["flags"] == "rcv|send"
