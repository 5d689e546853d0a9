"""Every capture through tcpdump: the same text.

Where tcpdump is wrong, a rule says so by name and turns what it should have printed into what it
does print; a packet to which no rule applies must come out byte for byte, and a rule must apply
somewhere. VSOCKDUMP_REFERENCE_CAPTURES may name a folder of more captures.
"""

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from vsockdump import options
from vsockdump.dissectors.notes import Note
from vsockdump.dissectors.virtio import VirtioHeader
from vsockdump.packet import Packet
from vsockdump.text import Text

from .command import PCAPS
from .differential import (
    MONITOR,
    REFERENCE,
    SECOND,
    VIRTIO,
    Plain,
    batches,
    behind,
    captures,
    monitor_of,
    output,
    packets,
)
from .frames import RW, SLL, SLL2, VSOCK, Ends, frame, monitor, pcap_header, pcap_record, virtio

pytestmark = pytest.mark.usefixtures("utc")

SIZES = {VSOCK: 0, SLL: 16, SLL2: 20}

every_plain_capture = pytest.mark.parametrize(  # tcpdump does not decode cooked ones: see below
    "path", [path for path in captures() if "any-sll" not in path.name], ids=lambda path: path.name
)
needs_tcpdump = pytest.mark.skipif(not shutil.which("tcpdump"), reason="needs tcpdump")


def ours(path: Path, *arguments: str) -> str:
    """What --format tcpdump prints."""
    parsed = options.parse(["-r", str(path), "--format", "tcpdump", *arguments])
    text = Text(options.style(parsed))
    return b"".join(text.render(batch) for batch in batches(path)).decode()


def tcpdumps(path: Path, *arguments: str) -> str:
    return output("tcpdump", "-r", path, *arguments)


def apart(text: str) -> list[str]:
    """Split text into packets; each begins with its number, which is not behind a tab."""
    found: list[str] = []
    for line in text.splitlines(keepends=True):
        if line.startswith("\t"):
            found[-1] += line
        else:
            found.append(line)
    return found


def dump(data: bytes) -> str:
    """The rows of tcpdump's -vv, of which it ends none but the last."""
    rows = (f"\t0x{at:04x}:  {data[at : at + 16].hex(' ', -2)}" for at in range(0, len(data), 16))
    return "\n" + "".join(rows)


def dumped(text: str, data: bytes) -> str:
    """Put another payload below a packet."""
    head, _, rest = text.partition(", length ")
    length = rest.split("\n")[0].split(" ")[0]
    return f"{head}, length {length}{dump(data) if data else ' [|vsock]'}\n"


class Rule(NamedTuple):
    """A known fault of tcpdump's: whose packets it spoils, at which -v, and how."""

    applies: Callable[[Packet, int], bool]
    spoil: Callable[[str, Packet, int], str]


def header(found: Packet) -> VirtioHeader | None:
    return next((one for one in found.layers if isinstance(one, VirtioHeader)), None)


def is_seqpacket(found: Packet, verbose: int) -> bool:
    inner = header(found)
    return verbose > 0 and inner is not None and inner.type == 2


def has_other_payload(found: Packet, verbose: int) -> bool:
    monitor = monitor_of(found)
    shown = verbose > 1 and monitor is not None and monitor.op == 4 and not found.reason
    return shown and (behind(found) != found.payload or not found.payload)


def has_no_room(found: Packet, verbose: int) -> bool:
    monitor = monitor_of(found)
    cut = len(found.frame) < MONITOR + VIRTIO
    return verbose > 0 and monitor is not None and bool(found.notes & Note.MALFORMED) and not cut


def without_room(text: str, found: Packet, verbose: int) -> str:
    """It reads a virtio header where the monitor's says that there is none."""
    inner = VirtioHeader.parse(found.frame[MONITOR:])
    kind = {1: "STREAM"}.get(inner.type, f"Invalid type ({inner.type})")
    fields = f"len {inner.len}, type {kind}, op {inner.op_name.replace('_', ' ')}"
    fields += f", flags {inner.flags:x}, buf_alloc {inner.buf_alloc}, fwd_cnt {inner.fwd_cnt}"
    text = text.replace("VIRTIO\n", f"VIRTIO ({fields})\n").replace(" [|vsock]", "")
    return dumped(text, behind(found)) if verbose > 1 else text


def is_cut(found: Packet, verbose: int) -> bool:
    return verbose > 0 and MONITOR <= len(found.frame) < MONITOR + VIRTIO and bool(found.reason)


RULES = {
    "socket type 2 has no name": Rule(
        is_seqpacket,
        lambda text, *_: text.replace("type SEQPACKET", "type Invalid type (2)"),
    ),
    "the payload begins at a fixed place and goes to the frame's end": Rule(
        has_other_payload, lambda text, found, _: dumped(text, behind(found))
    ),
    "a header is read where len leaves no room for it": Rule(has_no_room, without_room),
    "a cut header runs together with what is behind it": Rule(
        is_cut, lambda text, *_: text.replace("VIRTIO\n\t", "VIRTIO")
    ),
}


def spoiled(text: str, found: Packet, verbose: int) -> str:
    for rule in RULES.values():
        if rule.applies(found, verbose):
            text = rule.spoil(text, found, verbose)
    return text


def is_cooked(path: Path) -> bool:
    return any(found.linktype != VSOCK for found in packets(path))


STYLE = ("-n", "-tttt", "-#")


@needs_tcpdump
@pytest.mark.parametrize("verbose", range(3))
@every_plain_capture
def test_tcpdumps_text(path: Path, verbose: int, plain: Plain) -> None:
    flags = [*STYLE, *["-v"] * verbose]
    mine, theirs = apart(ours(plain(path), *flags)), apart(tcpdumps(plain(path), *flags))
    for text, other, found in zip(mine, theirs, packets(path), strict=True):
        assert spoiled(text, found, verbose) == other


@needs_tcpdump
@pytest.mark.parametrize("verbose", range(3))
@pytest.mark.parametrize("name", ["any-sll1.pcap", "any-sll2.pcap"])
def test_tcpdumps_text_of_cooked_frames(name: str, verbose: int, tmp_path: Path) -> None:
    """It dumps them; without the cooked header it prints them, and we print the same with it."""
    plain_file = tmp_path / "plain.pcap"
    data, found = pcap_header(), packets(PCAPS / name)
    for one in found:
        second, ns = divmod(one.time_ns, SECOND)
        data += pcap_record(one.frame[SIZES[one.linktype] :], second, ns // 1000)
    plain_file.write_bytes(data)
    flags = [*STYLE, *["-v"] * verbose]
    mine, theirs = apart(ours(PCAPS / name, *flags)), apart(tcpdumps(plain_file, *flags))
    assert all("ethertype Unknown" in one or "0x0000:" in one for one in
               apart(tcpdumps(PCAPS / name, *STYLE)))  # fmt: skip
    for text, other, one in zip(mine, theirs, found, strict=True):
        whole = len(one.frame)
        plain_size = whole - SIZES[one.linktype]
        other = other.replace(f", length {plain_size}", f", length {whole}")  # noqa: PLW2901
        assert spoiled_cooked(other, one, verbose) == text


def spoiled_cooked(text: str, found: Packet, verbose: int) -> str:
    """A PAYLOAD of no bytes is the only fault that these frames could meet; they hold none."""
    assert not has_other_payload(found._replace(frame=found.frame[SIZES[found.linktype] :],
                                                layers=found.layers[1:]), verbose)  # fmt: skip
    return text


def test_each_rule_about_tcpdump_is_needed() -> None:
    needed = {
        name
        for path in captures()
        if not is_cooked(path)
        for found in packets(path)
        for verbose in (1, 2)
        for name, rule in RULES.items()
        if rule.applies(found, verbose)
    }
    assert needed == set(RULES)


def made() -> list[bytes]:
    """Frames of any numbers, and frames cut at every byte."""
    chance = random.Random(1)
    pick = chance.choice
    found = [(frame(RW, b"payload"))[:cut] for cut in range(1, 83)]
    for _ in range(300):
        ports = (0, 1, 2**32 - 1)
        cids = chance.randrange(2**64), chance.randrange(2**64)
        ends = Ends(*cids, pick(ports), pick(ports))
        op, kind, transport = chance.randrange(9), chance.randrange(4), pick((0, 1, 2, 2, 2, 2, 3))
        flags, payload = pick((0, 1, 0xFFFFFFFF)), bytes(chance.randrange(40))
        outer = monitor(
            ends, op=chance.randrange(6), transport=transport, length=44 * (transport == 2)
        )
        inner = virtio(ends, length=len(payload), kind=kind, op=op, flags=flags)
        found.append(outer + (inner if transport == 2 else b"") + payload)
    return found


@needs_tcpdump
@pytest.mark.parametrize("verbose", range(3))
def test_tcpdumps_text_of_any_frame(verbose: int, tmp_path: Path) -> None:
    path, flags = tmp_path / "made.pcap", [*STYLE, *["-v"] * verbose]
    path.write_bytes(pcap_header() + b"".join(pcap_record(one, wire=200) for one in made()))
    mine, theirs = apart(ours(path, *flags)), apart(tcpdumps(path, *flags))
    for text, other, found in zip(mine, theirs, packets(path), strict=True):
        assert spoiled(text, found, verbose) == other


@needs_tcpdump
def test_tcpdumps_text_of_a_frame_of_no_bytes(tmp_path: Path) -> None:
    """It takes it for a fault of the file and prints no time; we for a frame cut very short."""
    path = tmp_path / "empty.pcap"
    path.write_bytes(pcap_header() + pcap_record(b"", wire=76))
    assert tcpdumps(path, *STYLE) == "    1  [Invalid header: caplen==0]\n"
    assert ours(path, *STYLE) == "    1  1970-01-01 00:00:01.000002  [|vsock]\n"


DUMPS = ["-x", "-xx", "-X", "-XX", "-A", "-AA"]
HEADS = [
    "-q",
    "-e",
    "-t",
    "-tt",
    "-ttt",
    "-tttt",
    "-ttttt",
    "--nano",
    "--nano -ttt",
    "--nano -ttttt",
]


@needs_tcpdump
@pytest.mark.parametrize("flags", DUMPS + HEADS)
@every_plain_capture
def test_tcpdumps_dumps_and_heads(path: Path, flags: str, plain: Plain) -> None:
    arguments = ["-n", *flags.split()]
    assert ours(plain(path), *arguments) == tcpdumps(plain(path), *arguments)


@needs_tcpdump
@pytest.mark.parametrize("flags", DUMPS)
def test_tcpdumps_dumps_of_any_text(flags: str, tmp_path: Path) -> None:
    """Ends of lines, blanks, tabs and zeros in any order: most of all, CRs near the end."""
    path, chance = tmp_path / "text.pcap", random.Random(1)
    texts = [bytes(chance.choices(b"\r\r\n\t a~\x00\x7f\xff", k=n % 40)) for n in range(400)]
    path.write_bytes(pcap_header() + b"".join(pcap_record(frame(RW, one)) for one in texts))
    assert ours(path, "-n", flags) == tcpdumps(path, "-n", flags)


@pytest.mark.parametrize("verbose", range(3))
def test_tcpdumps_own_expectations(verbose: int) -> None:
    """Its test of vsock: a guest of Linux 4.12, and the text it must print at -, -v and -vv."""
    folder = Path(REFERENCE)
    name = "-".join(["vsock-1", *(["v" * verbose] if verbose else [])])
    if not REFERENCE or not (folder / f"{name}.out").exists():
        pytest.skip("VSOCKDUMP_REFERENCE_CAPTURES holds no vsock-1.pcapng and its texts")
    mine = ours(folder / "vsock-1.pcapng", *STYLE, *["-v"] * verbose)
    assert mine == (folder / f"{name}.out").read_text()
