"""Trees and frames at random, of numbers few enough that they often meet."""

from hypothesis import strategies as st

from vsockdump.dissectors.cooked import Sll2Header, SllHeader
from vsockdump.dissectors.virtio import VirtioHeader
from vsockdump.dissectors.vsockmon import VsockmonHeader
from vsockdump.filters.fields import BY_NAME, FIELDS, Field
from vsockdump.filters.tree import (
    And,
    Endpoint,
    Load,
    Member,
    Name,
    Not,
    Number,
    Or,
    Pair,
    Present,
    Relation,
    Search,
    Sum,
    Term,
    Text,
    Tree,
    Value,
    Word,
    member,
)
from vsockdump.filters.words import SUBJECTS, WORDS

from .frames import SLL, SLL2, VSOCK

# --- numbers ----------------------------------------------------------------------------------

CIDS = [0, 1, 2, 3, 123, 2**32 - 1, 2**32, 2**32 + 3, (3 << 32) + 2, 2**64 - 1]
PORTS = [0, 1, 22, 255, 256, 1024, 1025, 2**31, 2**32 - 1]
OTHERS = [0, 1, 2, 3, 4, 43, 44, 45, 76, 255, 256, 0xFFFF]
POOLS = {
    "type": [0, 1, 2, 3, 4, 0xFFFF],
    "transport": [0, 1, 2, 3, 4, 0xFFFF],
    "monitor_op": [0, 1, 2, 3, 4, 0xFFFF],
    "op": [*range(9), 0xFF00, 0xFFFF],
    "trans_len": [0, 43, 44, 45, 52, 100, 0xFFFF],
    "reserved": [0, 1, 0xFF00],
    "len": [0, 1, 3, 4, 5, 13, 14, 100, 65536, 2**32 - 1],
    "flags": [0, 1, 2, 3, 4, 2**32 - 1],
    "buf_alloc": [0, 1, 128, 4096, 262144, 2**32 - 1],
    "fwd_cnt": [0, 1, 128, 4096, 2**31, 2**32 - 1],
}


def pool(field: Field) -> list[int]:
    if field.name in POOLS:
        return POOLS[field.name]
    return CIDS if field.is_cid else PORTS if field.is_port else OTHERS


def numbers(field: Field) -> st.SearchStrategy[int]:
    common = st.sampled_from(pool(field))
    return common | common | common | st.integers(0, (1 << 8 * field.size) - 1)


# --- frames -----------------------------------------------------------------------------------

TEXTS = [b"", b"PRI * HTTP/2.0", b"PRI ", b"\x00\x01\x02\x03\x04", b'"\\\xff\x00', bytes(range(40))]


def field(name: str) -> st.SearchStrategy[int]:
    return numbers(BY_NAME[name])


MONITORS = st.builds(
    VsockmonHeader,
    *(st.sampled_from(CIDS), st.sampled_from(CIDS), st.sampled_from(PORTS), st.sampled_from(PORTS)),
    field("monitor_op"),
    st.sampled_from([2, 2, 2, 2, 2, 0, 1, 3, 0x200]),
    st.sampled_from([44, 44, 44, 44, 0, 43, 45, 52, 60, 256, 0xFFFF]),
    st.sampled_from([0, 0, 0, 1, 0xFF00]),
)


@st.composite
def frames(draw: st.DrawFn) -> bytes:
    """Give a frame whose headers mostly agree; it may be cut, or hold more or less than it says."""
    monitor = draw(MONITORS)
    payload = draw(st.sampled_from(TEXTS))
    length = draw(st.sampled_from([len(payload)] * 4 + POOLS["len"]))
    kind = draw(st.sampled_from([1, 1, 2, 2, 0, 3]))
    op = draw(st.sampled_from([5, 5, 5, *range(9)]))
    rest = (draw(field(name)) for name in ("flags", "buf_alloc", "fwd_cnt"))
    ends = monitor if draw(st.booleans()) else draw(MONITORS)
    inner = VirtioHeader(*ends[:4], length, kind, op, *rest).pack()
    size = monitor.len if monitor.len < 100 else 44
    frame = monitor.pack() + inner[:size].ljust(size, b"\x05") + payload
    cut = draw(st.sampled_from([None] * 4 + [32, 75, 76]) | st.integers(0, len(frame)))
    return frame[:cut]


FRAMES = frames() | frames() | frames() | st.binary(max_size=90)
HATYPES = st.sampled_from([826, 826, 826, 827, 1])
COOKED = {
    SLL: HATYPES.map(lambda hatype: SllHeader(4, hatype).pack()),
    SLL2: HATYPES.map(lambda hatype: Sll2Header(0, 0, 7, hatype, 4).pack()),
}


@st.composite
def linked(draw: st.DrawFn) -> tuple[int, bytes]:
    """Give a frame with its link type, one of which nothing is known."""
    linktype = draw(st.sampled_from([VSOCK, SLL, SLL2, 1]))
    if linktype not in COOKED:
        return linktype, draw(FRAMES)
    whole = draw(COOKED[linktype]) + draw(FRAMES)
    return linktype, whole[: draw(st.none() | st.integers(0, len(whole)))]


# --- values -----------------------------------------------------------------------------------

NAMES = [field.name for field in FIELDS]
IN_FRAME = [field for field in FIELDS if field.in_frame]
NARROW = [field for field in IN_FRAME if field.size <= 4]

OFFSETS = st.integers(0, 40) | st.integers(0, 90) | st.sampled_from([255, 0xFFFF])
WORDS_OF_32 = st.sampled_from([0, 1, 2, 3, 5, 44, 255, 0xD2040000, 2**32 - 1]) | st.integers(
    0, 2**32 - 1
)
SMALL = st.integers(1, 31)


def loads(sizes: st.SearchStrategy[int]) -> st.SearchStrategy[Load]:
    return st.builds(Load, st.sampled_from(["link", "data"]), OFFSETS, sizes)


ATOMS: st.SearchStrategy[Value] = loads(st.sampled_from([1, 2, 4])) | st.builds(
    lambda field: Name(field.name), st.sampled_from(NARROW)
)


def sums(inner: st.SearchStrategy[Value]) -> st.SearchStrategy[Value]:
    """Make sums of what a program can reckon: not of two constants, and no field of both sides
    beside the same of one, which no program tells apart."""
    constants = st.builds(Number, WORDS_OF_32)
    shifted = st.builds(Sum, st.sampled_from(["<<", ">>"]), inner, st.builds(Number, SMALL))
    divided = st.builds(Sum, st.sampled_from(["/", "%"]), inner, st.builds(Number, SMALL))
    plain = st.sampled_from(["+", "-", "*", "&", "|", "^"])
    left = st.builds(Sum, plain, constants, inner)
    return shifted | divided | left | st.builds(Sum, plain, inner, inner | constants)


VALUES = st.recursive(ATOMS, sums, max_leaves=5)

# --- terms ------------------------------------------------------------------------------------

SIGNS = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])


def members(fields: list[Field]) -> st.SearchStrategy[Member]:
    @st.composite
    def build(draw: st.DrawFn) -> Member:
        field = draw(st.sampled_from(fields))
        ends = draw(st.lists(st.tuples(numbers(field), numbers(field)), min_size=1, max_size=6))
        ranges = [(a, a) if draw(st.booleans()) else (min(a, b), max(a, b)) for a, b in ends]
        return member(field.name, ranges)

    return build()


def bounds(fields: list[Field]) -> st.SearchStrategy[Term]:
    @st.composite
    def build(draw: st.DrawFn) -> Relation | Member:
        field, sign = draw(st.sampled_from(fields)), draw(SIGNS)
        number = draw(numbers(field))
        if sign == "==":
            return member(field.name, [(number, number)])
        return Relation(sign, Name(field.name), Number(number))

    return build()


@st.composite
def texts(draw: st.DrawFn) -> Relation:
    whole = draw(st.sampled_from(TEXTS[1:]) | st.binary(min_size=1, max_size=20))
    at = draw(st.integers(0, len(whole) - 1))
    text = whole[at : at + draw(st.integers(1, 9))]
    load = draw(loads(st.just(len(text))) | st.just(Load("data", at, len(text))))
    return Relation(draw(st.sampled_from(["==", "!="])), load, Text(text))


def ends(sides: list[str]) -> st.SearchStrategy[Endpoint]:
    cids, ports = (st.none() | st.sampled_from(values) for values in (CIDS, PORTS))
    return st.builds(Endpoint, st.sampled_from(sides), cids, ports)


RECKONED = st.recursive(ATOMS, sums, max_leaves=3).filter(lambda v: not isinstance(v, Name))
RELATIONS = st.builds(Relation, SIGNS, VALUES, VALUES) | st.builds(
    Relation, SIGNS, RECKONED, st.builds(Number, WORDS_OF_32)
)
FRAME_WORDS = st.sampled_from([Word(name) for name, word in WORDS.items() if word.expression])

IN_FRAME_TERMS: st.SearchStrategy[Term] = st.one_of(
    members(IN_FRAME),
    bounds(IN_FRAME),
    RELATIONS,
    texts(),
    ends(["", "src", "dst"]),
    st.builds(Pair, ends([""]), ends([""])),
    FRAME_WORDS,
    st.builds(Present, st.sampled_from([field.name for field in IN_FRAME])),
)

PATTERNS = [b"GET", b"a/b", rb"\x00", rb"[/\\]", rb"\\/", b'"', b"^.$", b"(a|b)*", b""]
SEARCHES = st.builds(
    Search,
    st.sampled_from(list(SUBJECTS)),
    st.sampled_from(["contains", "is"]),
    st.sampled_from(TEXTS) | st.binary(max_size=9),
) | st.builds(
    Search, st.sampled_from(list(SUBJECTS)), st.just("matches"), st.sampled_from(PATTERNS)
)

ALL_TERMS: st.SearchStrategy[Term] = st.one_of(
    IN_FRAME_TERMS,
    members(list(FIELDS)),
    bounds(list(FIELDS)),
    SEARCHES,
    st.sampled_from([Word(name) for name in WORDS]),
    st.builds(Present, st.sampled_from(NAMES)),
)


def joined(inner: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    parts = st.lists(inner, min_size=2, max_size=4).map(tuple)
    return st.builds(Not, inner) | st.builds(And, parts) | st.builds(Or, parts)


def trees(terms: st.SearchStrategy[Term], most: int = 8) -> st.SearchStrategy[Tree]:
    return st.recursive(terms, joined, max_leaves=most)


TREES = trees(IN_FRAME_TERMS)
"""Of terms that a program decides."""

ALL_TREES = trees(ALL_TERMS)
