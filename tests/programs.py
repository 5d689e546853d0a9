"""Programs of classic BPF: spelt out, made at random, and damaged."""

import struct
from collections.abc import Sequence

from hypothesis import strategies as st

# include/uapi/linux/bpf_common.h
OPS = {
    "ld": 0x00, "ldw": 0x20, "ldh": 0x28, "ldb": 0x30, "ldwx": 0x40, "ldhx": 0x48, "ldbx": 0x50,
    "ldm": 0x60, "ldlen": 0x80, "ldx": 0x01, "ldxm": 0x61, "ldxlen": 0x81, "msh": 0xB1,
    "st": 0x02, "stx": 0x03, "tax": 0x07, "txa": 0x87, "ret": 0x06, "reta": 0x16,
    "add": 0x04, "addx": 0x0C, "sub": 0x14, "subx": 0x1C, "mul": 0x24, "mulx": 0x2C,
    "div": 0x34, "divx": 0x3C, "or": 0x44, "orx": 0x4C, "and": 0x54, "andx": 0x5C,
    "lsh": 0x64, "lshx": 0x6C, "rsh": 0x74, "rshx": 0x7C, "neg": 0x84,
    "mod": 0x94, "modx": 0x9C, "xor": 0xA4, "xorx": 0xAC,
    "ja": 0x05, "jeq": 0x15, "jeqx": 0x1D, "jgt": 0x25, "jgtx": 0x2D,
    "jge": 0x35, "jgex": 0x3D, "jset": 0x45, "jsetx": 0x4D,
}  # fmt: skip

BIG = 0xFFFF_FFFF

Line = tuple[str] | tuple[str, int] | tuple[str, int, int, int]
"""What an instruction does, k, and where it jumps: jt, jf."""


def code(*lines: Line) -> bytes:
    return b"".join(instruction(OPS[line[0]], *line[1:]) for line in lines)


def instruction(op: int, k: int = 0, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("=HBBI", op, yes, no, k)


# --- at random --------------------------------------------------------------------------------

FRAMES = st.binary(min_size=70, max_size=100) | st.binary(max_size=100)
NUMBERS = st.integers(0, 40) | st.sampled_from([255, 1 << 31, BIG]) | st.integers(0, BIG)
PLACES = st.integers(0, 60) | st.integers(0, 66) | st.sampled_from([67, 99, 1 << 16, BIG >> 1])
STORED = st.sampled_from([0, 7, 15])
NOTHING = st.just(0)
SKIPPED = st.integers(0, 3)
COMPARE = st.sampled_from([op + x for op in ("jeq", "jgt", "jge", "jset") for x in ("", "x")])


def some(names: str, ks: st.SearchStrategy[int]) -> st.SearchStrategy[Line]:
    """Make one instruction of those named."""
    return st.tuples(st.sampled_from(names.split()), ks)


# Small numbers in X: a sum of 2^31 and more is negative to the kernel, which has facts there.
INDIRECT = st.tuples(some("ldx msh", st.integers(0, 66)), some("ldwx ldhx ldbx", PLACES))
ALONE = st.one_of(
    some("ld ldx add sub mul and or xor", NUMBERS),
    some("ldw ldh ldb msh", PLACES),
    some("ldlen ldxlen tax txa neg", NOTHING),
    some("addx subx mulx divx modx andx orx xorx lshx rshx", NOTHING),
    some("st stx ldm ldxm", STORED),
    some("div mod", st.integers(1, BIG)),
    some("lsh rsh", st.integers(0, 31)),
    st.tuples(COMPARE, NUMBERS, SKIPPED, SKIPPED),
    some("ja ret reta", SKIPPED),
)
STATEMENTS: st.SearchStrategy[tuple[Line, ...]] = st.tuples(ALONE) | INDIRECT


def program_of(statements: Sequence[tuple[Line, ...]]) -> bytes:
    """Turn jumps over statements into jumps over instructions, as far as the last statement."""
    starts = [sum(map(len, statements[:at])) for at in range(len(statements))]

    def over(at: int, skipped: int) -> int:
        return starts[min(at + 1 + skipped, len(starts) - 1)] - starts[at] - 1

    lines: list[Line] = []
    for at, statement in enumerate(statements):
        match statement:
            case [("ja", int(k))]:
                lines.append(("ja", over(at, k)))
            case [(op, int(k), int(yes), int(no))]:
                lines.append((op, k, over(at, yes), over(at, no)))
            case _:
                lines += statement
    return code(*lines)


FIRST: tuple[Line, ...] = (("ld", 1), ("st", 0), ("st", 7), ("stx", 15))
LAST = st.tuples(some("ret reta", st.integers(30, 110)))
PROGRAMS = st.builds(
    lambda body, last: program_of([FIRST, *body, last]), st.lists(STATEMENTS, max_size=40), LAST
)


# --- damaged ----------------------------------------------------------------------------------

OPCODES = st.sampled_from(sorted(OPS.values())) | st.integers(0, 0xFFFF)
EDGES = st.sampled_from([0, 1, 15, 16, 31, 32, 1 << 31, 0xFFFF_F000, BIG]) | st.integers(0, 40)
INSTRUCTIONS = st.builds(instruction, OPCODES, EDGES, st.integers(0, 40), st.integers(0, 40))
