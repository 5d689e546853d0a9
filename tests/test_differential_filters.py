"""Expressions beside tcpdump's on raw bytes and tshark's on fields: the same packets are found."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from vsockdump.engine.bpf import Program, match
from vsockdump.filters.language import parse
from vsockdump.filters.program import compiled, packed
from vsockdump.packet import Packet

from .captures import Taken, pcap, read
from .differential import MONITOR, VIRTIO, batches, captures, monitor_of, output, packets
from .frames import VSOCK

needs_tshark = pytest.mark.skipif(not shutil.which("tshark"), reason="needs tshark")
needs_tcpdump = pytest.mark.skipif(not shutil.which("tcpdump"), reason="needs tcpdump")


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Put the packets of all captures into one; cooked ones mean nothing to other programs."""
    every = [one for path in captures() for one in packets(path) if one.linktype == VSOCK]
    path = tmp_path_factory.mktemp("filters") / "everything.pcap"
    path.write_bytes(pcap([Taken(one.time_ns, one.frame, one.wire_len) for one in every]))
    return path


def found(path: Path, expression: str) -> list[int]:
    """Return the numbers of the packets that match."""
    programs = {VSOCK: Program(packed(compiled(parse(expression))))}
    masks = ((batch.first, match(batch, programs)) for batch in batches(path))
    return [first + row for first, mask in masks for row, hit in enumerate(mask) if hit]


# --- tcpdump ----------------------------------------------------------------------------------


def little(value: int, size: int = 4) -> str:
    return f"0x{value.to_bytes(size, 'little').hex()}"


def cid(at: int, value: int) -> str:
    return f"(link[{at}:4] = {little(value)} and link[{at + 4}:4] = 0)"


def port(value: int) -> str:
    return f"(link[16:4] = {little(value)} or link[20:4] = {little(value)})"


def number(at: int) -> str:
    parts = (f"(link[{at + byte}] << {8 * byte})" for byte in range(4))
    return f"({' + '.join(parts)})"


LENGTH = "(link[28] + (link[29] << 8))"
WHOLE = "link[28:4] >= 0"
INNER = f"(link[26:2] = 0x0200 and {LENGTH} >= 44 and link[72:4] >= 0)"
OP, TYPE, FLAGS = "link[62:2]", "link[60:2]", "link[64:4]"
GUEST = "(link[{0}:4] != 0 or link[{1}] > 2 or link[{1}:4] & 0x00ffffff != 0)"
HOST = "(link[{0}:4] = 0 and (link[{1}:4] = 0 or link[{1}:4] = 0x02000000))"
PAYLOAD = f"{INNER} and {number(56)} >= 4 and link[32 + {LENGTH}:4]"

# An expression, and the same for a program that knows of bytes alone. A load of what is not there
# ends tcpdump's: what is negated has to ask for it first.
RAW = [
    ("", ""),
    ("src port 15001", f"{WHOLE} and link[16:4] = {little(15001)}"),
    ("dst port 5001", f"{WHOLE} and link[20:4] = {little(5001)}"),
    ("port 5004", port(5004)),
    ("port 9998 or 9999", f"{port(9998)} or {port(9999)}"),
    ("not port 5004", f"len < 32 or not {port(5004)}"),
    ("src cid 123", cid(0, 123)),
    ("cid 2", f"{WHOLE} and ({cid(0, 2)} or {cid(8, 2)})"),
    ("cid 3 and port 1", f"{WHOLE} and ({cid(0, 3)} or {cid(8, 3)}) and {port(1)}"),
    ("123:19999", f"({cid(0, 123)} and link[16:4] = {little(19999)})"
     f" or ({cid(8, 123)} and link[20:4] = {little(19999)})"),
    ("op rw", f"{INNER} and {OP} = 0x0500"),
    ("op rst|shutdown", f"{INNER} and ({OP} = 0x0300 or {OP} = 0x0400)"),
    ("not op rw", f"len < 76 or not ({INNER} and {OP} = 0x0500)"),
    ("seqpacket", f"{INNER} and {TYPE} = 0x0200"),
    ("flags eom", f"{INNER} and {OP} = 0x0500 and {TYPE} = 0x0200 and {FLAGS} & 0x01000000 != 0"),
    ("shutdown send", f"{INNER} and {OP} = 0x0400 and {FLAGS} & 0x02000000 != 0"),
    ("len > 100", f"{INNER} and {number(56)} > 100"),
    ("len 3732-4096", f"{INNER} and {number(56)} >= 3732 and {number(56)} <= 4096"),
    ("buf_alloc < 262144", f"{INNER} and {number(68)} < 262144"),
    ("fwd_cnt > 65536 and fwd_cnt <= 200000", f"{INNER} and {number(72)} > 65536"
     f" and {number(72)} <= 200000"),
    ("len + fwd_cnt >= 100000", f"{INNER} and {number(56)} + {number(72)} >= 100000"),
    ("g2h", f"{WHOLE} and {GUEST.format(4, 0)} and {HOST.format(12, 8)}"),
    ("h2g", f"{WHOLE} and {HOST.format(4, 0)} and {GUEST.format(12, 8)}"),
    ("loopback", f"{cid(0, 1)} or {cid(8, 1)}"),
    ("transport virtio", f"{WHOLE} and link[26:2] = 0x0200"),
    ("trans_len != 44", f"{WHOLE} and link[28:2] != 0x2c00"),
    ('data[0:4] = "Hell"', f"{PAYLOAD} = 0x48656c6c"),
    ('data[0:4] != "Hell" and op rw', f"{PAYLOAD} != 0x48656c6c and {OP} = 0x0500"),
    ("data[0:4] < 0x00010000", f"({PAYLOAD} < 0x00010000) or"
     f" ({WHOLE} and link[26:2] != 0x0200 and link[32 + {LENGTH}:4] < 0x00010000)"),
]  # fmt: skip
SAME = [
    "greater 77",
    "less 76",
    "link[20:4] = 0x89130000 or link[62:2] = 0x0500",
    "link[24:2] & 0xff00 = 0x0400",
    "link[56] != 0 and not link[57] = 2",
    "link[56:4] >> 24 < link[0] * 8 and link[28:2] / 44 != 0",
    "greater 76 and (link[68] - link[72] >= 5 or link[40:4] % 7 = 2)",
    "link[16:2] ^ link[20:2] = 0x1000 | 0x29",
]


@needs_tcpdump
@pytest.mark.parametrize(("ours", "theirs"), [*RAW, *((text, text) for text in SAME)])
def test_tcpdump_finds_the_same(ours: str, theirs: str, everything: Path, tmp_path: Path) -> None:
    kept, frames = tmp_path / "kept.pcap", [one.frame for one in packets(everything)]
    output("tcpdump", "-r", everything, "-w", kept, theirs)
    mine = [frames[number - 1] for number in found(everything, ours)]
    assert mine == [taken.frame for taken in read(str(kept))]
    assert mine


# --- tshark -----------------------------------------------------------------------------------

DISPLAYED = [
    "vsock",
    "vsock.src_cid == 3",
    "vsock.src_cid == 1 && vsock.virtio.op == 5",
    "vsock.dst_cid > 2 or vsock.dst_cid == 18446744073709551615",
    "vsock.src_port in {5001, 5004..5010}",
    "not vsock.src_port in {5001, 5004..5010}",
    "vsock.src_port not in {5001}",
    "vsock.op != 4",
    "vsock.op ne 4 and vsock.trans eq 2",
    "vsock.trans_len >= 44",
    "vsock.virtio.src_cid == 123 || vsock.virtio.dst_cid == 123",
    "vsock.virtio.src_prot == 5001",
    "vsock.virtio.dst_prot le 5001",
    "vsock.virtio.len gt 0 and vsock.virtio.len lt 100",
    "vsock.virtio.type == 2",
    "vsock.virtio.flags & 1",
    "vsock.virtio.flags & 3 == 3",
    "vsock.virtio.buf_alloc < 262144",
    "vsock.virtio.fwd_cnt >= 65536",
    "vsock.virtio.op",
    "!vsock.virtio.op",
    "vsock.src_port == vsock.virtio.src_prot",
    "vsock.src_port > vsock.dst_port",
    "vsock.virtio.len + 1 < 100",
    "frame.len > 100",
    "frame.cap_len < frame.len",
    "vsock.payload[0:4] == 48:65:6c:6c",
    "vsock.payload[0:4] != 48:65:6c:6c",
    "vsock.payload[1:2] == 65:6c",
]


def lacks_room(one: Packet) -> bool:
    monitor = monitor_of(one)
    cut = len(one.frame) < MONITOR + VIRTIO
    return monitor is not None and monitor.transport == 2 and monitor.len < VIRTIO and not cut


# Where it finds others: of which expressions, and of which packets.
Rule = tuple[str, Callable[[Packet], bool]]
RULES: dict[str, Rule] = {
    "a header is read where len leaves no room for it": ("vsock.virtio", lacks_room),
    "a payload that was cut is not there": (
        "vsock.payload", lambda one: len(one.frame) < one.wire_len
    ),
    "a slice of a payload may be shorter than it says": (
        "vsock.payload", lambda one: lacks_room(one) or 0 < len(one.payload) < 4
    ),
}  # fmt: skip


@needs_tshark
def test_tshark_finds_the_same(everything: Path) -> None:
    every, needed = packets(everything), set()
    for expression in DISPLAYED:
        asked = ("-Y", expression, "-T", "fields", "-e", "frame.number")
        theirs = {int(n) for n in output("tshark", "-n", "-r", everything, *asked).split()}
        mine = set(found(everything, expression))
        assert mine
        for number in mine ^ theirs:
            rules = {
                name
                for name, (about, applies) in RULES.items()
                if about in expression and applies(every[number - 1])
            }
            assert rules, (expression, every[number - 1])
            needed |= rules
    assert needed == set(RULES)
