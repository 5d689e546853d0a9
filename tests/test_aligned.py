"""Tables: aligned in a pipe, and as much of them on a terminal as fits."""

import io
import sys

import pytest

from vsockdump import aligned
from vsockdump.aligned import Drawn, Head, Plain, Row, fitting, lines, widths

HEADS = (
    Head("n", right=True),
    Head("who"),
    Head("extra", spare=1),
    Head("more", spare=2),
    Head("why"),
)
ROWS: list[Row] = [
    ("1", "a > b", "x", "-", "closed"),
    ("10", "c > d", "xyz", "-", "a reason of 24 letters.."),
]
WIDE = [2, 5, 5, 4, 24]


def test_lines_are_aligned() -> None:
    assert lines(HEADS[:3], [row[:3] for row in ROWS]) == [
        " n  who    extra",
        " 1  a > b  x",
        "10  c > d  xyz",
    ]


def test_widths_are_those_of_headings_and_cells() -> None:
    assert widths(HEADS, ROWS) == WIDE
    assert widths(HEADS, []) == [1, 3, 5, 4, 3]


@pytest.mark.parametrize(
    ("room", "kept"),
    [
        (48, [0, 1, 2, 3, 4]),
        (47, [0, 1, 2, 4]),
        (42, [0, 1, 2, 4]),
        (41, [0, 1, 4]),
        (35, [0, 1, 4]),
        (1, [0, 1, 4]),  # these cannot be spared
    ],
)
def test_what_can_be_spared_goes_first(room: int, kept: list[int]) -> None:
    assert fitting(HEADS, WIDE, room) == kept


def test_a_long_last_column_pushes_nobody_out() -> None:
    assert fitting(HEADS, [2, 5, 5, 4, 200], 48) == [0, 1, 2, 3, 4]


def test_lines_have_the_columns_that_fit() -> None:
    assert lines(HEADS, ROWS, 41)[1] == " 1  a > b  closed"


def test_a_pipe_gets_whole_lines(capsys: pytest.CaptureFixture[str]) -> None:
    table = Plain(HEADS[:2])
    table.write([("1", "a")])
    table.write([("10", "a longer one"), ("100", "b")])
    assert capsys.readouterr().out == "n  who\n1  a\n10  a longer one\n100  b\n"


def test_a_percent_sign_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    Plain((Head("100%"),)).write([("%s",)])
    assert capsys.readouterr().out == "100%\n%s\n"


def drawn(monkeypatch: pytest.MonkeyPatch, width: int, *blocks: list[Row]) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "dumb")
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    table = Drawn(HEADS)
    for block in blocks:
        table.write(block)
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_a_terminal_gets_what_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    assert drawn(monkeypatch, 41, ROWS) == [
        " n  who    why",
        " 1  a > b  closed",
        "10  c > d  a reason of 24 letters..",
    ]


def test_blocks_share_their_columns_and_the_heading(monkeypatch: pytest.MonkeyPatch) -> None:
    assert drawn(monkeypatch, 41, ROWS[1:], ROWS[:1]) == [
        " n  who    why",
        "10  c > d  a reason of 24 letters..",
        " 1  a > b  closed",
    ]


def test_a_long_last_column_is_wrapped(monkeypatch: pytest.MonkeyPatch) -> None:
    row = ("1", "a > b", "", "", "one two three four five six seven")
    assert drawn(monkeypatch, 36, [row]) == [
        "n  who    why",
        "1  a > b  one two three four five",
        "          six seven",
    ]


def test_a_wide_column_leaves_room_for_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    row = ("1", "x" * 60, "", "", "one two three four five")
    assert drawn(monkeypatch, 40, [row])[1:] == [f"1  {'x' * 11}…  one two three four five"]


def test_brackets_are_no_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    row = ("1", "[red]", "", "", "[/x]")
    assert drawn(monkeypatch, 40, [row])[1:] == ["1  [red]               [/x]"]


def test_a_terminal_is_drawn_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert isinstance(aligned.table(HEADS), Drawn)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: False)
    assert isinstance(aligned.table(HEADS), Plain)
