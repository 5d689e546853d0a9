"""The filter language: expressions, their trees, and trees as text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vsockdump.filters.fields import BY_WIRESHARK, FIELDS
from vsockdump.filters.language import Parser, parse
from vsockdump.filters.tokens import FilterError
from vsockdump.filters.tree import EVERYTHING, And, Member, Not, Or, Relation, Tree
from vsockdump.filters.words import SYNONYMS, WORDS

from .reference import matches, seen
from .trees import ALL_TREES, FRAMES, TREES

CIDS = {"backup": 9, "db-1": 10, "stream": 11}
PORTS = {"ssh": 22, "http": 80}

# --- expressions and how their trees print themselves -----------------------------------------

SAME = ""  # as it was given

TCPDUMP = [
    ("", SAME),
    ("cid 3 and port 1024", SAME),
    ("src cid 3", "src_cid 3"),
    ("dst port 22", "dst_port 22"),
    ("src host", "src_cid host"),
    ("dst hypervisor", "dst_cid hypervisor"),
    ("cid local", SAME),
    ("cid 4294967295", "cid any"),
    ("cid HOST", "cid host"),
    ('cid "host"', "cid host"),
    ("pair 3:1024 2:1234", SAME),
    ("pair host:* 3:1024", "pair 2:* 3:1024"),
    ("3:1024", SAME),
    ("src 3:*", SAME),
    ("dst *:22", SAME),
    ("*:*", SAME),
    ("host:22", "2:22"),
    ("port 1024-1030", SAME),
    ("portrange 1024-1030", "port 1024-1030"),
    ("src portrange 1-2", "src_port 1-2"),
    ("port 1024..1030", "port 1024-1030"),
    ("cid in {3,4,5}", "cid in {3, 4, 5}"),
    ("cid {3 4 5}", "cid in {3, 4, 5}"),
    ("port in {5, 3-4, 9, 1..2}", "port in {1-5, 9}"),
    ("port not in {1, 2}", "not port 1-2"),
    ("op rw|rst", "op in {rst, rw}"),
    ("op RW", "op rw"),
    ("op 5", "op rw"),
    ("op 0x5", "op rw"),
    ("op 77", SAME),
    ("op request or response", "op request or op response"),
    ("stream", SAME),
    ("seqpacket", SAME),
    ("len > 0", SAME),
    ("len 100..4096", "len 100-4096"),
    (
        "flags eom or eor and shutdown send or rcv",
        "((flags eom or flags eor) and shutdown send) or shutdown rcv",
    ),
    ("flags eom", SAME),
    ("flags EOM", "flags eom"),
    ("flags 3", SAME),
    ("flags send", "shutdown send"),
    ("shutdown send", SAME),
    ("buf_alloc < 4096", SAME),
    ("fwd_cnt", None),
    ("fwd_cnt >= 0xffffffff", "fwd_cnt >= 4294967295"),
    ("g2h", SAME),
    ("h2g or loopback or sibling", SAME),
    ("greater 100", "wire_len >= 100"),
    ("less 100", "wire_len <= 100"),
    ("len <= 100", SAME),
    ("link[20:4] = 0xd2040000", "link[20:4] == 3523477504"),
    ("ether[0] = 3", "link[0:1] == 3"),
    ('data[0:4] = "PRI "', 'data[0:4] == "PRI "'),
    ('data[0:2] = "\\x00\\n"', 'data[0:2] == "\\x00\\x0a"'),
    ("link[0] & 1 = 0", "(link[0:1] & 1) == 0"),
    ("has op", SAME),
    ("vsock and not virtio", SAME),
]

WIRESHARK = [
    ("vsock.src_cid == 3 && vsock.virtio.op == 5", "src_cid 3 and op rw"),
    ("vsock.virtio.src_prot == 1", "virtio_src_port 1"),
    ("vsock.src_port in {1, 3..5}", "src_port in {1, 3-5}"),
    ("vsock.src_port not in {1}", "not src_port 1"),
    ("vsock.op eq 1 or vsock.op ne 2", "monitor_op connect or monitor_op != 2"),
    ("vsock.virtio.len gt 1 and vsock.virtio.len le 9", "len > 1 and len <= 9"),
    ("vsock.virtio.len lt 1 or vsock.virtio.len ge 9", "len < 1 or len >= 9"),
    ("vsock.virtio.flags & 2", "(flags & 2) != 0"),
    ("(vsock.virtio.flags & 2) == 2", "(flags & 2) == 2"),
    ("vsock.virtio.op", "has op"),
    ("!vsock.virtio.op", "not has op"),
    ("!(vsock.src_cid == 3)", "not src_cid 3"),
    ("3 == vsock.src_cid", "src_cid 3"),
    ("3 < vsock.src_port", "src_port > 3"),
    ("vsock.payload[0:4] == 50:52:49:20", 'data[0:4] == "PRI "'),
    ("vsock.payload[0:2] != 50:5a", 'data[0:2] != "PZ"'),
    ('vsock.payload contains "GET"', 'payload contains "GET"'),
    ('vsock.payload matches "^GET"', "payload matches /^GET/"),
    ('vsock.payload ~ "a/b"', r"payload matches /a\/b/"),
    ("frame.len > 100", "wire_len > 100"),
    ("frame.cap_len == 76", "cap_len 76"),
    ("frame.number == 5", "number 5"),
    ("vsock.src_port == vsock.virtio.src_prot", "src_port == virtio_src_port"),
]

AFTERWARDS = [
    ("flow 12", SAME),
    ("verdict stalled", SAME),
    ("verdict == sf", "verdict sf"),
    ("problem", SAME),
    ("stalled", SAME),
    ("free < 4096", SAME),
    ("process python3", 'process == "python3"'),
    ("process 7z", None),
    ('process == "a b"', SAME),
    ('process "a b"', 'process == "a b"'),
    ("pid 812", SAME),
    ('payload contains "\\"\\\\\\xff"', SAME),
    ("payload matches /re/", SAME),
    (r"payload matches /a\/b[\/]/", SAME),
    (r"payload matches /\\\//", SAME),
    (r'payload matches "\\/"', r"payload matches /\\\//"),
    (r'payload matches "\/"', r"payload matches /\//"),
    ("payload matches /é/", r"payload matches /\xc3\xa9/"),
    ('notes contains "truncated"', SAME),
    ('data == "x"', 'payload == "x"'),
    ("has flow", SAME),
    ("payload_len 5-9", SAME),
]

ELIDED = [
    ("port 22 or 23", "port 22 or port 23"),
    ("not port 22 and 23", "not port 22 and port 23"),
    ("port 22 or not 23", "port 22 or not port 23"),
    ("port 22 or (23 and 24)", "port 22 or (port 23 and port 24)"),
    ("src port 22 or 23", "src_port 22 or src_port 23"),
    ("cid host or local", "cid host or cid local"),
    ("op rst or shutdown", "op rst or op shutdown"),
    ("op rst or shutdown send", "op rst or shutdown send"),
    ("port 22 or 1-3", "port 22 or port 1-3"),
    ("port 22 or 1|3", "port 22 or port in {1, 3}"),
    ("src 3:1 or 2:2", SAME),
    ("src or dst port 22", "src_port 22 or dst_port 22"),
    ("src and dst port 22", "src_port 22 and dst_port 22"),
    ("src or dst port 22 or 23", "src_port 22 or dst_port 22 or src_port 23 or dst_port 23"),
    ("src and dst cid 1 or 3", "(src_cid local and dst_cid local) or (src_cid 3 and dst_cid 3)"),
    ("src or dst host", "src_cid host or dst_cid host"),
    ("port in {1, 2} or 3", "port 1-2 or port 3"),
    ("cid 5 and stream or 6", "(cid 5 and stream) or cid 6"),
    ('process sh or "bash"', 'process == "sh" or process == "bash"'),
    ('payload contains "a" or "b"', 'payload contains "a" or payload contains "b"'),
    # A word that is also a value's is the word: it can be printed back.
    ("type stream or seqpacket", SAME),
    ("verdict == sf && stalled", "verdict sf and stalled"),
    ("transport no_info or virtio", SAME),
    ('monitor_op connect and payload contains "x"', SAME),
    ("monitor_op connect or payload", "monitor_op connect or monitor_op payload"),
    ("monitor_op connect or payload[0] = 1", "monitor_op connect or data[0:1] == 1"),
]

PRECEDENCE = [
    ("cid 1 and cid 2 or cid 3", "(cid local and cid host) or cid 3"),
    ("cid 3 or cid 1 and port 2", "(cid 3 or cid local) and port 2"),
    ("cid 3 or (cid 1 and port 2)", "cid 3 or (cid local and port 2)"),
    ("cid 3 || cid 4 && port 2", "(cid 3 or cid 4) and port 2"),
    ("not cid 3 and port 4", SAME),
    ("not (cid 3 and port 4)", SAME),
    ("!cid 3", "not cid 3"),
    ("not not cid 3", SAME),
    ("! ! cid 3", "not not cid 3"),
    ("((cid 3))", "cid 3"),
    ("(cid 3 and port 4) and stream", "cid 3 and port 4 and stream"),
    ("cid 3 and (port 4 and stream)", "cid 3 and port 4 and stream"),
]

RECKONED = [
    ("len + 1 * 2 == 5", "(len + 2) == 5"),
    ("len + flags * 2 == 5", "(len + (flags * 2)) == 5"),
    ("(len + flags) * 2 == 5", "((len + flags) * 2) == 5"),
    ("len - 1 - 2 == 5", "((len - 1) - 2) == 5"),
    ("len & 3 | 4 == 5", "((len & 3) | 4) == 5"),
    ("len << 1 + 1 > 5", "(len << 2) > 5"),
    ("len % 7 / 2 ^ 1 != fwd_cnt >> 3", "(((len % 7) / 2) ^ 1) != (fwd_cnt >> 3)"),
    ("len == 2 * 8 - 1", "len 15"),
    ("len == 0 - 1", "len 4294967295"),
    ("len & op == rw", None),
    ("1 + len == flags", "(1 + len) == flags"),
    ("link[0:2] == data[0:2]", SAME),
    ("len == link[3]", "len == link[3:1]"),
    ("port == 1 + 1", "port 2"),
    ("port != dst_port", SAME),
]

NAMED = [
    ("cid backup", "cid 9"),
    ("cid 3 or backup", "cid 3 or cid 9"),
    ('cid 3 or "db-1"', "cid 3 or cid 10"),
    ("src backup", "src_cid 9"),
    ("backup:ssh", "9:22"),
    ("port ssh or http", "port 22 or port 80"),
    ("port in {ssh, http}", "port in {22, 80}"),
    ("cid stream", "cid 11"),
    ("cid 3 or stream", "cid 3 or stream"),
    ('cid == "db-1"', "cid 10"),
]

TABLE = [
    *TCPDUMP, *WIRESHARK, *AFTERWARDS, *ELIDED, *PRECEDENCE, *RECKONED, *NAMED,
]  # fmt: skip


@pytest.mark.parametrize(("text", "printed"), [row for row in TABLE if row[1] is not None])
def test_a_tree_prints_itself(text: str, printed: str) -> None:
    tree = parse(text, CIDS, PORTS)
    assert str(tree) == (printed or text)
    assert repr(parse(str(tree))) == repr(tree)


@pytest.mark.parametrize("text", [row[0] for row in TABLE if row[1] is None])
def test_what_only_looks_like_one(text: str) -> None:
    with pytest.raises(FilterError):
        parse(text)


def test_trees_themselves() -> None:
    """What equals its neighbour as a tuple has to be of the right kind."""
    assert repr(parse("")) == repr(EVERYTHING)
    assert repr(parse(" \n\t ")) == repr(EVERYTHING)
    assert isinstance(parse("not port 1"), Not)
    assert isinstance(parse("port 1 and cid 2"), And)
    assert isinstance(parse("port 1 or cid 2"), Or)
    assert repr(parse("cid in {3, 4}")) == repr(Member("cid", ((3, 3), (4, 4))))
    assert isinstance(parse("port != 2"), Relation)


def test_every_field_and_word_is_understood() -> None:
    for field in FIELDS:
        assert str(parse(f"{field.name} > 1")) == f"{field.name} > 1"
        assert str(parse(f"has {field.name}")) == f"has {field.name}"
        for name, value in field.names.items():
            for text in (f"{field.name} {name}", f"{field.name} == {value}"):
                assert repr(parse(text)) == repr(Member(field.name, ((value, value),)))
    for name, field in BY_WIRESHARK.items():
        assert repr(parse(f"{name} == 7")) == repr(Member(field.name, ((7, 7),)))
        assert str(parse(name)) == f"has {field.name}"
    for name in WORDS:
        assert str(parse(name)) == name
        assert str(parse(f"cid 3 and ({name})")) == f"cid 3 and {name}"
    for name, other in SYNONYMS.items():
        assert str(parse(f"{name} 3" if other == "port" else name)).startswith(other)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("cid 3 or cid 4 and port 2", 15),
        ("cid 3 || cid 4 && port 2", 15),
        ("(cid 3 or cid 4) and port 2", 17),
        ("cid 3 and cid 4 or port 2", None),
        ("cid 3 or (cid 4 and port 2)", None),
    ],
)
def test_where_wireshark_would_join_otherwise(text: str, at: int | None) -> None:
    parser = Parser(text, {}, {})
    parser.parse()
    assert parser.mixed == at


# --- trees as text ----------------------------------------------------------------------------


@settings(max_examples=500)
@given(ALL_TREES)
def test_text_and_tree_are_the_same(tree: Tree) -> None:
    """A tree as the parser makes it, that is: in no other are an `and` right below another."""
    tree = parse(str(tree))
    assert repr(parse(str(tree))) == repr(tree)


@given(TREES, st.lists(FRAMES, min_size=3, max_size=6))
def test_text_means_what_the_tree_does(tree: Tree, frames: list[bytes]) -> None:
    """Also of trees that no parser made."""
    found = parse(str(tree))
    for one in frames:
        assert matches(found, seen(one)) == matches(tree, seen(one))
