"""Packets as text: dumps, trees, and that hostile bytes stay in the capture."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import captures
from tests.captures import START, Taken
from vsockdump import outputs
from vsockdump.options import parse
from vsockdump.style import Style
from vsockdump.text import Text

FRAME = captures.frame(b"hello", kind=2, flags=1)


def render(data: bytes, folder: Path, style: Style) -> str:
    return Text(style).render(captures.first_batch(data, folder)).decode()


def one(folder: Path, style: Style, frame: bytes = FRAME) -> list[str]:
    data = captures.pcap([Taken(START, frame, len(frame))])
    return render(data, folder, style._replace(times=1)).splitlines()


def test_one_line(tmp_path: Path) -> None:
    assert one(tmp_path, Style()) == ["3:1024 > host:1234 RW 5 seq EOM"]


def test_the_layers_as_a_tree(tmp_path: Path) -> None:
    ends = "src_cid 3, dst_cid 2, src_port 1024, dst_port 1234"
    head, *tree = one(tmp_path, Style(verbose=3))
    assert head == "3:1024 > host:1234 RW 5 EOM (seqpacket, buf_alloc 262144, fwd_cnt 0, flags 0x1)"
    assert tree == [
        f"    ├─ vsockmon: {ends}, op 4 PAYLOAD, transport 2 VIRTIO, len 44, reserved 0",
        f"    ├─ virtio: {ends}, len 5, type 2 seqpacket, op 5 RW, flags 0x1 EOM,"
        " buf_alloc 262144, fwd_cnt 0",
        "    └─ payload: 5 bytes",
        "       0x0000:  6865 6c6c 6f                             hello",
    ]
    assert one(tmp_path, Style(verbose=2)) == [head, *tree[:-1]]


def test_where_a_tree_stops(tmp_path: Path) -> None:
    tree = one(tmp_path, Style(verbose=2), FRAME[:10])
    assert tree[-1].startswith("    └─ stopped: ")


def test_comments_stand_in_the_tree(tmp_path: Path) -> None:
    taken = Taken(START, FRAME, 81)
    said = [(1, b"one"), (1, b"two\x1b[31m\nthree")]
    data = captures.section() + captures.interface() + captures.enhanced(taken, given=said)
    lines = render(data, tmp_path, Style(verbose=2)).splitlines()
    assert lines[-2:] == ["    ├─ comment: one", "    └─ comment: two\\x1b[31m\\nthree"]


def test_what_a_sink_says_stands_there_too(tmp_path: Path) -> None:
    batch = captures.first_batch(captures.pcap([Taken(START, FRAME, 81)]), tmp_path)
    batch.comments[0] = "zürich[1]\x1b > ?".encode()
    lines = Text(Style(verbose=2)).render(batch).decode().splitlines()
    assert lines[-1] == "    └─ comment: zürich[1]\\x1b > ?"


BEHIND, WHOLE = FRAME[32:], FRAME


@pytest.mark.parametrize(
    ("style", "data", "kind"),
    [
        (Style(hex=1), BEHIND, "x"),
        (Style(hex=2), WHOLE, "x"),
        (Style(hex_ascii=1), BEHIND, "X"),
        (Style(hex_ascii=3), WHOLE, "X"),
        (Style(hex_ascii=1, hex=2, ascii=2), BEHIND, "X"),
        (Style(hex=1, ascii=2), BEHIND, "x"),
        (Style(hex=1, tcpdump=True), BEHIND, "x"),
    ],
)
def test_which_bytes_are_dumped(tmp_path: Path, style: Style, data: bytes, kind: str) -> None:
    lines = [line for line in one(tmp_path, style) if line.startswith("\t0x")]
    columns = [line.split(":  ")[1].split("  ") for line in lines]
    assert bytes.fromhex("".join(column[0] for column in columns)) == data
    assert all(len(column) == 1 for column in columns) == (kind == "x")


def test_as_text(tmp_path: Path) -> None:
    assert one(tmp_path, Style(ascii=1))[-1].endswith(".hello")


def test_a_cooked_frame_is_dumped_behind_all_its_link_headers(tmp_path: Path) -> None:
    cooked = bytes.fromhex("0000 0000 00000011 033a 04 00 0000000000000000") + FRAME
    data = captures.pcap([Taken(START, cooked, len(cooked))], linktype=captures.SLL2)
    assert " 0300 0000 0000 0000" in render(data, tmp_path, Style(hex=1)).splitlines()[1]
    assert "sll2: " in render(data, tmp_path, Style(verbose=2))


# --- any bytes ------------------------------------------------------------------------------------

HOSTILE = st.binary(max_size=40) | st.just(b"\x1b]0;title\x07\x9b31m\r\n\0\x7f\xc2\x9b")
OPTIONS = [
    "", "-v", "-vvv", "-vvvXX", "-A", "-AA", "-xx -e", "-q -n -# --lengths", "-tttt", "-ttt",
    "--format tcpdump -vv", "--format tcpdump -vvA", "--format jsonl", "--format csv",
    "--field payload,notes,flags,vsock.payload,op,type,transport,time",
]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    head=st.binary(max_size=90),
    payload=HOSTILE,
    comment=HOSTILE,
    name=HOSTILE,
    time=st.integers(0, 2**64 - 1),
)
def test_no_control_byte_reaches_the_screen(
    head: bytes, payload: bytes, comment: bytes, name: bytes, time: int
) -> None:
    frames = [captures.frame(payload), head + payload, captures.frame()[:40] + head]
    data = captures.section("<", [(3, name)]) + captures.interface("<", [(2, name), (12, name)])
    for frame in frames:
        taken = Taken(0, frame, len(frame))
        data += captures.enhanced(taken, given=[(1, comment), (1, name)], units=time)
    with tempfile.TemporaryDirectory() as folder:
        batch = captures.first_batch(data, Path(folder))
        for words in OPTIONS:
            wanted = parse(["-r", "file", *words.split()])
            text = outputs.printer(wanted).render(batch).decode()
            assert text.endswith("\n")
            assert not [c for c in text if not c.isprintable() and c not in "\n\t"]
