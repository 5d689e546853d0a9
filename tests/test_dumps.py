"""Bytes as text: layouts by table, and nothing unprintable whatever the bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vsockdump.dumps import ascii_dump, hex_ascii_dump, hex_dump
from vsockdump.messages import printable

ROW = bytes(range(0x41, 0x51))


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        (b"A", "\n\t0x0000:  41"),
        (b"ABC", "\n\t0x0000:  4142 43"),
        (ROW, "\n\t0x0000:  4142 4344 4546 4748 494a 4b4c 4d4e 4f50"),
        (ROW + b"z", "\n\t0x0000:  4142 4344 4546 4748 494a 4b4c 4d4e 4f50\n\t0x0010:  7a"),
    ],
)
def test_hex(data: bytes, text: str) -> None:
    assert hex_dump(data) == text


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        (b"A b\x7f", "\n\t0x0000:  4120 627f                                A.b."),
        (ROW, "\n\t0x0000:  4142 4344 4546 4748 494a 4b4c 4d4e 4f50  ABCDEFGHIJKLMNOP"),
    ],
)
def test_hex_and_ascii(data: bytes, text: str) -> None:
    assert hex_ascii_dump(data) == text


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "\n"),
        (b"a b\tc\n", "\na b\tc\n"),
        (b"a\r\nb\r", "\na\nb"),
        (b"\x1b[1m\xff", "\n.[1m."),
    ],
)
def test_ascii(data: bytes, text: str) -> None:
    assert ascii_dump(data) == text


@given(st.binary(max_size=200))
def test_any_bytes_come_out_printable(data: bytes) -> None:
    text = hex_dump(data) + hex_ascii_dump(data) + ascii_dump(data)
    assert text.isascii()
    assert set(text) - set("\n\t") <= {chr(c) for c in range(0x20, 0x7F)}
    hexes = "".join(line.split(":  ")[1] for line in hex_dump(data).split("\n\t")[1:])
    assert bytes.fromhex(hexes) == data


@given(st.text())
def test_any_text_comes_out_printable(text: str) -> None:
    assert printable(text).isprintable()
    assert not text.isprintable() or printable(text) == text
