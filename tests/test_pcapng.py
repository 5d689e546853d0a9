"""The blocks of pcapng that hold no packets: bytes to values and back."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import captures
from vsockdump.formats import pcapng
from vsockdump.formats.pcapng import Drops
from vsockdump.interface import Interface

SOME = Interface(271, "vsockmon0", 96, "Linux 6.1 x86_64", "port 1", "a link", 9, 0)


@pytest.mark.parametrize(
    ("data", "options"),
    [
        ("", []),
        ("00000000", []),
        ("0100 0300 61626300 0000 0000", [(1, b"abc")]),
        ("0100 0000 0200 0400 61626364 0000 0000", [(1, b""), (2, b"abcd")]),
        ("0100 0500 6162636465000000 0100 0100 66000000 00000000", [(1, b"abcde"), (1, b"f")]),
    ],
)
def test_options(data: str, options: pcapng.Options) -> None:
    packed = bytes.fromhex(data)
    assert list(pcapng.parse_options(packed, "<")) == options
    if options:
        assert pcapng.pack_options(options) == packed


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("cut", range(1, 16))
def test_options_that_do_not_fit_are_left_out(order: str, cut: int) -> None:
    data = captures.options([(1, b"abc"), (2, b"efgh")], order)[:-4]
    found = list(pcapng.parse_options(data[:-cut], order))
    assert found == [(1, b"abc")][: 16 - cut >= 8 or 16 - cut == 7]


def test_an_interface_is_read_as_written() -> None:
    assert pcapng.parse_interface(pcapng.pack_interface(SOME), "<") == SOME


def test_a_filter_longer_than_an_option_is_cut() -> None:
    long = " or ".join(["port 1"] * 10_000)
    block = pcapng.pack_interface(SOME._replace(filter=long))
    assert pcapng.parse_interface(block, "<") == SOME._replace(filter=long[:1023])


def test_an_interface_is_always_written_in_nanoseconds() -> None:
    block = pcapng.pack_interface(SOME._replace(tsresol=6, tsoffset=3600))
    assert pcapng.parse_interface(block, "<") == SOME


@pytest.mark.parametrize("order", "<>")
def test_an_interface_without_options(order: str) -> None:
    block = captures.interface(order, (), 113, 0)
    assert pcapng.parse_interface(block, order) == Interface(113, tsresol=6)


@pytest.mark.parametrize("order", "<>")
def test_options_of_wrong_size_are_as_if_missing(order: str) -> None:
    block = captures.interface(order, [(9, b"\x09\x09"), (14, b"\1\2\3")])
    found = pcapng.parse_interface(block, order)
    assert found is not None
    assert (found.tsresol, found.tsoffset) == (6, 0)


def test_texts_may_be_anything() -> None:
    found = pcapng.parse_interface(captures.interface("<", [(2, b"\xff\x1b[1m\0\0")]), "<")
    assert found is not None
    assert found.name == "\ufffd\x1b[1m"


@pytest.mark.parametrize("order", "<>")
def test_statistics(order: str) -> None:
    assert pcapng.parse_statistics(captures.statistics(9, 4, order, 2), order) == Drops(2, 9, 4)
    both = captures.options(
        [(5, struct.pack(order + "Q", 3)), (7, struct.pack(order + "Q", 4))], order
    )
    block = captures.block(5, struct.pack(order + "III", 1, 0, 0) + both, order)
    assert pcapng.parse_statistics(block, order) == Drops(1, 0, 7)


def test_statistics_are_read_as_written() -> None:
    block = pcapng.pack_statistics(Drops(3, 1 << 40, 5), 1 << 60 | 7)
    assert pcapng.parse_statistics(block, "<") == Drops(3, 1 << 40, 5)
    assert struct.unpack_from("<II", block, 12) == (1 << 28, 7)


def test_blocks_that_are_too_short_are_none() -> None:
    assert pcapng.parse_interface(captures.block(1, b"1234"), "<") is None
    assert pcapng.parse_statistics(captures.block(5, b"1234"), "<") is None


@pytest.mark.parametrize("order", "<>")
def test_a_section_names_its_system(order: str) -> None:
    block = captures.section(order, [(4, b"by"), (3, b"Linux 6.1")])
    assert pcapng.byte_order(block) == order
    assert pcapng.section_os(block, order) == "Linux 6.1"
    assert pcapng.section_os(captures.section(order), order) == ""


def test_a_section_as_written() -> None:
    block = pcapng.pack_section([(pcapng.SHB_OS, b"Linux")])
    assert block == captures.section("<", [(3, b"Linux")])
    assert pcapng.byte_order(b"12345678abcd") is None


@pytest.mark.parametrize("order", "<>")
def test_options_of_packets(order: str) -> None:
    (taken,) = captures.some(1, size=3)
    given_options = [(1, b"said"), (1, b"again")]
    block = captures.enhanced(taken, order, given=given_options)
    assert pcapng.packet_options(block, order) == given_options
    assert pcapng.packet_options(captures.enhanced(taken, order), order) == []
    assert pcapng.packet_options(captures.obsolete(taken, order), order) == []
    assert pcapng.packet_options(captures.simple(taken, order), order) == []


def test_split_goes_over_sections() -> None:
    data = captures.everything()
    found = list(pcapng.split(data, "<"))
    assert b"".join(block for _, block in found) == data
    little = [10, 1, 1, 4, 6, 2989, 6, 0x12345, 2, 3, 5]
    big = [10, 1, *[6] * 5, 2989, 5]
    assert [10 if kind == pcapng.SECTION else kind for kind, _ in found] == little + big


@given(st.lists(st.binary(max_size=9), max_size=6), st.sampled_from("<>"))
def test_split_finds_what_was_joined(bodies: list[bytes], order: str) -> None:
    blocks = [captures.block(5, body, order) for body in bodies]
    assert [block for _, block in pcapng.split(b"".join(blocks), order)] == blocks


@given(st.binary(max_size=60), st.sampled_from("<>"))
def test_any_options_give_values(data: bytes, order: str) -> None:
    for code, value in pcapng.parse_options(data, order):
        assert 0 < code < 1 << 16
        assert value in data
