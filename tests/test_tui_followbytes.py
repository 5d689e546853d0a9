"""Bytes as lines: text, hex, raw."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from vsockdump.tui.followbytes import (
    Mode,
    hex_bytes,
    needle,
    show_hex,
    show_raw,
    show_text,
    text_lines,
)


def cut(data: bytes, width: int) -> list[str]:
    return [show_text(data[begin:end]) for begin, end in text_lines(data, width)]


TEXTS: dict[str, tuple[bytes, list[str]]] = {
    "plain": (b"Hello, you", ["Hello, you"]),
    "lines": (b"one\ntwo\r\n\n\r\nfive", ["one", "two", "", "", "five"]),
    "full": (b"0123456789abc", ["0123456789", "abc"]),
    "just full": (b"0123456789\nabc", ["0123456789", "abc"]),
    "a CR alone": (b"a\rb\r\rc", [r"a\rb\r\rc"]),
    "escape": (b"\x1b[31mred\x07", [r"\x1b[31mre", r"d\x07"]),
    "UTF-8": ("zweiöäü€".encode(), ["zweiöäü€"]),
    "wide": ("漢字漢字漢字".encode(), ["漢字漢字漢", "字"]),
    "a wide letter does not fit": (b"a" + "漢字漢字漢".encode(), ["a漢字漢字", "漢"]),
    "no UTF-8": (b"a\xff\xc3(b", [r"a\xff\xc3(", "b"]),
    "half a letter": ("€".encode()[:2], [r"\xe2\x82"]),
    "the direction of text": ("a\u202eb".encode(), [r"a\u202eb"]),
    "a surrogate": (b"\xed\xb2\x80", [r"\xed\xb2", r"\x80"]),
    "tabs": (b"a\tb\tc", ["a       b", "        c"]),
    "an accent of its own": ("e\u0301".encode(), ["e\u0301"]),
    "markup": (b"[red]x[/]", ["[red]x[/]"]),
    "nothing": (b"", []),
}


@pytest.mark.parametrize("name", TEXTS)
def test_text(name: str) -> None:
    data, lines = TEXTS[name]
    assert cut(data, 10) == lines


def test_marks_above_letters_do_not_make_a_line_endless() -> None:
    lines = list(text_lines(b"e" + "\u0301".encode() * 1000, 10))
    assert max(end - begin for begin, end in lines) <= 82
    assert lines[-1][1] == 2001


@given(st.binary(max_size=200) | st.text(max_size=99).map(str.encode), st.integers(1, 40))
def test_any_bytes_are_shown_once_in_lines_that_fit(data: bytes, width: int) -> None:
    at = 0
    for begin, end in text_lines(data, width):
        assert data[at:begin] in (b"", b"\n", b"\r\n")
        assert begin <= end
        shown = show_text(data[begin:end])
        assert shown.isprintable()
        one = len(data[begin:end].decode("utf-8", "surrogateescape")) <= 1
        assert cell_len(shown) <= width or one  # an escape may be wider than a line
        at = end
    assert data[at:] in (b"", b"\n", b"\r\n")


@given(st.binary(min_size=1, max_size=99))
def test_any_bytes_raw(data: bytes) -> None:
    shown = show_raw(data)
    assert len(shown) == len(data)
    assert shown.isprintable()
    assert all(
        a == chr(b) or (a == "." and not 0x20 <= b < 0x7F) for a, b in zip(shown, data, strict=True)
    )


def test_hex() -> None:
    assert show_hex(b"0123456789abcde\xff", 16, 16) == (
        "00000010  3031 3233 3435 3637 3839 6162 6364 65ff  0123456789abcde."
    )
    assert show_hex(b"abc", 0x123456789, 8) == "123456789  6162 63              abc"
    assert [hex_bytes(width) for width in (0, 66, 67, 80)] == [8, 8, 16, 16]


def test_modes_go_round() -> None:
    assert [mode.next for mode in Mode] == [Mode.HEX, Mode.RAW, Mode.TEXT]


@pytest.mark.parametrize(
    ("text", "data", "found"),
    [
        ("get", b"a GET", True),
        ("Get", b"a GET", False),
        ("a.c", b"abc", False),
        ("a.c", b"a.c", True),
        (r"\x00\xfFa", b"\x00\xffa", True),
        (r"\x0", b"\x00", False),
        (r"\x0", rb"\x00", True),
        ("€", "1 €".encode(), True),
    ],
)
def test_what_finds_a_text(text: str, data: bytes, found: bool) -> None:
    assert bool(needle(text).search(data)) is found
