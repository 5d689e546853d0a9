"""Programs as text, with libpcap and tcpdump beside."""

import ctypes
import ctypes.util
import shutil

import pytest

from vsockdump.filters.assembly import Code, Instruction
from vsockdump.filters.disassembly import c_array, decimal, listing
from vsockdump.filters.language import parse
from vsockdump.filters.program import compiled

from .command import run

BIG = 0xFFFF_FFFE

# What there is of each kind, with 9 as its number, as the 3rd instruction.
LINES = [
    (0x00, "(003) ld       #0x9"),
    (0x01, "(003) ldx      #0x9"),
    (0x20, "(003) ld       [9]"),
    (0x28, "(003) ldh      [9]"),
    (0x30, "(003) ldb      [9]"),
    (0x40, "(003) ld       [x + 9]"),
    (0x48, "(003) ldh      [x + 9]"),
    (0x50, "(003) ldb      [x + 9]"),
    (0x60, "(003) ld       M[9]"),
    (0x61, "(003) ldx      M[9]"),
    (0x80, "(003) ld       #pktlen"),
    (0x81, "(003) ldx      #pktlen"),
    (0xB1, "(003) ldxb     4*([9]&0xf)"),
    (0x02, "(003) st       M[9]"),
    (0x03, "(003) stx      M[9]"),
    (0x04, "(003) add      #9"),
    (0x0C, "(003) add      x"),
    (0x14, "(003) sub      #9"),
    (0x1C, "(003) sub      x"),
    (0x24, "(003) mul      #9"),
    (0x2C, "(003) mul      x"),
    (0x34, "(003) div      #9"),
    (0x3C, "(003) div      x"),
    (0x44, "(003) or       #0x9"),
    (0x4C, "(003) or       x"),
    (0x54, "(003) and      #0x9"),
    (0x5C, "(003) and      x"),
    (0x64, "(003) lsh      #9"),
    (0x6C, "(003) lsh      x"),
    (0x74, "(003) rsh      #9"),
    (0x7C, "(003) rsh      x"),
    (0x84, "(003) neg      "),
    (0x94, "(003) mod      #9"),
    (0x9C, "(003) mod      x"),
    (0xA4, "(003) xor      #0x9"),
    (0xAC, "(003) xor      x"),
    (0x05, "(003) ja       13"),
    (0x15, "(003) jeq      #0x9             jt 5\tjf 6"),
    (0x1D, "(003) jeq      x                jt 5\tjf 6"),
    (0x25, "(003) jgt      #0x9             jt 5\tjf 6"),
    (0x2D, "(003) jgt      x                jt 5\tjf 6"),
    (0x35, "(003) jge      #0x9             jt 5\tjf 6"),
    (0x3D, "(003) jge      x                jt 5\tjf 6"),
    (0x45, "(003) jset     #0x9             jt 5\tjf 6"),
    (0x4D, "(003) jset     x                jt 5\tjf 6"),
    (0x06, "(003) ret      #9"),
    (0x16, "(003) ret      "),
    (0x07, "(003) tax      "),
    (0x87, "(003) txa      "),
    (0x99, "(003) unimp    0x99"),
]


@pytest.mark.parametrize(("code", "line"), LINES, ids=str)
def test_each_instruction(code: int, line: str) -> None:
    assert listing([Instruction(0)] * 3 + [Instruction(code, 1, 2, 9)]).split("\n")[3] == line


def test_three_ways() -> None:
    code = [Instruction(0x15, 0, 255, BIG), Instruction(0x6, 0, 0, 262144)]
    assert listing(code) == "(000) jeq      #0xfffffffe      jt 1\tjf 256\n(001) ret      #262144"
    assert c_array(code) == "{ 0x15, 0, 255, 0xfffffffe },\n{ 0x6, 0, 0, 0x00040000 },"
    assert decimal(code) == "2\n21 0 255 4294967294\n6 0 0 262144"


class SockFilter(ctypes.Structure):
    _fields_ = [
        ("code", ctypes.c_ushort),
        ("jt", ctypes.c_ubyte),
        ("jf", ctypes.c_ubyte),
        ("k", ctypes.c_uint),
    ]


def test_all_codes_are_worded_as_libpcap_words_them() -> None:
    name = ctypes.util.find_library("pcap")
    if name is None:
        pytest.skip("needs libpcap")
    image = ctypes.CDLL(name).bpf_image
    image.restype = ctypes.c_char_p
    for at in (0, 7, 100):
        for op in set(range(0x200)) - {0x81}:  # which is called "unimp" there
            for k in (0, 1, 0x7FFF_FFFF, 0x8000_0000, BIG) if op != 0x05 else (0, 1, 250):
                one = Instruction(op, 3, 255, k)
                wanted = image(ctypes.byref(SockFilter(*one)), at).decode()
                assert listing([Instruction(0)] * at + [one]).split("\n")[at] == wanted


EXPRESSIONS = [
    "",
    "link[16:4] = 0x00040000",
    "link[16:4] = 0x00040000 and link[20:4] = 0xd2040000",
    "link[26:2] = 0x0200 and link[62:2] = 0x0500",
    "link[0] = 3 or link[8] = 3",
    "len > 100",
    "greater 100 and less 4096",
    "not len <= 76",
    "link[64] & 2 != 0",
    "link[64] & 3 = 3",
    "link[64:4] | 7 > 8",
    "link[60:2] >> 3 >= 2",
    "link[56:4] << 2 < 0x80000000",
    "link[56:4] + 5 = 9",
    "link[56:4] - 5 > 9",
    "link[56:4] * 3 > 9",
    "link[56:4] / 3 > 9",
    "link[56:4] % 3 = 1",
    "link[56:4] ^ 3 = 1",
    "link[link[28]] = 3",
    "link[link[28] + 32:2] = 0x4745",
    "link[link[28:2] & 0xff + 32:4] = 0x47455420",
    "link[16:4] = link[48:4]",
    "link[16:4] > link[20:4]",
    "link[16:4] >= link[20:4]",
    "link[16:4] < link[20:4]",
    "link[16:4] + link[20:4] > link[48:4] * link[52:4]",
    "link[0] + link[1] * link[2] - link[3] / link[4] = 7",
    "link[0] | link[1] & link[2] ^ link[3] << link[4] >> link[5] % link[6] = 7",
    "link[link[0]] + link[link[1]:2] > len",
    "link[0:4] = -1",
]


def tcpdump(option: str, expression: str) -> str:
    if shutil.which("tcpdump") is None:
        pytest.skip("needs tcpdump")
    result = run("tcpdump", option, "-y", "VSOCK", expression)
    assert result.returncode == 0, result.stderr
    return result.stdout.decode().removesuffix("\n")


def read(text: str) -> Code:
    count, *lines = text.split("\n")
    code = [Instruction(*map(int, line.split())) for line in lines]
    assert len(code) == int(count)
    return code


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_the_same_program_is_the_same_text(expression: str) -> None:
    text = tcpdump("-ddd", expression)
    code = read(text)
    assert listing(code) == tcpdump("-d", expression)
    assert c_array(code) == tcpdump("-dd", expression)
    assert decimal(code) == text


@pytest.mark.parametrize(
    "expression", ["cid 3 and port 1024 and op rw", "greater 100", "data[0:4] = link[0:4]"]
)
def test_our_own_programs_hold_no_unknown_instruction(expression: str) -> None:
    assert "unimp" not in listing(compiled(parse(expression), payload=20))
