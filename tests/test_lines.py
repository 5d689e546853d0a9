"""The lines of packets, letter by letter: each op, each style, and how times are told."""

import itertools
import struct
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vsockdump.engine.batch import Batch
from vsockdump.engine.lines import Lines
from vsockdump.engine.scan import Scanner
from vsockdump.engine.track import Tracker
from vsockdump.stamps import Stamps, stamps

from .conversation import batches
from .frames import (
    CREDIT_REQUEST,
    CREDIT_UPDATE,
    ENDS,
    INVALID,
    NO_INFO,
    REQUEST,
    RESPONSE,
    RST,
    RW,
    SEQPACKET,
    SHUTDOWN,
    SLL,
    VSOCK,
    Ends,
    enhanced,
    frame,
    monitor,
    sll,
    virtio,
)
from .talks import stalled

SECOND = 1_000_000_000
SWAPPED = struct.pack("=H", 1) != b"\x01\x00"


def batch(frames: Iterable[tuple[int, bytes, int]], linktype: int = VSOCK) -> Batch:
    """Return packets of (ns since 1970, frame, length on the wire or 0)."""
    using = Scanner()
    using.add_interface(linktype)
    data = b"".join(enhanced(one, ns % 2**64, wire=wire or None) for ns, one, wire in frames)
    found = using.pcapng(data, 0, len(data), swapped=SWAPPED)
    found.first = 1
    return found


NAMED = {2: b"host"}


def line(data: bytes, lines: Lines, linktype: int = VSOCK, wire: int = 0) -> str:
    text = lines.render(batch([(0, data, wire)], linktype)).decode()
    assert text.endswith("\n")
    return text[:-1]


BOTH = "3:1024 > host:1234 "

# What a frame says by default, with -q, and with -v.
TABLE = [
    (frame(REQUEST), "REQUEST stream, buf 262144", "REQUEST",
     "REQUEST (stream, buf_alloc 262144, fwd_cnt 0, flags 0x0)"),
    (frame(RESPONSE, kind=SEQPACKET, buf_alloc=128), "RESPONSE seqpacket, buf 128", "RESPONSE",
     "RESPONSE (seqpacket, buf_alloc 128, fwd_cnt 0, flags 0x0)"),
    (frame(RST), "RST", "RST", "RST (stream, buf_alloc 262144, fwd_cnt 0, flags 0x0)"),
    (frame(SHUTDOWN, flags=3), "SHUTDOWN rcv|send", "SHUTDOWN rcv|send",
     "SHUTDOWN rcv|send (stream, buf_alloc 262144, fwd_cnt 0, flags 0x3)"),
    (frame(SHUTDOWN, flags=2), "SHUTDOWN send", "SHUTDOWN send",
     "SHUTDOWN send (stream, buf_alloc 262144, fwd_cnt 0, flags 0x2)"),
    (frame(RW, b"abcdef"), "RW 6", "RW 6",
     "RW 6 (stream, buf_alloc 262144, fwd_cnt 0, flags 0x0)"),
    (frame(RW, b"abc", kind=SEQPACKET), "RW 3 seq", "RW 3 seq",
     "RW 3 (seqpacket, buf_alloc 262144, fwd_cnt 0, flags 0x0)"),
    (frame(RW, b"abc", kind=SEQPACKET, flags=3), "RW 3 seq EOM|EOR", "RW 3 seq EOM|EOR",
     "RW 3 EOM|EOR (seqpacket, buf_alloc 262144, fwd_cnt 0, flags 0x3)"),
    (frame(CREDIT_UPDATE, fwd_cnt=2**32 - 1), "CREDIT_UPDATE fwd 4294967295",
     "CREDIT_UPDATE fwd 4294967295",
     "CREDIT_UPDATE (stream, buf_alloc 262144, fwd_cnt 4294967295, flags 0x0)"),
    (frame(CREDIT_REQUEST), "CREDIT_REQUEST", "CREDIT_REQUEST",
     "CREDIT_REQUEST (stream, buf_alloc 262144, fwd_cnt 0, flags 0x0)"),
    (frame(INVALID), "INVALID", "INVALID",
     "INVALID (stream, buf_alloc 262144, fwd_cnt 0, flags 0x0)"),
    (frame(8, kind=9), "OP_8 TYPE_9", "OP_8 TYPE_9",
     "OP_8 (TYPE_9, buf_alloc 262144, fwd_cnt 0, flags 0x0)"),
    (frame(RW, b"a", kind=0), "RW 1 TYPE_0", "RW 1 TYPE_0",
     "RW 1 (TYPE_0, buf_alloc 262144, fwd_cnt 0, flags 0x0)"),
    (frame(CREDIT_UPDATE, kind=3), "CREDIT_UPDATE fwd 0 TYPE_3", "CREDIT_UPDATE fwd 0 TYPE_3",
     "CREDIT_UPDATE (TYPE_3, buf_alloc 262144, fwd_cnt 0, flags 0x0)"),
    (frame(REQUEST, kind=65535), "REQUEST TYPE_65535, buf 262144", "REQUEST TYPE_65535",
     "REQUEST (TYPE_65535, buf_alloc 262144, fwd_cnt 0, flags 0x0)"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "usual", "quick", "verbose"), TABLE, ids=[row[1] for row in TABLE]
)
def test_what_an_op_says(data: bytes, usual: str, quick: str, verbose: str) -> None:
    assert line(data, Lines(cids=NAMED)) == BOTH + usual
    assert line(data, Lines(cids=NAMED, quick=True)) == BOTH + quick
    assert line(data, Lines(cids=NAMED, verbose=1)) == BOTH + verbose


ODD = [
    (frame(SHUTDOWN, flags=7), "SHUTDOWN rcv|send|0x4 [odd flags]"),
    (frame(RW, b"a", flags=0x8000_0001), "RW 1 0x80000001 [odd flags]"),
    (frame(CREDIT_UPDATE, b"abc"), "CREDIT_UPDATE fwd 0 len 3 [payload on a control op]"),
    (frame(RW, b"abcdef", length=2), "RW 2 [kernel defect A, uncertain]"),
    (frame(RW, b"ab", length=6), "RW 6 [len beyond the frame]"),
    (monitor(transport=NO_INFO, length=8) + b"XXXXXXXXpayload!", "PAYLOAD NO_INFO 8"),
    (monitor(op=9, transport=7, length=0), "OP_9 TRANSPORT_7 0"),
    (monitor(op=65535, transport=65535, length=0), "OP_65535 TRANSPORT_65535 0"),
    (monitor(length=0) + virtio(), "PAYLOAD VIRTIO [malformed]"),
    (monitor(reserved=1) + virtio(ENDS._replace(src_port=1)),
     "RW 0 [headers differ, reserved not zero]"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "text"), ODD, ids=[row[1] for row in ODD])
def test_what_is_odd_is_said(data: bytes, text: str) -> None:
    assert line(data, Lines(cids=NAMED)) == BOTH + text


def test_what_was_cut_is_said() -> None:
    data = frame(RW, b"abcdef")
    assert line(data[:80], Lines(cids=NAMED), wire=82) == BOTH + "RW 6 [truncated]"
    assert line(data[:75], Lines(cids=NAMED), wire=82) == BOTH + "PAYLOAD VIRTIO [truncated]"
    assert line(data[:31], Lines(), wire=82) == "82 bytes [truncated]"
    assert line(b"", Lines()) == "0 bytes [malformed]"
    assert line(data, Lines(), linktype=1) == "82 bytes [not vsock]"


def test_every_note_at_once_fits_a_line() -> None:
    """All fields at their longest: nothing is written beyond the line's room."""
    ends = Ends(2**64 - 1, 2**64 - 2, 2**32 - 1, 2**32 - 2)
    data = monitor(ends, op=65535, transport=2, length=65535, reserved=65535) + virtio(
        ends, length=2**32 - 1, kind=65535, op=65535, flags=2**32 - 1, buf_alloc=2**32 - 1
    )
    lines = Lines(
        lambda second, negative: b"s" * 60,
        digits=9,
        verbose=1,
        link=True,
        lengths=True,
        numbers=True,
    )
    text = lines.render(batch([(-1, data, 2**32 - 1)] * 300)).decode().splitlines()
    assert len(text) == 300 and len({one[5:] for one in text}) == 1
    assert text[0] == (
        "    1  " + "s" * 60 + ".999999999 caplen 76 len 4294967295 "
        "OP_65535 VIRTIO 65535, length 4294967295: "
        "18446744073709551615:4294967295 > 18446744073709551614:4294967294 OP_65535 0xffffffff "
        "len 4294967295 (TYPE_65535, buf_alloc 4294967295, fwd_cnt 0, flags 0xffffffff) "
        "[truncated, headers differ, upper CID bits, payload on a control op, reserved not zero, "
        "long transport header, odd flags]"
    )


def test_cids_and_ports_have_the_names_given() -> None:
    cids = {0: b"hypervisor", 2: b"host", 258: b"db", 2**32 - 1: b"any", 2**64 - 1: b"odd"}
    ports = {0: b"zero", 22: b"ssh", 2**32 - 1: b"last"}
    for cid in (0, 1, 2, 3, 257, 258, 514, 2**32 - 2, 2**32 - 1, 2**32 + 2, 2**64 - 1):
        for port in (0, 22, 278, 2**32 - 1):
            data = frame(RST, ends=Ends(cid, 3, port, 1))
            odd = " [upper CID bits]" if cid >= 2**32 else ""
            who, what = cids.get(cid, b"%d" % cid), ports.get(port, b"%d" % port)
            text = f"{who.decode()}:{what.decode()} > 3:1 RST{odd}"
            assert line(data, Lines(cids=cids, ports=ports)) == text
            assert line(data, Lines()) == f"{cid}:{port} > 3:1 RST{odd}"


@pytest.mark.parametrize("size", [0, 1, 1000, 100_000])
def test_a_name_of_any_length_has_room(size: int) -> None:
    name = b"n" * size
    lines = Lines(cids={2: name, 3: name}, ports={1024: name, 1234: name})
    head, tail = f"{'n' * size}:{'n' * size}", " RW 0 (stream, buf_alloc 262144, fwd_cnt 0"
    found = lines.render(batch([(0, frame(RW), 0)] * 20)).decode()
    assert found == f"{head} > {head} RW 0\n" * 20
    verbose = Lines(cids={2: name, 3: name}, ports={1024: name, 1234: name}, verbose=1)
    assert line(frame(RW), verbose).startswith(f"{head} > {head}{tail}")


def test_a_name_is_bytes_and_stays_what_it_was() -> None:
    for wrong in ({2: "host"}, {-1: b"host"}, {2**64: b"host"}):
        with pytest.raises((TypeError, OverflowError)):
            Lines(cids=wrong)  # type: ignore[arg-type]
    given = {2: b"host"}
    lines = Lines(cids=given)
    given.clear()
    assert line(frame(RST), lines) == "3:1024 > host:1234 RST"


def test_the_monitors_own_header() -> None:
    text = "PAYLOAD VIRTIO 44, length 79: 3:1024 > host:1234 RW 3"
    assert line(frame(RW, b"abc"), Lines(cids=NAMED, link=True)) == text
    text = "DISCONNECT VIRTIO 44, length 92: 3:1024 > host:1234 RST"
    assert line(sll() + frame(RST), Lines(cids=NAMED, link=True), linktype=SLL) == text
    assert line(b"abc", Lines(link=True)) == "3 bytes [malformed]"


def test_numbers_and_lengths_stand_as_tcpdump_has_them() -> None:
    found = batch([(0, frame(RST), 100)] * 2)
    found.first = 9
    text = Lines(numbers=True, lengths=True).render(found).decode().splitlines()
    assert [one.split(" 3:")[0] for one in text] == [
        "    9  caplen 76 len 100",
        "   10  caplen 76 len 100",
    ]
    found.first = 99999
    text = Lines(numbers=True).render(found).decode().splitlines()
    assert [one.split("3:")[0] for one in text] == ["99999  ", "100000  "]


def test_some_rows_of_a_batch() -> None:
    found = batch([(0, frame(RW, bytes(n)), 0) for n in range(5)])
    lines = Lines()
    whole = lines.render(found)
    assert lines.render(found, 1, 3) == b"".join(whole.splitlines(keepends=True)[1:3])
    assert lines.render(found, 3) == b"".join(whole.splitlines(keepends=True)[3:])
    assert lines.render(found, 3, 3) == lines.render(found, 9) == b""
    assert lines.render(found, 0, 99) == lines.render(found, -7, -7) == whole
    for row in (-1, 5):
        with pytest.raises(IndexError):
            lines.head(found, row)


def test_the_head_is_what_stands_before_the_packet() -> None:
    found = batch([(7 * SECOND + 1, frame(RST), 0)])
    lines = Lines(lambda second, negative: b"%d" % second, digits=9, numbers=True)
    assert lines.head(found, 0) == b"    1  7.000000001 "


def followed(quick: bool = False) -> tuple[Batch, Tracker, Lines]:
    """Return the packets of a connection whose sender is stalled, and what renders them."""
    tracker = Tracker(steps=True)
    (found,) = batches(stalled().packets)
    found.first = 100
    tracker.feed(found)
    return found, tracker, Lines(numbers=True, tracker=tracker, quick=quick)


@given(st.binary(min_size=12, max_size=12))
def test_what_is_shown_says_what_it_would_among_all(mask: bytes) -> None:
    """Its number, what was free after it, and what happened with it, are those of the packet."""
    found, _, lines = followed()
    all_lines = lines.render(found).splitlines(keepends=True)
    found.select(mask)
    assert lines.render(found) == b"".join(itertools.compress(all_lines, mask))
    heads = [lines.head(found, row) for row in range(len(found))]
    assert heads == [line[:7] for line in itertools.compress(all_lines, mask)]


def test_what_the_tracker_noted_is_found_by_place() -> None:
    found, tracker, _ = followed()
    steps = [tracker.step(row) for row in range(len(found))]
    found.select(bytes(11) + b"\x01")
    assert [tracker.step(found.place(row)) for row in range(len(found))] == [steps[11]]
    assert [tracker.step(row) for row in range(12)] == steps
    with pytest.raises(IndexError):
        tracker.step(12)


def test_a_stall_is_shown_alone() -> None:
    found, _, lines = followed(quick=True)
    whole = lines.render(found).splitlines()
    (row,) = [row for row, text in enumerate(whole) if b"stalled" in text]
    found.select(bytes(at == row for at in range(len(found))))
    assert lines.render(found).startswith(b"%5d  " % (100 + row))
    assert lines.render(found).endswith(b" CREDIT_UPDATE fwd 262144 [stalled 1.500s]\n")


# --- times ------------------------------------------------------------------------------------


def times(level: int, nano: bool, moments: list[int]) -> list[str]:
    how: Stamps = stamps(level, nano)
    lines = Lines(how.stamp, since=how.since, digits=how.digits)
    text = lines.render(batch([(ns, frame(RST), 0) for ns in moments])).decode()
    return [one.split("3:1024")[0].removesuffix(" ") for one in text.splitlines()]


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    import time  # noqa: PLC0415

    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


DAY = 86400 * SECOND
MOMENTS = [DAY + 1, DAY + SECOND - 1, DAY + SECOND, 0]


@pytest.mark.parametrize(
    ("level", "nano", "shown"),
    [
        (0, False, ["00:00:00.000000", "00:00:00.999999", "00:00:01.000000", "00:00:00.000000"]),
        (1, False, ["", "", "", ""]),
        (2, True, ["86400.000000001", "86400.999999999", "86401.000000000", "0.000000000"]),
        (3, True, [" 00:00:00.000000000", " 00:00:00.999999998", " 00:00:00.000000001",
                   "-24:00:01.000000000"]),
        (4, False, ["1970-01-02 00:00:00.000000", "1970-01-02 00:00:00.999999",
                    "1970-01-02 00:00:01.000000", "1970-01-01 00:00:00.000000"]),
        (5, True, [" 00:00:00.000000000", " 00:00:00.999999998", " 00:00:00.999999999",
                   "-24:00:00.000000001"]),
    ],
)  # fmt: skip
def test_the_levels_of_t(level: int, nano: bool, shown: list[str]) -> None:
    assert times(level, nano, MOMENTS) == shown


def test_a_step_back_of_less_than_a_second_is_no_lasting_one() -> None:
    """Both steps are of no whole second: their words differ by the sign alone."""
    assert times(3, False, [SECOND, SECOND // 2, SECOND * 4 // 5, SECOND // 10]) == [
        " 00:00:00.000000",
        "-00:00:00.500000",
        " 00:00:00.300000",
        "-00:00:00.700000",
    ]


def test_steps_are_those_between_the_times_shown() -> None:
    """1.9 us after 0.1 us is two steps of the clock that microseconds show, not one."""
    assert times(3, False, [900, 2100])[1] == " 00:00:00.000002"
    assert times(3, True, [900, 2100])[1] == " 00:00:00.000001200"


def test_times_before_1970_and_at_the_ends_of_the_clock() -> None:
    assert times(4, True, [-1])[0] == "1969-12-31 23:59:59.999999999"
    assert times(2, True, [-(2**63), 2**63 - 1]) == [
        "-9223372037.145224192",
        "9223372036.854775807",
    ]
    assert len(times(3, True, [-(2**63), 2**63 - 1, 0])) == 3


def test_a_second_is_worded_once() -> None:
    asked: list[tuple[int, bool]] = []

    def stamp(second: int, negative: bool) -> bytes:
        asked.append((second, negative))
        return b"%d" % second

    lines = Lines(stamp)
    moments = [(ns, frame(RST), 0) for ns in (0, 1, SECOND, SECOND + 1, 2 * SECOND)]
    lines.render(batch(moments))
    assert asked == [(0, False), (1, False), (2, False)]


@pytest.mark.parametrize("size", [0, 1000, 5000, 70_000, 1_000_000])
def test_a_stamp_of_any_length_has_room(size: int) -> None:
    found = batch([(second * SECOND, frame(RST), 0) for second in (1, 1, 2)])
    stamp = b"x" * size
    (plain,) = set(Lines().render(found).splitlines())
    text = Lines(lambda second, negative: stamp).render(found)
    assert text == (stamp + b".000000 " + plain + b"\n") * 3
    assert Lines(lambda second, negative: stamp).head(found, 0) == stamp + b".000000 "


def test_a_stamp_that_asks_for_lines_itself_is_given_room() -> None:
    many = batch([(SECOND, frame(RST), 0)] * 1100)

    def stamp(second: int, negative: bool) -> bytes:
        if second == 2:
            lines.render(many)
        return b"t"

    lines = Lines(stamp)
    found = batch([(SECOND, frame(RST), 0), (2 * SECOND, frame(RST), 0)])
    assert lines.render(found).count(b"\n") >= 1
    assert lines.render(found) == Lines(lambda second, negative: b"t").render(found)


@pytest.mark.parametrize("digits", [-1, 10, 1000])
def test_digits_that_a_second_does_not_have(digits: int) -> None:
    with pytest.raises(ValueError, match=f"0 to 9 digits, not {digits}"):
        Lines(digits=digits)


@pytest.mark.parametrize("since", ["previous", "first"])
def test_the_earliest_time_wraps(since: str) -> None:
    """2**63 ns before 1970, less what is not shown of it, is no time any more: it wraps."""
    asked: list[int] = []

    def stamp(second: int, negative: bool) -> bytes:
        asked.append(second)
        return b"t"

    found = batch([(-(2**63), frame(RST), 0), (2**63 - 1, frame(RST), 0)])
    Lines(stamp, since=since).render(found)
    assert asked == [0, 0]
