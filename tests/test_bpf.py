"""Classic BPF over frames: each instruction, what is refused, and the kernel beside it."""

import struct
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vsockdump.engine.bpf import Program

from .datagrams import Kernel
from .programs import BIG, FRAMES, INSTRUCTIONS, OPS, PROGRAMS, Line, code, instruction

PCAPS = Path(__file__).parents[1] / "pcaps"

# --- each instruction -------------------------------------------------------------------------

FRAME = bytes(range(0x81, 0x81 + 40))
WIRE = 77

# Instructions, and what is in A behind them; None: the program has ended, with 0.
VALUES: list[tuple[tuple[Line, ...], int | None]] = [
    ((), 0),
    ((("txa",),), 0),
    ((("ld", BIG),), BIG),
    ((("ldw", 0),), 0x81828384),
    ((("ldw", 36),), 0xA5A6A7A8),
    ((("ldw", 37),), None),
    ((("ldw", 0x7FFF_FFFF),), None),
    ((("ldh", 1),), 0x8283),
    ((("ldh", 38),), 0xA7A8),
    ((("ldh", 39),), None),
    ((("ldb", 2),), 0x83),
    ((("ldb", 39),), 0xA8),
    ((("ldb", 40),), None),
    ((("ldx", 3), ("ldwx", 33)), 0xA5A6A7A8),
    ((("ldx", 4), ("ldwx", 33)), None),
    ((("ldx", 3), ("ldhx", 35)), 0xA7A8),
    ((("ldx", 4), ("ldhx", 35)), None),
    ((("ldx", 3), ("ldbx", 36)), 0xA8),
    ((("ldx", 4), ("ldbx", 36)), None),
    ((("ldx", BIG), ("ldwx", 5)), None),
    ((("ldx", 5), ("ldhx", BIG)), None),
    ((("ldx", BIG), ("ldbx", BIG)), None),
    ((("ldlen",),), 40),
    ((("ldxlen",), ("txa",)), WIRE),
    ((("ldx", 9), ("txa",)), 9),
    ((("msh", 2), ("txa",)), 12),
    ((("msh", 39), ("txa",)), 32),
    ((("msh", 40), ("txa",)), None),
    ((("ld", 5), ("tax",), ("ld", 0), ("txa",)), 5),
    ((("ld", 5), ("st", 15), ("ld", 0), ("ldm", 15)), 5),
    ((("ldx", 6), ("stx", 0), ("ldm", 0)), 6),
    ((("ld", 7), ("st", 1), ("ldxm", 1), ("ld", 0), ("txa",)), 7),
    ((("ld", BIG), ("add", 3)), 2),
    ((("ld", BIG), ("ldx", 3), ("addx",)), 2),
    ((("ld", 1), ("sub", 3)), BIG - 1),
    ((("ld", 1), ("ldx", 3), ("subx",)), BIG - 1),
    ((("ld", 0x10001), ("mul", 0x10001)), 0x20001),
    ((("ld", 0x10001), ("ldx", 0x10001), ("mulx",)), 0x20001),
    ((("ld", BIG), ("div", 2)), 0x7FFF_FFFF),
    ((("ld", BIG), ("ldx", 2), ("divx",)), 0x7FFF_FFFF),
    ((("ld", 1), ("divx",)), None),
    ((("ld", BIG), ("mod", 7)), 3),
    ((("ld", BIG), ("ldx", 7), ("modx",)), 3),
    ((("ld", 1), ("modx",)), None),
    ((("ld", 0b1100), ("and", 0b1010)), 0b1000),
    ((("ld", 0b1100), ("ldx", 0b1010), ("andx",)), 0b1000),
    ((("ld", 0b1100), ("or", 0b1010)), 0b1110),
    ((("ld", 0b1100), ("ldx", 0b1010), ("orx",)), 0b1110),
    ((("ld", 0b1100), ("xor", 0b1010)), 0b0110),
    ((("ld", 0b1100), ("ldx", 0b1010), ("xorx",)), 0b0110),
    ((("ld", 3), ("lsh", 31)), 1 << 31),
    ((("ld", 3), ("ldx", 31), ("lshx",)), 1 << 31),
    ((("ld", 3), ("ldx", 33), ("lshx",)), 6),
    ((("ld", BIG), ("rsh", 31)), 1),
    ((("ld", BIG), ("ldx", 31), ("rshx",)), 1),
    ((("ld", 6), ("ldx", 33), ("rshx",)), 3),
    ((("ld", 1), ("neg",)), BIG),
    ((("ld", 1), ("ja", 1), ("ld", 2), ("add", 10)), 11),
]


@pytest.mark.parametrize(("lines", "value"), VALUES, ids=str)
def test_what_an_instruction_does(lines: tuple[Line, ...], value: int | None) -> None:
    assert Program(code(*lines, ("reta",))).run(FRAME, WIRE) == (value or 0)
    ended = Program(code(*lines, ("ret", 9))).run(FRAME, WIRE)
    assert ended == (0 if value is None else 9)


# A, what is compared with it, and whether jeq, jgt, jge and jset jump.
COMPARED = [
    (5, 5, (True, False, True, True)),
    (6, 5, (False, True, True, True)),
    (4, 5, (False, False, False, True)),
    (2, 5, (False, False, False, False)),
    (BIG, 1, (False, True, True, True)),
    (1, BIG, (False, False, False, True)),
    (0, 0, (True, False, True, False)),
]


@pytest.mark.parametrize(("value", "other", "jumps"), COMPARED)
@pytest.mark.parametrize("load", [("ld", 0), ("ldw", 0), ("ldm", 3)])
def test_where_a_comparison_leads(
    value: int, other: int, jumps: tuple[bool, ...], load: tuple[str, int]
) -> None:
    """Behind whatever put the value in A."""
    before: tuple[Line, ...] = (("ldx", other), ("ld", value), ("st", 3), ("ld", 1))
    loaded = ("ld", value) if load[0] == "ld" else load
    after: tuple[Line, ...] = (("ret", 1), ("ret", 2), ("ret", 3), ("ret", 4))
    for op, jump in zip(("jeq", "jgt", "jge", "jset"), jumps, strict=True):
        for test in ((op, other, 2, 1), (op + "x", 0, 2, 1)):
            program = Program(code(*before, loaded, test, *after))
            assert program.run(struct.pack(">I", value), 4) == (3 if jump else 2)


def test_every_instruction_is_tested() -> None:
    tested = {line[0] for lines, _ in VALUES for line in lines}
    compared = {op + x for op in ("jeq", "jgt", "jge", "jset") for x in ("", "x")}
    assert tested | compared | {"ret", "reta"} == set(OPS)


def test_a_comparison_may_be_jumped_to() -> None:
    """It is also done together with the load before it."""
    program = Program(
        code(("ldb", 0), ("jeq", 1, 1, 0), ("ldb", 1), ("jeq", 2, 0, 1), ("ret", 1), ("ret", 2))
    )
    results = [program.run(bytes(frame), 2) for frame in ([0, 2], [0, 1], [1, 2], [2, 2])]
    assert results == [1, 2, 2, 1]


def test_a_program_is_what_it_was_made_of() -> None:
    given_code = code(("ldw", 4), ("jeq", 5, 0, 1), ("ret", 6), ("ret", 0))
    program = Program(given_code)
    assert (program.code, len(program)) == (given_code, 4)


# --- what is refused --------------------------------------------------------------------------

RET = ("ret", 1)
SIZE = "a program is 1 to 4096 instructions of 8 bytes, not"
BRANCHES = [op + x for op in ("jeq", "jgt", "jge", "jset") for x in ("", "x")]
REFUSED = [
    (b"", f"{SIZE} 0 bytes"),
    (code(RET)[:-1], f"{SIZE} 7 bytes"),
    (code(RET) + b"\0", f"{SIZE} 9 bytes"),
    (code(*[RET] * 4097), f"{SIZE} 32776 bytes"),
    (code(("ld", 1)), "instruction 0 is the last and does not return"),
    (code(RET, ("ja", 0)), "instruction 1 jumps out of the program"),
    (code(("div", 0), RET), "instruction 0 divides by 0"),
    (code(("ld", 1), ("mod", 0), RET), "instruction 1 divides by 0"),
    (code(("lsh", 32), RET), "instruction 0 shifts 32 bits by 32"),
    (code(("rsh", BIG), RET), f"instruction 0 shifts 32 bits by {BIG}"),
    *[
        (code((op, 16), RET), "instruction 0 uses M[16], but there are 16")
        for op in ("st", "stx", "ldm", "ldxm")
    ],
    *[
        (code((op, k), RET), f"instruction 0 loads from {k:#x}, which is no place in a frame")
        for op in ("ldw", "ldh", "ldb", "msh")
        for k in (1 << 31, 0xFFFF_F000)
    ],
    (code(("ja", 1), RET), "instruction 0 jumps out of the program"),
    (code(("ja", BIG), RET), "instruction 0 jumps out of the program"),
    *[
        (code((op, 0, *way), RET), "instruction 0 jumps out of the program")
        for op in BRANCHES
        for way in ((0, 1), (1, 0))
    ],
    (code(("jeq", 0, 255, 0), *[RET] * 255), "instruction 0 jumps out of the program"),
    (code(("ldm", 3), RET), "instruction 0 reads M[3] before it is stored"),
    (code(("st", 4), ("ldxm", 3), RET), "instruction 1 reads M[3] before it is stored"),
]

# Ways to an instruction that reads M[3], the last but one, past those that store it.
UNSTORED: list[tuple[Line, ...]] = [
    (("jeq", 0, 0, 1), ("st", 3)),
    (("jset", 0, 1, 0), ("stx", 3)),
    (("ja", 1), ("st", 3)),
    (("jeq", 0, 2, 0), ("st", 3), ("ja", 0)),
    (("st", 2), ("jgt", 0, 1, 0), ("ja", 1), ("st", 3)),
]


@pytest.mark.parametrize("before", UNSTORED, ids=str)
def test_no_way_leads_past_a_store(before: tuple[Line, ...]) -> None:
    for read in ("ldm", "ldxm"):
        damaged = code(*before, (read, 3), RET)
        with pytest.raises(ValueError, match=rf"^instruction {len(before)} reads M\[3\] before"):
            Program(damaged)


@pytest.mark.parametrize(("damaged", "reason"), REFUSED)
def test_what_is_refused(damaged: bytes, reason: str) -> None:
    with pytest.raises(ValueError) as raised:
        Program(damaged)
    assert str(raised.value) == reason


def test_unknown_instructions_are_refused() -> None:
    for op in set(range(65536)) - set(OPS.values()):
        with pytest.raises(ValueError, match=f"^instruction 1 has the unknown opcode {op:#06x}$"):
            Program(instruction(OPS["ld"]) + instruction(op) + instruction(OPS["ret"]))


ACCEPTED = [
    code(*[("ld", 1)] * 4095, RET),
    code(("jeq", 0, 254, 254), *[RET] * 255),
    code(("ja", 4094), *[RET] * 4095),
    code(("jeq", 0, 1, 0), ("st", 3), ("st", 3), ("ldm", 3), RET),
    code(("jeq", 0, 0, 2), ("stx", 3), ("ja", 1), ("st", 3), ("ldm", 3), RET),
    code(("lsh", 31), ("rsh", 31), ("div", 1), ("mod", 1), ("ldwx", BIG), RET),
    code(("ja", 1), ("ldm", 3), RET),  # nothing leads there
]


@pytest.mark.parametrize("accepted", ACCEPTED, ids=range(len(ACCEPTED)))
def test_what_is_just_right(accepted: bytes) -> None:
    assert len(Program(accepted)) == len(accepted) // 8
    with closing(Kernel()) as kernel:
        assert kernel.takes(accepted)


# --- beside the kernel ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    with closing(Kernel()) as made:
        yield made


@given(PROGRAMS, st.lists(FRAMES, min_size=1, max_size=6))
def test_the_kernel_gives_the_same(kernel: Kernel, program: bytes, frames: list[bytes]) -> None:
    ours = Program(program)
    assert kernel.takes(program)
    for frame in frames:
        keeps = ours.run(frame, len(frame))
        assert kernel.kept(frame) == (frame[:keeps] if keeps else None)


@given(PROGRAMS, st.lists(st.tuples(st.integers(0, 40), INSTRUCTIONS), max_size=3))
def test_the_kernel_refuses_the_same(
    kernel: Kernel, program: bytes, damage: list[tuple[int, bytes]]
) -> None:
    for place, other in damage:
        at = place * 8 % len(program)
        program = program[:at] + other + program[at + 8 :]
    assert is_taken(program) == (kernel.takes(program) and not asks_for_facts(program))


def is_taken(program: bytes) -> bool:
    try:
        return bool(Program(program))
    except ValueError:
        return False


def asks_for_facts(program: bytes) -> bool:
    """The one difference: at such addresses the kernel has something, but it is not the frame."""
    loads = [OPS[name] for name in ("ldw", "ldh", "ldb", "msh")]
    found = struct.iter_unpack("=HBBI", program)
    return any(op in loads and k >> 31 for op, _, _, k in found)


# --- damage -----------------------------------------------------------------------------------


@given(st.binary(max_size=80) | st.lists(INSTRUCTIONS, max_size=12).map(b"".join), FRAMES)
def test_any_bytes_are_a_program_or_refused(damaged: bytes, frame: bytes) -> None:
    try:
        program = Program(damaged)
    except ValueError as error:
        assert str(error).startswith(("instruction ", "a program is "))
    else:
        assert 0 <= program.run(frame, len(frame)) <= BIG


def test_what_is_no_program() -> None:
    for wrong in (None, "code", bytearray(code(RET))):
        with pytest.raises(TypeError):
            Program(wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Program(code(RET)).run(None, 0)  # type: ignore[arg-type]
    for wire in (-1, 1 << 32):
        with pytest.raises(OverflowError):
            Program(code(RET)).run(b"", wire)
