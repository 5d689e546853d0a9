"""What a connection carried, as lines."""

import pytest

from vsockdump.joined import Joiner, Kind, Part
from vsockdump.tui.followbytes import Mode, needle
from vsockdump.tui.followtext import LEAK, SOMEWHERE, Laid, Line, Tally, Told, tallied

from .frames import SEQPACKET
from .test_joined import EOM, EOR, joined, segment


def lines(
    parts: list[Part], tally: Tally | None = None, **form: object
) -> list[tuple[object, ...]]:
    laid = Laid(parts, tally or (Told(), Told()), **form)  # type: ignore[arg-type]
    found = [laid.line(row) for row in range(len(laid))]
    return [(line.number if line.begins else 0, "><"[line.side], line.text) for line in found]


def test_packets_of_one_side_go_on_in_the_same_line() -> None:
    parts = joined(
        [
            segment(1, b"GET / HT"),
            segment(2, b"TP/1.1\r\nHost: a"),
            segment(4, b"ok", 1),
            segment(7, b"b\n"),
        ]
    )
    assert lines(parts) == [
        (1, ">", "GET / HTTP/1.1"),
        (2, ">", "Host: a"),
        (4, "<", "ok"),
        (7, ">", "b"),
    ]
    assert lines(parts, side=1) == [(4, "<", "ok")]
    assert lines(parts, side=0) == [(1, ">", "GET / HTTP/1.1"), (2, ">", "Host: ab")]


def test_a_letter_that_two_packets_share() -> None:
    one, two = "€".encode()[:1], "€".encode()[1:]
    assert lines(joined([segment(1, one), segment(2, two + b"!")])) == [(1, ">", "€!")]


def test_hex_and_raw_lines() -> None:
    parts = joined([segment(1, b"abc\n" * 5), segment(2, b"xyz")])
    assert lines(parts, mode=Mode.RAW, width=12) == [
        (1, ">", "abc.abc.abc."),
        (0, ">", "abc.abc.xyz"),
    ]
    found = lines(parts, mode=Mode.HEX, width=40)
    assert [str(text)[:20] for *_, text in found] == [
        "00000000  6162 630a ",
        "00000008  6162 630a ",
        "00000010  6162 630a ",
    ]


def test_holes_and_leaks() -> None:
    joiner = Joiner()
    parts = [
        joiner.lost(1, 0, 0, None),
        *joiner.feed(segment(1, b"ab", size=5)),
        joiner.lost(3, 0, 0, 1),
        *joiner.feed(segment(4, b"secret", leaked=True)),
        *joiner.feed(segment(5, b"cd")),
    ]
    assert lines(parts) == [
        (1, ">", "… what was before this was not captured …"),
        (0, ">", "ab"),
        (0, ">", "… 3 bytes not captured …"),
        (3, ">", "… 1 byte not captured …"),
        (4, ">", LEAK),
        (0, ">", "secret"),
        (5, ">", "cd"),
    ]
    laid = Laid(parts)
    kinds = [laid.line(row).kind for row in range(len(laid))]
    assert kinds == ["hole", "data", "hole", "hole", "leak", "data", "data"]


def said(number: int, data: bytes, side: int = 0, flags: int = 0) -> list[Part]:
    return joined([segment(number, data, side, type=SEQPACKET, flags=flags)])


MESSAGES = [
    *said(1, b"abc"),
    *said(2, b"x", 1, EOM),
    *said(3, b"de", 0, EOM | EOR),
    *said(4, b"f", 0, EOM),
    *said(5, b"g"),
]


def test_messages_of_both_sides_are_counted_apart() -> None:
    assert lines(MESSAGES) == [
        (1, ">", "abc"),
        (2, "<", "x"),
        (0, "<", "message 1, 1 byte"),
        (3, ">", "de"),
        (0, ">", "message 1, 5 bytes, end of a record"),
        (4, ">", "f"),
        (0, ">", "message 2, 1 byte"),
        (5, ">", "g"),
    ]
    assert [text for *_, text in lines(MESSAGES, side=1)] == ["x", "message 1, 1 byte"]


def test_messages_go_on_in_the_next_part() -> None:
    tally = tallied(MESSAGES, (Told(), Told()))
    assert tally == (Told(2, 1), Told(1, 0))
    assert lines(said(6, b"hi", 0, EOM), tally)[1][2] == "message 3, 3 bytes"


def test_messages_that_nobody_has_counted() -> None:
    more = [*said(6, b"hi", 0, EOM), *said(7, b"jkl", 0, EOM)]
    assert [text for *_, text in lines(more, SOMEWHERE)] == [
        "hi",
        "end of a message",
        "jkl",
        "end of a message, 3 bytes",
    ]


def test_a_message_with_a_hole_of_unknown_size() -> None:
    parts = [Part(1, 0, 0, 0, b"", None, Kind.GAP), *said(2, b"ab", 0, EOM)]
    assert lines(parts)[-1][2] == "message 1"


def test_lines_are_found_again() -> None:
    parts = joined([segment(1, b"a\nb\n"), segment(3, b"c\nd", 1), segment(9, b"e\n", size=8)])
    laid = Laid(parts)
    places = [laid.place(row) for row in range(len(laid))]
    assert places == [(1, 0), (1, 2), (3, 0), (3, 2), (9, 4), (9, 6)]
    assert [laid.find(place) for place in places] == [0, 1, 2, 3, 4, 5]
    assert laid.find((3, 1)) == 2
    assert laid.find((100, 0)) == 5
    assert [laid.row(number) for number in (0, 1, 2, 3, 9, 10)] == [0, 0, 2, 2, 4, 5]
    assert Laid(()).row(1) == Laid(()).find((1, 1)) == 0


def test_no_row() -> None:
    with pytest.raises(IndexError):
        Laid(()).line(0)


def test_a_line() -> None:
    assert Laid(joined([segment(4, b"a", 1)])).line(0) == Line(4, 1, "data", "a", True)


def test_search() -> None:
    parts = joined(
        [
            segment(1, b"one\ntwo one\n"),
            segment(2, b"none", 1),
            segment(3, b"xo"),
            segment(4, b"ne"),
        ]
    )
    laid, one = Laid(parts), needle("one")
    assert [laid.search(one, row) for row in range(5)] == [0, 1, 2, 3, None]
    assert Laid(parts, side=1).search(one, 0) == 0
    assert laid.search(needle("three"), 0) is None
    assert Laid(()).search(one, 0) is None
