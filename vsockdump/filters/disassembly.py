"""A program as tcpdump prints it: -d for people, -dd for a C file, -ddd for other programs.

The formats are those of libpcap's bpf_image() and bpf_dump().
"""

from collections.abc import Iterator

from .assembly import JA, JUMPS, LD_ABS, LD_IND, RECKON, Code, Instruction, X

_SIGNED, _HEX = "#%d", "#0x%x"
_SIZES = {4: "ld", 2: "ldh", 1: "ldb"}
_NAMES = {
    "+": "add", "-": "sub", "*": "mul", "/": "div", "%": "mod", "&": "and", "|": "or", "^": "xor",
    "<<": "lsh", ">>": "rsh", "==": "jeq", ">": "jgt", ">=": "jge",
}  # fmt: skip
_BITS = ("&", "|", "^")


def _forms() -> Iterator[tuple[int, str, str]]:
    """Yield all instructions there are: code, name, and how their number is shown."""
    yield from (
        (0x00, "ld", _HEX),
        (0x01, "ldx", _HEX),
        (0x60, "ld", "M[%d]"),
        (0x61, "ldx", "M[%d]"),
        (0x02, "st", "M[%d]"),
        (0x03, "stx", "M[%d]"),
        (0x80, "ld", "#pktlen"),
        (0x81, "ldx", "#pktlen"),  # which the kernel knows, and libpcap calls "unimp"
        (0xB1, "ldxb", "4*([%d]&0xf)"),
        (0x84, "neg", ""),
        (0x07, "tax", ""),
        (0x87, "txa", ""),
        (0x06, "ret", _SIGNED),
        (0x16, "ret", ""),
        (JA, "ja", "%d"),
    )
    yield from ((LD_ABS[size], name, "[%d]") for size, name in _SIZES.items())
    yield from ((LD_IND[size], name, "[x + %d]") for size, name in _SIZES.items())
    for sign, code in RECKON.items():
        yield code, _NAMES[sign], _HEX if sign in _BITS else _SIGNED
        yield code | X, _NAMES[sign], "x"
    for sign, code in JUMPS.items():
        name = "jset" if sign == "&" else _NAMES[sign]
        yield code, name, _HEX
        yield code | X, name, "x"


_FORMS = {code: (name, form) for code, name, form in _forms()}


def listing(code: Code) -> str:
    """Return a line an instruction, its number first: `-d`."""
    return "\n".join(_line(at, one) for at, one in enumerate(code))


def c_array(code: Code) -> str:
    """Return a line an instruction, as the initializer of an array has it: `-dd`."""
    return "\n".join(f"{{ {c:#x}, {jt}, {jf}, 0x{k:08x} }}," for c, jt, jf, k in code)


def decimal(code: Code) -> str:
    """Return how many instructions there are, and a line each of four numbers: `-ddd`."""
    return "\n".join([str(len(code)), *(" ".join(map(str, one)) for one in code)])


def _line(at: int, one: Instruction) -> str:
    name, form = _FORMS.get(one.code, ("unimp", "0x%x"))
    operand = form % _number(at, one, form) if "%" in form else form
    line = f"({at:03}) {name:8} "
    if one.code & 0x07 != JA or not one.code & 0xF0:  # BPF_CLASS(), BPF_OP()
        return line + operand
    return f"{line}{operand:16} jt {at + 1 + one.jt}\tjf {at + 1 + one.jf}"


def _number(at: int, one: Instruction, form: str) -> int:
    """Return what is shown of an instruction: libpcap takes all but bits for signed."""
    if one.code not in _FORMS:
        return one.code
    k = one.k if form == _HEX else one.k - ((one.k & 1 << 31) << 1)
    return at + 1 + k if one.code == JA else k
