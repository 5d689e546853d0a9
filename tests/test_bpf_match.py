"""Classic BPF over a batch, and tcpdump beside it."""

import shutil
import struct
import subprocess
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from vsockdump.engine.batch import Batch
from vsockdump.engine.bpf import Program, match
from vsockdump.engine.scan import Scanner
from vsockdump.sources.savefile import Savefile

from . import captures
from .frames import SLL, SLL2, VSOCK, enhanced
from .programs import BIG, code, instruction

PCAPS = Path(__file__).parents[1] / "pcaps"

RET = ("ret", 1)
ALL, NONE = Program(code(("ret", BIG))), Program(code(("ret", 0)))
FIRST_IS_7 = Program(code(("ldb", 0), ("jeq", 7, 0, 1), ("ret", 1), ("ret", 0)))


def batch(*frames: tuple[int, bytes, int], linktypes: Sequence[int] = (VSOCK,)) -> Batch:
    """Return packets of (interface, frame, length on the wire)."""
    using = Scanner()
    for linktype in linktypes:
        using.add_interface(linktype)
    data = b"".join(enhanced(one, 0, index, wire=wire) for index, one, wire in frames)
    return using.pcapng(data, 0, len(data), swapped=struct.pack("=H", 1) != b"\x01\x00")


def test_a_byte_a_packet() -> None:
    found = batch(*[(0, bytes([value]) * 3, 3) for value in (7, 6, 7, 0)], (0, b"", 3))
    assert match(found, {VSOCK: FIRST_IS_7}) == bytes([1, 0, 1, 0, 0])
    assert match(found, {VSOCK: ALL}) == bytes([1] * 5)
    assert match(found, {VSOCK: NONE}) == bytes(5)
    assert match(found, {}) == bytes(5)
    assert match(batch(), {VSOCK: ALL}) == b""


def test_both_lengths_of_a_packet() -> None:
    found = batch((0, b"abcd", 9), (0, b"abcd", 8), (0, b"abc", 9))
    longer = code(("ldxlen",), ("txa",), ("jgt", 8, 0, 1), RET, ("ret", 0))
    assert match(found, {VSOCK: Program(longer)}) == bytes([1, 0, 1])
    captured = code(("ldlen",), ("jge", 4, 0, 1), RET, ("ret", 0))
    assert match(found, {VSOCK: Program(captured)}) == bytes([1, 1, 0])


def test_each_link_type_has_its_program() -> None:
    frames = [(index, bytes([7, index]), 2) for index in (0, 1, 2, 3, 0, 3, 1)]
    found = batch(*frames, linktypes=(VSOCK, SLL, SLL2, VSOCK))
    assert match(found, {VSOCK: ALL}) == bytes([1, 0, 0, 1, 1, 1, 0])
    assert match(found, {SLL: ALL, VSOCK: NONE}) == bytes([0, 1, 0, 0, 0, 0, 1])
    second_is_3 = Program(code(("ldb", 1), ("jeq", 3, 0, 1), RET, ("ret", 0)))
    assert match(found, {SLL2: FIRST_IS_7, VSOCK: second_is_3}) == bytes([0, 0, 1, 1, 0, 1, 0])


def test_only_the_wanted_are_run() -> None:
    found = batch(*[(0, bytes([value]), 1) for value in (7, 7, 6, 6)])
    assert match(found, {VSOCK: FIRST_IS_7}, bytes([2, 0, 255, 0])) == bytes([1, 0, 0, 0])
    assert match(found, {VSOCK: ALL}, wanted=bytes([0, 1, 0, 128])) == bytes([0, 1, 0, 1])
    assert match(found, {VSOCK: FIRST_IS_7}, None) == bytes([1, 1, 0, 0])
    for size in (0, 3, 5):
        with pytest.raises(ValueError, match=f"^{size} choices for 4 packets$"):
            match(found, {VSOCK: ALL}, bytes(size))


def test_what_has_no_programs() -> None:
    found = batch((0, b"", 0))
    for wrong in ({VSOCK: None}, {VSOCK: code(RET)}, {"vsock": ALL}):
        with pytest.raises(TypeError):
            match(found, wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        match(None, {})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^programs for 17 link types, 16 at the most$"):
        match(found, dict.fromkeys(range(17), ALL))
    assert match(found, dict.fromkeys(range(VSOCK - 15, VSOCK + 1), ALL)) == b"\x01"


# --- beside tcpdump ---------------------------------------------------------------------------

EXPRESSIONS = [
    "link[16:4] = 0xd2040000",
    "link[20:4] = 0xd2040000 or link[62:2] = 0x0500",
    "not link[62:2] = 0x0500",
    "greater 77",
    "less 76",
    "len > 100 and link[24:2] & 0xff00 = 0x0400",
    "link[link[28] + 32] > 0x60",
    "link[56:4] >> 24 < link[0] * 8 and link[link[28]:2] / link[26] != 0",
    "link[68] - link[72] >= 5 or link[40:4] % 7 = 2 or -link[60] = 0xffffffff",
]


@pytest.mark.skipif(not shutil.which("tcpdump"), reason="needs tcpdump")
@pytest.mark.parametrize("name", ["hello.pcap", "nested-hello.pcap", "crafted-edge-cases.pcap"])
@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_tcpdump_finds_the_same(expression: str, name: str, tmp_path: Path) -> None:
    path, found = PCAPS / name, tmp_path / "found.pcap"
    found.write_bytes(tcpdump("-r", str(path), "-w", "-", expression))
    lines = tcpdump("-ddd", "-y", "VSOCK", expression).split(b"\n")[1:-1]
    program = Program(b"".join(as_tcpdump(*map(int, line.split())) for line in lines))
    assert chosen(path, program) == [taken.frame for taken in captures.read(str(found))]


def as_tcpdump(op: int, yes: int, no: int, k: int) -> bytes:
    return instruction(op, k, yes, no)


def tcpdump(*words: str) -> bytes:
    return subprocess.run(["tcpdump", *words], check=True, capture_output=True).stdout


def chosen(path: Path, program: Program) -> list[bytes]:
    frames: list[bytes] = []
    with closing(Savefile(str(path))) as source:
        for found in source.batches():
            assert found is not None
            mask = match(found, {VSOCK: program})
            frames += [found.frame(row) for row, wanted in enumerate(mask) if wanted]
    return frames
