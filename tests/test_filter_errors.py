"""What is said of expressions that are wrong, and that nothing else comes of any text."""

import random
import sys

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vsockdump.filters.language import parse
from vsockdump.filters.tokens import FilterError
from vsockdump.filters.tree import depth

from .test_filter_language import CIDS, PORTS
from .trees import ALL_TREES

# --- what is wrong ----------------------------------------------------------------------------

# The expression, the column, what is said.
WRONG = [
    ("port", 4, "the end stands where a value of port should"),
    ("port and cid 3", 5, "'and' stands where a value of port should"),
    ("prot 22", 0, "no term begins with 'prot'; do you mean port?"),
    ("vsock.src_prt == 3", 0, "no term begins with 'vsock.src_prt'; do you mean vsock.src_port?"),
    ("xyzzy", 0, "no term begins with 'xyzzy'"),
    ("host 3", 0, "no term begins with 'host'; say 'cid 3', or 'cid host' for CID 2"),
    ("cid 3 and rst", 10, "no term begins with 'rst'; do you mean op rst?"),
    ("op == rw|rst", 8, "words are not reckoned with: say 'op rw|...'"),
    ("op reset", 3, "'reset' is no value of op; do you mean rst?"),
    (
        "type datagram",
        5,
        "'datagram' is no value of type; there are numbers, and stream, seqpacket",
    ),
    ("port ssh", 5, "'ssh' is no value of port; a number is"),
    ("cid hots", 4, "'hots' is no value of cid; do you mean host?"),
    ("port 4294967296", 5, "4294967296 does not fit into 32 bits"),
    ("cid 18446744073709551616", 4, "18446744073709551616 does not fit into 64 bits"),
    ("port == 4294967296", 8, "4294967296 does not fit into 32 bits"),
    ("port " + "9" * 60, 5, "9999999999999999999999999999999999999999 does not fit into 32 bits"),
    ("port 9-3", 7, "the range ends before it begins"),
    ("port 22 cid 3", 8, "'cid' stands where 'and', 'or' or the end should"),
    ("port 22)", 7, "')' stands where 'and', 'or' or the end should"),
    ("(port 22", 8, "the end stands where ')' should"),
    ("()", 1, "')' stands where a term should, such as 'port 1024'"),
    ("and port 3", 0, "'and' stands where a term should, such as 'port 1024'"),
    ("port 3 and", 10, "the end stands where a term should, such as 'port 1024'"),
    ("not", 3, "the end stands where a term should, such as 'port 1024'"),
    ("22", 0, "'22' stands alone: of what? Such as 'port 22'"),
    ("len > 3 or 4", 11, "'4' stands alone: of what? Such as 'port 4'"),
    ("cid 5 and port == 3 or 4", 23, "'4' stands alone: of what? Such as 'port 4'"),
    ("src 22", 4, "'22' stands where 'cid', 'port' or CID:PORT should"),
    ("src len 3", 4, "'len' stands where 'cid', 'port' or CID:PORT should"),
    ("3:", 2, "the end is no value of port; a number is"),
    (
        "pair 3:1",
        8,
        "the end is no value of cid; there are numbers, and hypervisor, local, host, any",
    ),
    ("port in 3", 8, "'3' stands where '{' should"),
    ("port in {3", 10, "the end is no value of port; a number is"),
    ("flags oem", 6, "'oem' is no value of flags; do you mean eom?"),
    (
        "shutdown now",
        9,
        "'now' stands where one of these should: rcv, send, both",
    ),
    ("flags x", 6, "'x' is no value of flags; there are numbers, and eom, eor, rcv, send"),
    ("in 3", 0, "'in' stands where a term should, such as 'port 1024'"),
    ("pair 1:1 2:2 or 3:3 4:4", 20, "'4' stands where 'and', 'or' or the end should"),
    ("3:1 or 4", 7, "'4' stands alone: of what? Such as 'port 4'"),
    ('notes "truncated"', 6, "'\"truncated\"' stands where 'contains' or 'matches' should"),
    ("greater than 3", 8, "'than' stands where a number should"),
    ("has len2", 4, "'len2' is no field; do you mean len?"),
    ("link", 4, "the end stands where '[' should"),
    ("link[70000] = 1", 5, "70000 does not fit into 16 bits"),
    ("link[0:0] = 1", 8, "no bytes at all: the size should be 1 or more"),
    ("link[0:3] = 1", 12, "link[0:3] is no number: 1, 2 or 4 bytes are"),
    ('link[0:3] = "ab"', 12, "link[0:3] is never 2 bytes"),
    ('link[0:2] < "ab"', 12, "bytes are equal or not: nothing else can be asked of them"),
    ("link[0:4] == 0x100000000", 13, "4294967296 does not fit into 32 bits"),
    ("link[0", 6, "the end stands where ']' should"),
    ("1 == 1", 5, "compares two constants"),
    ("cid + 1 == 2", 4, "cid can only be compared with a number"),
    ("free == len", 8, "free can only be compared with a number"),
    ("len / 0 == 2", 4, "the right side of '/' should be a number other than 0"),
    ("len / flags == 2", 4, "the right side of '/' should be a number other than 0"),
    ("len << 32 == 2", 4, "the right side of '<<' should be a number from 0 to 31"),
    ("len + 1", 7, "the end stands where a comparison should, such as '=='"),
    ("len == prot", 7, "'prot' stands where a value should; do you mean port?"),
    ("payload", 7, "the end stands where 'contains' or 'matches' should"),
    ("payload contains GET", 17, "'GET' stands where a text in quotes should"),
    ('payload contains "GET', 17, "the quotes are never closed"),
    ("payload matches /(/", 16, "no regular expression: missing ): ("),
    ("port 22 \u00a7", 8, "'\u00a7' means nothing here"),
    ("port 22 \u00a0", 8, r"'\xa0' means nothing here"),
    ("port \x00", 5, r"'\x00' means nothing here"),
    ("port \ud800", 5, r"'\ud800' is no character"),
    ("port\n22 and\n prot 3", 13, "no term begins with 'prot'; do you mean port?"),
    ("(" * 101 + "port 1", 101, "more than 100 parts inside each other"),
    ("not " * 101 + "port 1", 404, "more than 100 parts inside each other"),
    ("len" + " + flags" * 102 + " == 2", 820, "more than 100 parts inside each other"),
    ("port 1 or cid 2 and " * 60, 1027, "more than 100 parts inside each other"),
]


@pytest.mark.parametrize(("text", "at", "what"), WRONG, ids=[repr(row[0][:40]) for row in WRONG])
def test_what_is_said_of_a_wrong_one(text: str, at: int, what: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse(text)
    assert str(caught.value) == f"filter: {what}"
    assert caught.value.at == at


def test_the_caret_stands_below() -> None:
    def shown(text: str) -> list[str]:
        with pytest.raises(FilterError) as caught:
            parse(text)
        return [str(caught.value), *caught.value.below]

    assert shown("cid 3 and prot 22") == [
        "filter: no term begins with 'prot'; do you mean port?",
        "  cid 3 and prot 22",
        "            ^",
    ]
    assert shown("cid 3 and\n\t prot 22 or\n cid 4")[1:] == [r"  \t prot 22 or", "     ^"]
    assert shown('process "\x1b[31m" prot')[1:] == [r'  process "\x1b[31m" prot', " " * 21 + "^"]
    assert shown("port") == [
        "filter: the end stands where a value of port should",
        "  port",
        "      ^",
    ]
    line, caret = shown("port 1 or " * 100 + "prot 3" + " or port 1" * 100)[1:]
    assert line == "  ..." + ("port 1 or " * 5)[-44:] + ("prot 3" + " or port 1" * 9)[:24] + "..."
    assert len(line) < 80
    assert line[caret.index("^") :].startswith("prot")


# --- anything at all --------------------------------------------------------------------------

KNOWN = """
port cid src dst 3 22 host : * - .. | { } , ( ) [ ] and or not ! && || == != < & + << in len
link data payload contains matches ~ /x/ "a" 0x 50:52 flags eom shutdown process flow op rw pair
greater has stalled verdict vsock.src_cid ' \\ " /
"""
PIECES = st.sampled_from([*KNOWN.split(), "\x00", "\u00e9", "\ud800", "\udcff", "\n"])


def tree_or_error(text: str) -> None:
    try:
        tree = parse(text, CIDS, PORTS)
    except FilterError as error:
        assert 0 <= error.at <= len(text)
        assert all(line.isprintable() for line in error.below)
    else:
        assert depth(tree) <= 100
        assert repr(parse(str(tree))) == repr(tree)


@settings(max_examples=500)
@given(st.lists(PIECES, max_size=12).map(" ".join) | st.lists(PIECES, max_size=12).map("".join))
@example('"')
@example("\u00a0")
@example("port \u2003")
def test_pieces_of_expressions(text: str) -> None:
    tree_or_error(text)


@settings(max_examples=500)
@given(st.text(max_size=40) | st.text('0123456789abcdefx-:.*(){}[]|&!=<>"/\\ \n', max_size=30))
def test_any_text(text: str) -> None:
    tree_or_error(text)


@settings(max_examples=500)
@given(
    ALL_TREES.map(str),
    st.lists(st.tuples(st.integers(0, 999), st.integers(0, 3), PIECES | st.characters())),
)
def test_damaged_expressions(text: str, damage: list[tuple[int, int, str]]) -> None:
    for place, gone, come in damage:
        at = place % (len(text) + 1)
        text = text[:at] + come + text[at + gone :]
    tree_or_error(text)


LONG = [
    "(" * 100_000,
    ")" * 100_000,
    "not " * 10_000,
    "!" * 100_000,
    "port 1 or " * 10_000,
    "port 1 or " * 10_000 + "port 2",
    "port 1 or cid 2 and " * 5_000 + "port 2",
    "(port 1) and " * 5_000 + "cid 3",
    "(" * 90 + "port 1" + ")" * 90 + " and cid 3" * 5000,
    "(port 1 and (" * 5000,
    "len" + " + 1" * 20_000 + " == 2",
    "len == " + "(" * 50_000,
    "len" + " + (len" * 10_000 + ")" * 10_000 + " == 2",
    "port in {" + "1, " * 30_000 + "2}",
    "port 1" + "|2" * 30_000,
    "port " + "9" * 100_000,
    "port " + "0" * 100_000 + "22",
    "port 0x" + "f" * 100_000,
    "port" + " " * 100_000 + "22",
    " " * 100_000,
    "x" * 100_000,
    "a-" * 50_000,
    '"' * 100_001,
    'payload contains "' + "\\x41" * 25_000 + '"',
    "payload matches /" + "(" * 50_000 + "/",
    "payload matches /" + "a*" * 50_000 + "/",
    "data[0:33333] = " + ":".join(["41"] * 33_333),
    "3:" * 50_000,
    "src or dst " * 10_000,
    "src or dst port 1 or " * 5_000 + "2",
    "not in " * 10_000,
]


@pytest.mark.parametrize("text", LONG, ids=[repr(text[:20]) for text in LONG])
def test_long_expressions(text: str) -> None:
    tree_or_error(text)


def test_the_deepest_there_are() -> None:
    """Printed and read back within Python's own limit of calls."""
    chance = random.Random(1)
    for _ in range(10):
        text = "port 1"
        while True:
            sums = " + flags" * chance.choice([0, 0, 0, 80])
            ways = (f"not ({text})", f"cid 3 and ({text} or stream)", f"{text} or cid 3")
            more = chance.choice([*ways, f"({text})", f"{text} and len{sums} == 1"])
            try:
                tree = parse(more)
            except FilterError as error:
                assert "100 parts" in str(error)
                break
            text = more
        assert depth(tree) <= 100
        assert repr(parse(str(tree))) == repr(tree)
    assert sys.getrecursionlimit() == 1000
