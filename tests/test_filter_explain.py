"""Expressions in words."""

import pytest

from vsockdump.filters.explain import explain
from vsockdump.filters.fields import FIELDS, Field
from vsockdump.filters.language import parse
from vsockdump.filters.words import SUBJECTS, WORDS

SENTENCES = [
    ("cid 3", "either side's CID is 3"),
    ("cid host", "either side's CID is 2 (host)"),
    ("port 22", "either side's port is 22"),
    ("port 1024-1030", "either side's port is from 1024 to 1030"),
    ("port in {1, 4, 7-9}", "either side's port is 1, 4 or from 7 to 9"),
    ("op rw", "the operation is RW"),
    ("op rw|rst", "the operation is RST or RW"),
    ("op 9", "the operation is 9"),
    ("type stream", "the socket's type is stream"),
    ("verdict stalled", "the connection's verdict is STALLED"),
    ("src cid 3", "the sender's CID is 3"),
    ("src_port < 1024", "the sender's port is less than 1024"),
    ("src_port <= 1024", "the sender's port is at most 1024"),
    ("src_port > 1024", "the sender's port is more than 1024"),
    ("1024 <= src_port", "the sender's port is at least 1024"),
    ("src_port != 1024", "the sender's port is not 1024"),
    ("src_port == dst_port", "the sender's port is the receiver's port"),
    ("cid != 3", "the sender's CID is not 3 and the receiver's CID is not 3"),
    ("cid > 3", "either side's CID is more than 3"),
    ("cid > host", "either side's CID is more than 2 (host)"),
    ("greater 100", "the length of the whole frame is at least 100"),
    ("link[3] = 10", "the value of byte 3 of the frame is 10 (0xa)"),
    ("data[4:4] > 255", "the value of bytes 4 to 7 of the payload is more than 255 (0xff)"),
    ('data[0:4] = "PRI "', 'the value of bytes 0 to 3 of the payload is "PRI "'),
    ("flags & 2", "flags & 2 is not 0 (flags: the number that all flags make)"),
    (
        "len + 1 > fwd_cnt",
        "len + 1 is more than the count (modulo 2^32) of bytes the sender has read"
        " (len: the payload's length as the header says)",
    ),
    ("has op", "the operation is known"),
    ("3:1024", "either side is CID 3, port 1024"),
    ("src 2:*", "the sender is CID 2 (host)"),
    ("dst *:22", "the receiver is port 22"),
    ("dst *:*", "the receiver is anyone"),
    ("pair 3:1024 2:22", "one side is CID 3, port 1024, the other CID 2 (host), port 22"),
    (
        "g2h",
        "the packet goes from a guest to its host (src_cid > 2 and dst_cid in {0, 2})",
    ),
    ("problem", "the packet is of a connection that has a problem"),
    ('payload contains "GET \\x00"', 'the captured payload contains "GET \\x00"'),
    ("payload matches /a\\/b/", "the captured payload matches the regular expression a/b"),
    ("process python3", 'the command of a process at either end is "python3"'),
    ("not port 22", "it is not true that either side's port is 22"),
    ("not not port 22", "either side's port is 22"),
    ("not not not port 22", "it is not true that either side's port is 22"),
]


@pytest.mark.parametrize(("expression", "sentence"), SENTENCES)
def test_a_term_is_a_sentence(expression: str, sentence: str) -> None:
    assert explain(parse(expression)) == f"packets of which this is true:\n  {sentence}"


def test_everything() -> None:
    assert explain(parse("")) == "all packets"


def test_terms_that_are_joined_are_listed_below_each_other() -> None:
    assert explain(parse("cid 3 and port 1024 and op rw")).split("\n") == [
        "packets of which all of these are true:",
        "  either side's CID is 3",
        "  either side's port is 1024",
        "  the operation is RW",
    ]


def test_groups_are_indented() -> None:
    text = "not (port 22 or 23) and not (op rw and len 0 and (cid 1 or 2)) or not not (cid 4 and 5)"
    assert explain(parse(text)).split("\n") == [
        "packets of which at least one of these is true:",
        "  all of these are true:",
        "    none of these is true:",
        "      either side's port is 22",
        "      either side's port is 23",
        "    at least one of these is not true:",
        "      the operation is RW",
        "      the payload's length as the header says is 0",
        "      at least one of these is true:",
        "        either side's CID is 1 (local)",
        "        either side's CID is 2 (host)",
        "  all of these are true:",
        "    either side's CID is 4",
        "    either side's CID is 5",
    ]


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_every_field_is_said_by_its_own_text(field: Field) -> None:
    assert explain(parse(f"{field.name} 77")).endswith(f"  {field.text} is 77")


@pytest.mark.parametrize("word", WORDS)
def test_every_word_is_said_by_its_own_text(word: str) -> None:
    assert f"  the packet {WORDS[word].text}" in explain(parse(word))


@pytest.mark.parametrize("subject", SUBJECTS)
def test_every_text_is_said_by_its_own(subject: str) -> None:
    assert f'  {SUBJECTS[subject]} contains "x"' in explain(parse(f'{subject} contains "x"'))
