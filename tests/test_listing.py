"""Rows on standard output: JSON, CSV, a table."""

import io
import sys
from collections.abc import Iterator

import pytest

from vsockdump.aligned import Head
from vsockdump.analysis import Wanted
from vsockdump.listing import Csv, Jsonl, Listing, Table, listing
from vsockdump.values import Field

Row = tuple[int, str | None]

FIELDS: tuple[Field[Row], ...] = (
    Field("n", "int", "", lambda row: row[0]),
    Field("who", "str", "", lambda row: row[1]),
)
HEADS = (Head("n", right=True), Head("who"))
ROWS: list[Row] = [(1, "a,b"), (2, None)]


def wanted(**words: bool) -> Wanted:
    found = Wanted()
    for name, value in words.items():
        setattr(found, name, value)
    return found


def made(**words: bool) -> Listing[Row]:
    return listing(wanted(**words), FIELDS, HEADS, lambda row: (str(row[0]), row[1] or "-"))


@pytest.mark.parametrize(
    ("form", "some", "none"),
    [
        ("json", '{"n":1,"who":"a,b"}\n{"n":2,"who":null}\n', ""),
        ("csv", 'n,who\n1,"a,b"\n2,\n', "n,who\n"),
        ("text", "n  who\n1  a,b\n2  -\n", "n  who\n"),
    ],
)
def test_forms(capsys: pytest.CaptureFixture[str], form: str, some: str, none: str) -> None:
    for rows, text in ((ROWS, some), ([], none)):
        printed = made(**{form: True})
        printed.write(rows[:1])
        printed.write(rows[1:])
        printed.end()
        assert capsys.readouterr().out == text


def test_what_is_a_rows_own_stands_behind(capsys: pytest.CaptureFixture[str]) -> None:
    Jsonl(FIELDS, lambda row: [("own", "seconds", row[0])]).write(ROWS[1:])
    assert capsys.readouterr().out == '{"n":2,"who":null,"own":0.000000002}\n'


def test_a_table_is_printed_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first block decides how wide columns are; nothing waits for the last row."""
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)

    def rows() -> Iterator[Row]:
        yield from ((number, "x") for number in range(1000))
        assert out.getvalue().count("\n") == 1001
        yield (5000, "x")

    made().write(rows())
    assert out.getvalue().splitlines()[-1] == "5000  x"


def test_which() -> None:
    assert isinstance(made(json=True), Jsonl)
    assert isinstance(made(csv=True), Csv)
    assert isinstance(made(), Table)
