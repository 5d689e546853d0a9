"""Every capture through tshark, pyshark, tcpdump, dpkt and Scapy: the same packets, the same text.

Where another program is wrong, a rule says so by name and turns what it should have printed into
what it does print; a packet to which no rule applies must come out byte for byte, and a rule must
apply somewhere. VSOCKDUMP_REFERENCE_CAPTURES may name a folder of more captures.
"""

import contextlib
import io
import json
import os
import random
import shutil
import signal
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from vsockdump import columns, options
from vsockdump.dissectors.notes import ANY_DEFECT_A, Note
from vsockdump.dissectors.virtio import VirtioHeader
from vsockdump.dissectors.vsockmon import VsockmonHeader
from vsockdump.engine.batch import Batch
from vsockdump.packet import Packet, packet
from vsockdump.sources import stream
from vsockdump.sources.savefile import Savefile
from vsockdump.tables import Fields
from vsockdump.text import Text

from .frames import RW, SLL, SLL2, VSOCK, Ends, frame, monitor, pcap_header, pcap_record, virtio

PCAPS = Path(__file__).parents[1] / "pcaps"
REFERENCE = os.environ.get("VSOCKDUMP_REFERENCE_CAPTURES", "")
SIZES = {VSOCK: 0, SLL: 16, SLL2: 20}
MONITOR, VIRTIO = 32, 44
SECOND = 1_000_000_000


def captures() -> list[Path]:
    folders = [PCAPS, *([Path(REFERENCE)] if REFERENCE else [])]
    found = [path for folder in folders for path in sorted(folder.glob("*.pcap*"))]
    return [path for path in found if not path.name.endswith((".out", ".json", ".md"))]


every_capture = pytest.mark.parametrize("path", captures(), ids=lambda path: path.name)
every_plain_capture = pytest.mark.parametrize(  # tcpdump does not decode cooked ones: see below
    "path", [path for path in captures() if "any-sll" not in path.name], ids=lambda path: path.name
)
needs_tshark = pytest.mark.skipif(not shutil.which("tshark"), reason="needs tshark")
needs_tcpdump = pytest.mark.skipif(not shutil.which("tcpdump"), reason="needs tcpdump")


def test_reference_captures_are_there_or_not_asked_for() -> None:
    if not REFERENCE:
        pytest.skip("VSOCKDUMP_REFERENCE_CAPTURES names no folder of more captures")
    assert any(path.parent == Path(REFERENCE) for path in captures())


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """Give a capture that any program can read: not compressed."""
    folder = tmp_path_factory.mktemp("plain")

    @cache
    def unpack(path: Path) -> Path:
        if path.suffix not in (".zst", ".gz"):
            return path
        target = folder / path.stem
        with closing(stream.open_raw(str(path))) as raw:
            target.write_bytes(stream.window(raw)[0].fill_to(1 << 30))
        return target

    return unpack


Plain = Callable[[Path], Path]


def output(*command: str | Path) -> str:
    run = subprocess.run([*map(str, command)], capture_output=True, check=True)
    return run.stdout.decode()


def batches(path: Path) -> Iterator[Batch]:
    count = 0
    with closing(Savefile(str(path))) as source:
        for batch in source.batches():
            assert batch is not None
            batch.first = count + 1
            count += batch.count
            yield batch


def packets(path: Path) -> list[Packet]:
    return [packet(batch, row) for batch in batches(path) for row in range(batch.count)]


# --- tcpdump's text ---------------------------------------------------------------------------


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


def behind(found: Packet) -> bytes:
    """What tcpdump takes for the payload: all behind headers of fixed sizes."""
    monitor = found.layers[0]
    assert isinstance(monitor, VsockmonHeader)
    return found.frame[MONITOR + (VIRTIO if monitor.transport == 2 else 0) :]


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


def monitor_of(found: Packet) -> VsockmonHeader | None:
    return next((one for one in found.layers if isinstance(one, VsockmonHeader)), None)


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


# --- tshark's fields --------------------------------------------------------------------------

FIELDS = [one.wireshark for one in columns.COLUMNS if one.wireshark.startswith("vsock.")]
FRAME = ["frame.number", "frame.time_epoch", "frame.cap_len", "frame.len"]
VIRTIO_FIELDS = [name for name in FIELDS if name.startswith("vsock.virtio.")]


def our_fields(path: Path, names: list[str]) -> list[dict[str, str]]:
    table = Fields([columns.find(name) for name in names])
    lines = b"".join(table.render(batch) for batch in batches(path)).decode().splitlines()
    return [dict(zip(names, line.split("\t"), strict=True)) for line in lines]


def read_anyway(values: dict[str, str], frame: bytes) -> dict[str, str]:
    """tshark reads a virtio header of 44 bytes, and what `len` says is its payload too."""
    values = dict(values)
    inner = VirtioHeader.parse(frame[MONITOR:])
    shown = zip(VIRTIO_FIELDS, inner_order(inner), strict=True)
    values |= {name: f"{value:#010x}" if "flags" in name else str(value) for name, value in shown}
    monitor = VsockmonHeader.parse(frame)
    values["vsock.payload"] = frame[MONITOR + monitor.len :].hex()
    return values


def inner_order(inner: VirtioHeader) -> list[int]:
    names = {"src_prot": "src_port", "dst_prot": "dst_port"}
    parts = [name.removeprefix("vsock.virtio.") for name in VIRTIO_FIELDS]
    return [getattr(inner, names.get(part, part)) for part in parts]


class FieldRule(NamedTuple):
    """A known fault of tshark's: which packets it spoils, and how."""

    applies: Callable[[Packet], bool]
    spoil: Callable[[dict[str, str], Packet], dict[str, str]]


def lacks_room(found: Packet) -> bool:
    monitor = monitor_of(found)
    room = len(found.frame) >= MONITOR + VIRTIO
    return monitor is not None and monitor.transport == 2 and monitor.len < VIRTIO and room


FIELD_RULES = {
    "cooked captures are not dissected": FieldRule(
        lambda found: found.linktype != VSOCK,
        lambda values, _: values | dict.fromkeys(FIELDS, ""),
    ),
    "the payload goes to the frame's end, whatever its length is": FieldRule(
        lambda found: bool(found.notes & (ANY_DEFECT_A | Note.TRAILING)),
        lambda values, found: values | {"vsock.payload": behind(found).hex()},
    ),
    "a payload that was cut is not shown": FieldRule(
        lambda found: found.linktype == VSOCK and len(found.frame) < found.wire_len,
        lambda values, _: values | {"vsock.payload": ""},
    ),
    "a header is read where len leaves no room for it": FieldRule(
        lacks_room, lambda values, found: read_anyway(values, found.frame)
    ),
}


def field_spoiled(values: dict[str, str], found: Packet) -> dict[str, str]:
    for rule in FIELD_RULES.values():
        if rule.applies(found):
            values = rule.spoil(values, found)
    return values


@needs_tshark
@every_capture
def test_tsharks_fields(path: Path, plain: Plain) -> None:
    names = FRAME + FIELDS
    asked = [word for name in names for word in ("-e", name)]
    lines = output("tshark", "-n", "-r", plain(path), "-T", "fields", *asked).splitlines()
    theirs = [dict(zip(names, line.split("\t"), strict=True)) for line in lines]
    mine = our_fields(path, names)
    for values, other, found in zip(mine, theirs, packets(path), strict=True):
        assert field_spoiled(values, found) == other


def test_each_rule_about_tshark_is_needed() -> None:
    everything = [found for path in captures() for found in packets(path)]
    needed = {name for name, rule in FIELD_RULES.items() if any(map(rule.applies, everything))}
    assert needed == set(FIELD_RULES)


@needs_tshark
def test_all_of_tsharks_fields_have_a_column() -> None:
    fields = [line.split("\t") for line in output("tshark", "-G", "fields").splitlines()]
    known = {line[2] for line in fields if line[0] == "F" and line[2].startswith("vsock.")}
    assert known == set(FIELDS)


def flat(tree: dict[str, Any]) -> dict[str, str]:
    """Return the fields of a layer of -T json, those of its branches too."""
    found: dict[str, str] = {}
    for name, value in tree.items():
        found |= flat(value) if isinstance(value, dict) else {name: value}
    return found


@needs_tshark
@every_capture
def test_tsharks_json(path: Path, plain: Plain) -> None:
    text = output("tshark", "-n", "-r", plain(path), "-T", "json", "--no-duplicate-keys")
    mine = our_fields(path, FIELDS)
    for values, other, found in zip(mine, json.loads(text), packets(path), strict=True):
        layer = flat(other["_source"]["layers"].get("vsock", {}))
        shown = {name: layer.get(name, "").replace(":", "") for name in FIELDS}
        assert field_spoiled(values, found) == shown


@pytest.fixture
def signals_kept() -> Iterator[None]:
    """Undo what pyshark's event loop leaves: a handler that writes where nobody reads any more."""
    handler = signal.getsignal(signal.SIGCHLD)
    yield
    signal.signal(signal.SIGCHLD, handler)
    signal.set_wakeup_fd(-1)


@needs_tshark
@pytest.mark.usefixtures("signals_kept")
@pytest.mark.parametrize("name", ["hello.pcap", "hello-dumpcap.pcapng", "refused.pcap"])
def test_pyshark(name: str) -> None:
    pyshark = pytest.importorskip("pyshark")
    names = [one for one in FIELDS if one != "vsock.payload"]
    mine = our_fields(PCAPS / name, names)
    with closing(pyshark.FileCapture(str(PCAPS / name), keep_packets=False)) as capture:
        theirs = [dict(one.vsock._all_fields) for one in capture]
    for values, other in zip(mine, theirs, strict=True):
        assert values == {one: other[one].replace(":", "") for one in names}


# --- other readers ----------------------------------------------------------------------------


def taken(path: Path) -> list[tuple[int, bytes, int]]:
    return [(one.time_ns, one.frame, one.wire_len) for one in packets(path)]


@every_capture
def test_scapy_reads_the_same_packets(path: Path, plain: Plain) -> None:
    utils = pytest.importorskip("scapy.utils")
    with utils.RawPcapReader(str(plain(path))) as reader:
        nano = 1 if getattr(reader, "nano", False) else 1000
        found = [
            (scapy_time(meta, nano), bytes(one), meta.wirelen) for one, meta in at_most(reader)
        ]
    assert found == taken(path)


def at_most(reader: Any, size: int = 262144) -> Iterator[tuple[bytes, Any]]:  # noqa: ANN401
    """Yield what its reader has; left to itself it cuts frames to 65535 bytes."""
    with contextlib.suppress(EOFError):
        while True:
            yield reader._read_packet(size)


def scapy_time(meta: Any, unit: int) -> int:  # noqa: ANN401 - untyped
    if hasattr(meta, "tshigh"):
        return int(((meta.tshigh << 32) + meta.tslow) * SECOND // meta.tsresol)
    return int(meta.sec * SECOND + meta.usec * unit)


@every_capture
def test_dpkt_reads_the_same_packets(path: Path, plain: Plain) -> None:
    """Its times are floats of seconds: some hundred nanoseconds are lost."""
    pcap, pcapng = pytest.importorskip("dpkt.pcap"), pytest.importorskip("dpkt.pcapng")
    file = plain(path).read_bytes()
    is_pcapng = file[:4] == struct.pack("=I", 0x0A0D0D0A)
    reader = (pcapng if is_pcapng else pcap).Reader(io.BytesIO(file))
    for (seconds, data), (ns, mine, _) in zip(reader, taken(path), strict=True):
        assert bytes(data) == mine
        assert abs(int(seconds * SECOND) - ns) < 1000
