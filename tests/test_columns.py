"""The list of columns: its names, its values, and what tshark prints for them."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests import captures
from tests.captures import START, Taken
from tests.command import PCAPS, run, vsockdump
from vsockdump import columns
from vsockdump.columns import COLUMNS, Value
from vsockdump.engine.batch import Batch
from vsockdump.errors import UsageError

RW = captures.frame(b"ab", flags=3, kind=2)
SHUTDOWN = captures.frame(op=4, flags=1, src=(2**64 - 1, 2**32 - 1), dst=(0, 0))
SHORT = RW[:20]


@pytest.fixture
def batch(tmp_path: Path) -> Batch:
    frames = [Taken(START + 5, RW, 78), Taken(START, SHUTDOWN, 76), Taken(START, SHORT, 78)]
    return captures.first_batch(captures.pcap(frames, magic=captures.NANO), tmp_path)


def test_names_are_unique() -> None:
    names = [column.name for column in COLUMNS]
    theirs = [column.wireshark for column in COLUMNS if column.wireshark]
    assert len({*names, *theirs}) == len(names) + len(theirs)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("number", [1, 2, 3]),
        ("time_ns", [START + 5, START, START]),
        ("time", ["2023-11-14T22:13:20.000000005Z"] + ["2023-11-14T22:13:20.000000000Z"] * 2),
        ("cap_len", [78, 76, 20]),
        ("wire_len", [78, 76, 78]),
        ("src_cid", [3, 2**64 - 1, None]),
        ("src_port", [1024, 2**32 - 1, None]),
        ("dst_cid", [2, 0, None]),
        ("dst_port", [1234, 0, None]),
        ("monitor_op", ["PAYLOAD", "DISCONNECT", None]),
        ("transport", ["VIRTIO", "VIRTIO", None]),
        ("op", ["RW", "SHUTDOWN", None]),
        ("type", ["seqpacket", "stream", None]),
        ("len", [2, 0, None]),
        ("flags", [["EOM", "EOR"], ["rcv"], None]),
        ("buf_alloc", [262144, 262144, None]),
        ("payload_len", [2, 0, 0]),
        ("payload", ["6162", "", ""]),
        ("notes", [[], ["upper CID bits"], ["truncated"]]),
        ("vsock.virtio.flags", ["0x00000003", "0x00000001", None]),
        ("vsock.reserved", ["0000", "0000", None]),
        ("vsock.virtio.src_prot", ["1024", "4294967295", None]),
        ("frame.time_epoch", ["1700000000.000000005"] + ["1700000000.000000000"] * 2),
    ],
)
def test_values(batch: Batch, name: str, expected: Sequence[Value]) -> None:
    batch.first = 1
    assert list(columns.find(name).values(batch)) == expected


def test_what_is_shown_keeps_its_number(batch: Batch) -> None:
    batch.first = 5
    number = columns.find("number")
    assert list(number.values(batch)) == [5, 6, 7]
    batch.select(b"\x00\x01\x01")
    assert list(number.values(batch)) == [6, 7]


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.name)
def test_types_are_true(batch: Batch, column: columns.Column) -> None:
    kinds = {"int": int, "str": str, "list": list}
    values = list(column.values(batch))
    assert len(values) == len(batch)
    assert all(value is None or type(value) is kinds[column.type] for value in values)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("src_sid", "do you mean src_cid?"),
        ("vsock.virtio.src_port", "do you mean vsock.virtio.src_prot?"),
        ("wholly unknown", "there are number, time_ns, "),
    ],
)
def test_a_wrong_name_is_told_a_near_one(name: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        columns.find(name)
    assert str(caught.value).startswith(f"no field is called {name}; {hint}")


@pytest.mark.parametrize(
    ("ns", "text"),
    [(-1, "1969-12-31T23:59:59.999999999Z"), (2**63 - 1, "2262-04-11T23:47:16.854775807Z")],
)
def test_times_far_away(ns: int, text: str) -> None:
    assert columns.iso(ns) == text


@pytest.mark.skipif(not shutil.which("tshark"), reason="needs tshark")
@pytest.mark.parametrize(
    "name", ["hello.pcap", "hello-dumpcap.pcapng", "seqpacket.pcap.zst", "unread-close.pcap"]
)
def test_fields_are_those_of_tshark(name: str) -> None:
    names = [column.wireshark for column in COLUMNS if column.wireshark]
    wanted = [word for name in names for word in ("-e", name)]
    theirs = run("tshark", "-r", PCAPS / name, "-T", "fields", *wanted)
    ours = vsockdump("-r", PCAPS / name, "--field", ",".join(names))
    assert ours.stdout.splitlines() == theirs.stdout.splitlines()
    assert theirs.stdout
