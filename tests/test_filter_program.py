"""Programs made of expressions: the kernel, the engine and plain Python find the same frames."""

from bisect import bisect
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vsockdump.engine.bpf import Program
from vsockdump.filters.assembly import MOST_INSTRUCTIONS, Assembly
from vsockdump.filters.graph import ACCEPT, REJECT, threaded
from vsockdump.filters.language import parse
from vsockdump.filters.lower import Lowering
from vsockdump.filters.program import compiled, packed, unpacked
from vsockdump.filters.tokens import FilterError
from vsockdump.filters.tree import Tree
from vsockdump.interface import SNAPLEN

from .datagrams import Kernel
from .frames import RW, SLL, SLL2, VSOCK, Ends, frame, monitor, sll, sll2, virtio
from .reference import BEFORE, matches, seen
from .trees import FRAMES, TREES, linked


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    with closing(Kernel()) as made:
        yield made


def canonical(tree: Tree) -> Tree:
    """Return a tree as the parser makes it."""
    return parse(str(tree))


def program(tree: Tree, linktype: int = VSOCK) -> Program:
    return Program(packed(compiled(tree, linktype)))


# --- any tree, any frame ----------------------------------------------------------------------


@settings(max_examples=400)
@given(TREES, st.lists(FRAMES, min_size=4, max_size=12))
def test_kernel_engine_and_python_agree(kernel: Kernel, tree: Tree, frames: list[bytes]) -> None:
    tree = canonical(tree)
    code = packed(compiled(tree))
    ours = Program(code)
    assert kernel.takes(code)
    for one in frames:
        wanted = matches(tree, seen(one))
        assert (kernel.kept(one), ours.run(one, len(one))) == (
            (one, SNAPLEN) if wanted else (None, 0)
        )


@settings(max_examples=400)
@given(TREES, st.lists(st.tuples(linked(), st.integers(0, 60)), min_size=4, max_size=12))
def test_any_link_type_and_cut_frames(
    tree: Tree, frames: list[tuple[tuple[int, bytes], int]]
) -> None:
    tree = canonical(tree)
    for (linktype, one), cut in frames:
        wire = len(one) + cut
        found = bool(program(tree, linktype).run(one, wire))
        assert found == matches(tree, seen(one, wire, linktype))


@settings(max_examples=200)
@given(TREES, st.lists(FRAMES, min_size=4, max_size=12), st.sampled_from([VSOCK, SLL]))
def test_threading_changes_nothing(tree: Tree, frames: list[bytes], linktype: int) -> None:
    lowering = Lowering(linktype)
    start = lowering.tree(canonical(tree), ACCEPT, REJECT)
    ways = [(lowering.graph, start), threaded(lowering.graph, start)]
    one, other = (Assembly(lowering.base, SNAPLEN, None).program(*way) for way in ways)
    assert len(other) <= len(one)
    plain, short = Program(packed(one)), Program(packed(other))
    before = sll() if linktype == SLL else b""
    for each in frames:
        assert plain.run(before + each, 200) == short.run(before + each, 200)


@given(TREES)
def test_a_program_is_taken_apart_again(tree: Tree) -> None:
    code = compiled(canonical(tree))
    assert unpacked(packed(code)) == code


# --- bytes at any place -----------------------------------------------------------------------

PLAIN = frame(RW, bytes(range(0x80, 0x80 + 21)))
LONG_HEADER = monitor(length=50) + virtio(length=9) + b"\1\2\3\4\5\6" + b"ABCDEFGHI"
LONGER_HEADER = monitor(length=256) + virtio(length=9) + bytes(212) + b"ABCDEFGHI"
NO_VIRTIO = monitor(transport=1, length=5) + b"abcde" + b"0123456789"
MORE_THAN_SAID = frame(RW, b"123456789", length=5)
LOADED = {
    PLAIN: PLAIN[76:],
    LONG_HEADER: b"ABCDEFGHI",
    LONGER_HEADER: b"ABCDEFGHI",
    NO_VIRTIO: b"0123456789",
    MORE_THAN_SAID: b"12345",
    MORE_THAN_SAID[:79]: b"123",
    frame(RW, b"123", length=9): b"123",
    monitor(length=43) + virtio(length=9) + b"abcdefghi": b"",
    monitor(length=0xFFFF) + virtio(length=9) + b"abcdefghi": b"",
    PLAIN[:75]: b"",
    PLAIN[:3]: b"",
    b"": b"",
}


@pytest.mark.parametrize("linktype", [VSOCK, SLL, SLL2])
@pytest.mark.parametrize("given_frame", LOADED, ids=range(len(LOADED)))
def test_every_offset(given_frame: bytes, linktype: int, kernel: Kernel) -> None:
    """The values are cut out by hand: no dissector is asked."""
    whole = {VSOCK: b"", SLL: sll(), SLL2: sll2()}[linktype] + given_frame
    for base, held in (("link", given_frame), ("data", LOADED[given_frame])):
        for at in range(len(held) + 2):
            for size in (1, 2, 3, 4, 7):
                value = held[at : at + size]
                bits = f"0x{value.hex()}" if size in (1, 2, 4) and value else '"' + "x" * size + '"'
                for text, equal in ((bits, bits[0] != '"'), (as_text(value, size), True)):
                    tree = parse(f"{base}[{at}:{size}] == {text}")
                    other = parse(f"{base}[{at}:{size}] != {text}")
                    there = len(value) == size
                    found = [bool(program(t, linktype).run(whole, 999)) for t in (tree, other)]
                    assert found == [there and equal, there and not equal]
    if linktype == VSOCK:
        assert kernel.takes(packed(compiled(parse("data[0] >= 0"))))
        assert (kernel.kept(whole) is not None) == bool(LOADED[given_frame])


def as_text(value: bytes, size: int) -> str:
    return '"' + "".join(f"\\x{byte:02x}" for byte in value.ljust(size, b"?")) + '"'


DATA = [
    "data[0] = 1",
    "data[2] = 2",
    'data[3:5] = "abcde"',
    "data[1:4] < data[0:4]",
    "data[9] = 0x67",
]
JOINED = [f"{one} {joint} {other}" for one in DATA for other in DATA for joint in ("and", "or")]


@pytest.mark.parametrize("expression", [*DATA, *JOINED])
def test_payload_again_and_again(expression: str) -> None:
    """Where it begins is reckoned once, and again where it was lost on one of the ways."""
    payloads = [bytes([a, 0, b]) + b"abcdefgh" for a in (1, 9) for b in (2, 9)]
    for third in ("data[2] = 2", "not data[0] = 1", "data[6] = 0x64", "port 1024"):
        for whole in (f"{expression} or {third}", f"({expression}) and {third}"):
            tree = parse(whole)
            ours = program(tree)
            for payload in payloads:
                for size in range(len(payload) + 1):
                    for one in (
                        frame(RW, payload[:size]),
                        frame(RW, payload, length=size),
                        monitor(transport=1, length=3) + b"abc" + payload[:size],
                    ):
                        assert bool(ours.run(one, len(one))) == matches(tree, seen(one))


# --- large programs ---------------------------------------------------------------------------


@settings(max_examples=10)
@given(
    st.lists(st.integers(0, 2**32 - 1), min_size=1000, max_size=1000),
    st.sampled_from(["port", "src_port", "buf_alloc"]),
)
def test_a_thousand_values(kernel: Kernel, values: list[int], name: str) -> None:
    tree = parse(f"{name} in {{{', '.join(map(str, values))}}}")
    code = packed(compiled(tree))
    ours = Program(code)
    assert kernel.takes(code)
    for value in values[::9]:
        for one in (value, value ^ 1, (value + 1) % 2**32):
            made = frame(ends=Ends(3, 2, one, 77), buf_alloc=one)
            wanted = matches(tree, seen(made))
            assert wanted == bool(ours.run(made, 76)) == (kernel.kept(made) is not None)


@pytest.mark.parametrize("negated", ["", "not "])
def test_jumps_just_too_far(kernel: Kernel, negated: str) -> None:
    """A jump reaches 255 instructions; whatever is further takes a jump more."""
    for count in range(240, 275):
        values = [3 * n % 256 for n in range(count)]
        terms = [f"link[{n % 7}] = {value}" for n, value in enumerate(values)]
        tree = parse(f"{negated}({' or '.join(terms)}) and port 1024")
        code = packed(compiled(tree))
        assert kernel.takes(code)
        for ends in (Ends(), Ends(src_cid=1, src_port=9), Ends(src_cid=2**32 - 1)):
            made = frame(ends=ends)
            wanted = matches(tree, seen(made))
            assert wanted == (kernel.kept(made) is not None) == bool(Program(code).run(made, 76))


CID_SETS = [
    "cid in {0-0xffffffff}",
    "cid in {0x100000000-0x1ffffffff}",
    "cid in {0xffffffff-0x100000000}",
    "cid in {0xfffffffe-0x300000002}",
    "cid in {3, 0x100000003, 0x200000000-0xffffffffffffffff}",
    "cid in {0-0xfffffffffffffffe}",
    "cid in {0-0xffffffffffffffff}",
    "cid in {1-0x500000005, 0x500000007-0x700000000}",
    "src_cid != 0x100000003",
    "cid != 3",
    "not cid 3",
    "dst_cid > 0xffffffff",
    "dst_cid >= 0x100000000",
    "src_cid < 0x100000003",
    "src_cid <= 0x100000003",
]
CIDS = [
    (high << 32) + low
    for high in (0, 1, 2, 3, 4, 5, 6, 7, 8, 2**32 - 1)
    for low in (0, 1, 2, 3, 5, 6, 2**31, 2**32 - 2, 2**32 - 1)
]


@pytest.mark.parametrize("expression", CID_SETS)
def test_cids_of_64_bits(kernel: Kernel, expression: str) -> None:
    tree = parse(expression)
    code = packed(compiled(tree))
    assert kernel.takes(code)
    for cid in CIDS:
        made = frame(ends=Ends(cid, 3))
        wanted = matches(tree, seen(made))
        assert wanted == (kernel.kept(made) is not None) == bool(Program(code).run(made, 76))


def loads(count: int) -> Tree:
    return parse(" or ".join(f"link[0:4] = {n}" for n in range(count)))


def test_the_longest_program_there_is(kernel: Kernel) -> None:
    """One value more each is one instruction more, and now and then a jump."""
    most = 3800 + bisect(range(3800, 4200), False, key=lambda n: not fits(n)) - 1
    code = compiled(loads(most))
    assert MOST_INSTRUCTIONS - 1 <= len(code) <= MOST_INSTRUCTIONS
    assert kernel.takes(packed(code))
    for n in (0, 1, most // 2, most - 1, most):
        kept = kernel.kept(n.to_bytes(4))
        assert (kept is not None) == (n < most) == bool(Program(packed(code)).run(n.to_bytes(4), 4))


def fits(count: int) -> bool:
    try:
        return bool(compiled(loads(count)))
    except FilterError:
        return False


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        (str(loads(4200)), r"4\d{3} instructions; the kernel takes 4096"),
        (str(loads(8500)), r"17\d{3} tests; the kernel takes 4096 instructions"),
        (
            "len == " + "len + (1 & " * 16 + "len" + ")" * 16,
            "more than 16 values to be remembered",
        ),
    ],
    ids=["long", "very long", "deep"],
)
def test_too_much_for_a_program(expression: str, reason: str) -> None:
    with pytest.raises(FilterError, match=f"^filter: too much for a program: {reason}$") as caught:
        compiled(parse(expression))
    assert caught.value.at == len(str(parse(expression)))


# --- how much is kept -------------------------------------------------------------------------


@given(
    TREES,
    st.lists(linked(), min_size=2, max_size=8),
    st.sampled_from([0, 1, 64, 2**31]),
)
def test_headers_and_some_payload(
    tree: Tree, frames: list[tuple[int, bytes]], payload: int
) -> None:
    """Of what has no header all is kept."""
    tree = canonical(tree)
    for linktype, one in frames:
        kept = Program(packed(compiled(tree, linktype, payload=payload))).run(one, 300)
        if not matches(tree, seen(one, 300, linktype)):
            assert kept == 0
            continue
        at = BEFORE.get(linktype, 0)
        if len(one) < at + 32:
            assert kept == SNAPLEN
        else:
            length = int.from_bytes(one[at + 28 : at + 30], "little")
            assert kept == at + 32 + length + payload


def test_the_kernel_keeps_headers_and_some_payload(kernel: Kernel) -> None:
    assert kernel.takes(packed(compiled(parse("port 1024"), payload=3)))
    for one, kept in (
        (PLAIN, PLAIN[:79]),
        (LONG_HEADER, LONG_HEADER[:85]),
        (NO_VIRTIO, NO_VIRTIO[:40]),
        (PLAIN[:78], PLAIN[:78]),
        (PLAIN[:40], PLAIN[:40]),
        (PLAIN[:31], None),
    ):
        assert kernel.kept(one) == kept
    assert kernel.takes(packed(compiled(parse(""), payload=0)))
    assert [kernel.kept(one) for one in (PLAIN, PLAIN[:31])] == [PLAIN[:76], PLAIN[:31]]


@given(TREES, st.lists(FRAMES, max_size=6), st.integers(1, 100))
def test_a_snaplen(kernel: Kernel, tree: Tree, frames: list[bytes], snaplen: int) -> None:
    tree = canonical(tree)
    assert kernel.takes(packed(compiled(tree, snaplen=snaplen)))
    for one in frames:
        wanted = matches(tree, seen(one))
        assert kernel.kept(one) == (one[:snaplen] if wanted else None)


# --- how long programs are --------------------------------------------------------------------

# A change here is to be looked at: more is slower.
LENGTHS = {
    "": 1,
    "port 1024": 8,
    "cid 3": 12,
    "src cid 3": 8,
    "cid 3 and port 1024": 16,
    "cid 3 and port 1024 and op rw": 25,
    "op rst|shutdown": 12,
    "stream and len > 100": 25,
    "pair 3:1024 2:1234": 25,
    "flags eom": 15,
    "port 1024-1030": 22,
    "link[20:4] = 0xd2040000": 6,
    'data[0:4] = "PRI "': 29,
    "g2h": 16,
    "greater 100": 5,
}


@pytest.mark.parametrize(("expression", "count"), LENGTHS.items())
def test_no_instruction_is_wasted(expression: str, count: int) -> None:
    assert len(compiled(parse(expression))) == count
