"""Frames and capture files made by hand, byte by byte: nothing here is shared with the readers."""

import struct
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from vsockdump.engine.batch import Batch
from vsockdump.errors import ReadError
from vsockdump.sources.savefile import Savefile

VSOCK, SLL, SLL2, ETHERNET = 271, 113, 276, 1
SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND

MICRO, NANO, MODIFIED = 0xA1B2C3D4, 0xA1B23C4D, 0xA1B2CD34

SHB, IDB, OBSOLETE, SPB, NRB, ISB, EPB, CUSTOM = 0x0A0D0D0A, 1, 2, 3, 4, 5, 6, 0xBAD

Options = Sequence[tuple[int, bytes]]

MONITOR_OP = {1: 1, 2: 1, 3: 2, 4: 2, 5: 4, 6: 3, 7: 3}


class Taken(NamedTuple):
    """One captured packet: ns since 1970, the bytes there are, the bytes there were."""

    time: int
    frame: bytes
    wire: int


def frame(
    payload: bytes = b"",
    op: int = 5,
    *,
    src: tuple[int, int] = (3, 1024),
    dst: tuple[int, int] = (2, 1234),
    kind: int = 1,
    flags: int = 0,
) -> bytes:
    """One frame as vsockmon gives it: af_vsockmon_hdr, virtio_vsock_hdr, payload."""
    ends = (src[0], dst[0], src[1], dst[1])
    monitor = struct.pack("<QQIIHHHH", *ends, MONITOR_OP.get(op, 0), 2, 44, 0)
    credit = (262144, 0)
    virtio = struct.pack("<QQIIIHHIII", *ends, len(payload), kind, op, flags, *credit)
    return monitor + virtio + payload


def some(count: int, step: int = SECOND // 4, start: int = START, size: int = 7) -> list[Taken]:
    """Give packets that can be told apart, of sizes that need padding and sizes that do not."""
    frames = [frame(f"{number:06d}".encode() + bytes(number % size)) for number in range(count)]
    return [Taken(start + n * step, one, len(one)) for n, one in enumerate(frames)]


def pcap(
    packets: Iterable[Taken],
    order: str = "<",
    magic: int = MICRO,
    version: tuple[int, int] = (2, 4),
    *,
    linktype: int = VSOCK,
    snaplen: int = 262144,
) -> bytes:
    """One pcap file; versions before 2.3 have a record's two lengths the other way round."""
    head = struct.pack(order + "IHHiIII", magic, *version, 0, 0, snaplen, linktype)
    unit = 1 if magic == NANO else 1000
    swapped = version[0] == 543 or version < (2, 3)
    out = [head]
    for time, data, wire in packets:
        second, rest = divmod(time, SECOND)
        lengths = (wire, len(data)) if swapped else (len(data), wire)
        out.append(struct.pack(order + "IIII", second, rest // unit, *lengths))
        out += [struct.pack(order + "IHBB", 3, 0, 4, 0)] if magic == MODIFIED else []
        out.append(data)
    return b"".join(out)


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    """One pcapng block."""
    size = struct.pack(order + "I", len(padded(body)) + 12)
    return struct.pack(order + "I", kind) + size + padded(body) + size


def options(given: Options, order: str = "<") -> bytes:
    """Options and their end; nothing for none."""
    packed = (struct.pack(order + "HH", code, len(v)) + padded(v) for code, v in given)
    return b"".join(packed) + bytes(4) if given else b""


def section(order: str = "<", given: Options = (), length: int = -1) -> bytes:
    head = struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, length)
    return block(SHB, head + options(given, order), order)


def interface(
    order: str = "<", given: Options = ((9, b"\x09"),), linktype: int = VSOCK, snaplen: int = 262144
) -> bytes:
    head = struct.pack(order + "HHI", linktype, 0, snaplen)
    return block(IDB, head + options(given, order), order)


def enhanced(
    taken: Taken, order: str = "<", number: int = 0, given: Options = (), units: int | None = None
) -> bytes:
    """One packet; `units` is its time in the interface's own units, nanoseconds if not given."""
    stamp = taken.time if units is None else units
    times = (stamp >> 32, stamp & 0xFFFFFFFF)
    head = struct.pack(order + "IIIII", number, *times, len(taken.frame), taken.wire)
    return block(EPB, head + padded(taken.frame) + options(given, order), order)


def simple(taken: Taken, order: str = "<") -> bytes:
    return block(SPB, struct.pack(order + "I", taken.wire) + taken.frame, order)


def obsolete(taken: Taken, order: str = "<", number: int = 0) -> bytes:
    times = (taken.time >> 32, taken.time & 0xFFFFFFFF)
    head = struct.pack(order + "HHIIII", number, 0, *times, len(taken.frame), taken.wire)
    return block(OBSOLETE, head + taken.frame, order)


def statistics(received: int, dropped: int, order: str = "<", number: int = 0) -> bytes:
    counts = [(4, struct.pack(order + "Q", received)), (7, struct.pack(order + "Q", dropped))]
    return block(ISB, struct.pack(order + "III", number, 0, 0) + options(counts, order), order)


def pcapng(packets: Iterable[Taken], order: str = "<") -> bytes:
    """One pcapng file of one section with one interface, in nanoseconds."""
    blocks = (enhanced(taken, order) for taken in packets)
    return section(order) + interface(order) + b"".join(blocks)


def everything() -> bytes:
    """Two sections of different byte order, with every kind of block and option there is."""
    first, second, third, *more = some(8)
    comments = ((1, b"first"), (1, "zweit\u00e9".encode()), (2, b"\0\0\0\1"))
    out = section("<", ((3, b"Linux 6.1"), (4, b"by hand"), (1, b"a section")))
    out += interface("<", ((2, b"vsockmon0"), (9, b"\x09"), (11, b"\0port 1"), (12, b"Linux 6.1")))
    out += interface("<", ((2, b"vsockmon1"), (9, b"\x06")), snaplen=96)
    out += block(NRB, struct.pack("<HH", 0, 0)) + enhanced(first, given=comments)
    out += block(CUSTOM, struct.pack("<I", 32473) + b"anything")
    out += enhanced(second, number=1, units=second.time // 1000) + block(0x12345, b"who knows")
    out += obsolete(third) + simple(third) + statistics(100, 7)
    out += section(">", ((3, b"AIX"),)) + interface(">", ((2, b"mon2"), (9, b"\x09")))
    out += b"".join(enhanced(taken, ">", given=((1, b"big"),)) for taken in more)
    return out + block(CUSTOM, struct.pack(">I", 32473) + b"end", ">") + statistics(5, 1, ">")


def first_batch(data: bytes, folder: Path) -> Batch:
    """Read a capture's first batch of packets; it stays valid, as nothing more is read."""
    path = folder / "capture"
    path.write_bytes(data)
    with closing(Savefile(str(path))) as source:
        return next(batch for batch in source.batches() if batch)


def packets(source: Savefile) -> Iterator[Taken]:
    for batch in source.batches():
        for row in range(len(batch) if batch else 0):
            assert batch is not None
            times, wires = batch.column("time"), batch.column("wire_len")
            yield Taken(times[row], batch.frame(row), wires[row])


def read(path: str) -> list[Taken]:
    source = Savefile(path)
    try:
        return list(packets(source))
    finally:
        source.close()


def read_until_error(path: str) -> tuple[list[Taken], str]:
    """Give the packets there were, and the error after them, if any."""
    found: list[Taken] = []
    try:
        source = Savefile(path)
    except ReadError as error:
        return found, str(error)
    try:
        for taken in packets(source):
            found.append(taken)
    except ReadError as error:
        return found, str(error)
    finally:
        source.close()
    return found, ""
