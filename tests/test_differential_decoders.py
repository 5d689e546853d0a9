"""Every capture through tshark, pyshark, dpkt and Scapy: the same packets, the same fields.

Where tshark is wrong, a rule says so by name: see test_differential_tcpdump.py.
"""

import asyncio
import contextlib
import io
import json
import shutil
import signal
import struct
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from vsockdump import columns
from vsockdump.dissectors.notes import ANY_DEFECT_A, Note
from vsockdump.dissectors.virtio import VirtioHeader
from vsockdump.dissectors.vsockmon import VsockmonHeader
from vsockdump.packet import Packet
from vsockdump.tables import Fields

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
    every_capture,
    monitor_of,
    output,
    packets,
)
from .frames import VSOCK

needs_tshark = pytest.mark.skipif(not shutil.which("tshark"), reason="needs tshark")


def test_reference_captures_are_there_or_not_asked_for() -> None:
    if not REFERENCE:
        pytest.skip("VSOCKDUMP_REFERENCE_CAPTURES names no folder of more captures")
    assert any(path.parent == Path(REFERENCE) for path in captures())


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
    """Undo what pyshark leaves: its event loop, with a handler that writes where nobody reads."""
    handler = signal.getsignal(signal.SIGCHLD)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    loop.close()
    asyncio.set_event_loop(None)
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
