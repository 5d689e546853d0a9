"""What command lines are taken apart with."""

import argparse

import pytest

from vsockdump.arguments import Group, Parser, connections, number, positive
from vsockdump.errors import UsageError


def made() -> Parser:
    parser = Parser("vsockdump x", "vsockdump x [options]", "What it does.")
    group = Group(parser, "all of them, as written")
    group.words("read", "FILE", "files")
    group.flag("-f --flag", "flag", "given or not")
    group.count("-v", "verbose", "more")
    group.value("-t --text", "text", "TEXT", "a text", "default")
    group.number("-n", "number", "N", "a number", positive)
    group.choice("-c", "choice", ("a", "b"), "a", "one of two")
    return parser


@pytest.mark.parametrize(
    ("words", "values"),
    [
        ("", ([], False, 0, "default", 0, "a")),
        ("- -f -vv -t x -n 5 -c b", (["-"], True, 2, "x", 5, "b")),
        ("--text=y file --flag", (["file"], True, 0, "y", 0, "a")),
    ],
)
def test_values(words: str, values: tuple[object, ...]) -> None:
    found = made().parse_args(words.split())
    names = ("read", "flag", "verbose", "text", "number", "choice")
    assert tuple(getattr(found, name) for name in names) == values


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("--fl", "unrecognized arguments: --fl; see 'vsockdump x --help'"),
        ("-c z", "-c: invalid choice: 'z'"),
        ("-n 0", "-n: 0 makes no sense; see 'vsockdump x --help'"),
    ],
)
def test_what_is_wrong_is_told(words: str, sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        made().parse_args(words.split())
    assert str(caught.value).startswith(sentence)


def test_help() -> None:
    text = made().format_help()
    assert text.startswith("usage: vsockdump x [options]\n\nWhat it does.\n")
    assert "\n\nall of them, as written:\n  FILE" in text
    assert all(f"  {each}" in text for each in ("FILE", "-f, --flag", "-t, --text TEXT", "-n N"))


@pytest.mark.parametrize("text", ["", "x", "-1", "1.0", "4294967296", "\u0661"])
def test_numbers_that_are_none(text: str) -> None:
    for kind in (number, positive):
        with pytest.raises(argparse.ArgumentTypeError):
            kind(text)


def test_numbers() -> None:
    assert [number("0"), number("4294967295"), positive("1")] == [0, 2**32 - 1, 1]


def test_so_many_connections_can_be_followed() -> None:
    assert connections("1073741823") == (1 << 30) - 1
    with pytest.raises(argparse.ArgumentTypeError, match="more than can be followed"):
        connections("1073741824")
