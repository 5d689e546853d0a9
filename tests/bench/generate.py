"""Big captures, the same on every machine: many connections, whole and with consistent credit.

One chunk of connections is simulated; the file is that chunk again and again, each time with
later times and other client ports. `python -m tests.bench.generate FOLDER [--quick]`
"""

from __future__ import annotations

import argparse
import random
import shutil
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

LINKTYPE_VSOCK = 271
SNAPLEN = 262144
FILE_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, SNAPLEN, LINKTYPE_VSOCK)
RECORD = struct.Struct("<IIII")
# struct af_vsockmon_hdr, then struct virtio_vsock_hdr (linux/vsockmon.h, linux/virtio_vsock.h)
HEADERS = struct.Struct("<QQIIHHH2x QQIIIHHIII")
PORT = struct.Struct("<I")
TIME = struct.Struct("<II")

REQUEST, RESPONSE, RST, SHUTDOWN, RW, CREDIT_UPDATE = 1, 2, 3, 4, 5, 6
VSOCKMON_OP = {REQUEST: 1, RESPONSE: 1, RST: 2, SHUTDOWN: 2, RW: 4, CREDIT_UPDATE: 3}
STREAM, VIRTIO, HOST, GUEST, SERVER_PORT = 1, 2, 2, 3, 1234
BUFFER = 262144
START_S = 1_700_000_000
ACTIVE = 200  # connections at a time: how much one packet's flow differs from the last one's

# Payload sizes with their weights; the means give files of the sizes in SHAPES.
SMALL = {16: 32, 40: 24, 64: 20, 128: 14, 256: 9, 512: 1}
MIXED = {64: 39, 512: 20, 1024: 16, 3732: 16, 8192: 6, 16384: 2, 65536: 1}


class Shape(NamedTuple):
    """A file to make: `chunks` times a chunk of `connections`, each of `exchanges`."""

    name: str
    sizes: dict[int, int]
    connections: int
    exchanges: int
    chunks: int

    def scaled(self, divisor: int, suffix: str) -> Shape:
        return self._replace(name=f"{self.name}{suffix}", chunks=self.chunks // divisor)


class Packet(NamedTuple):
    """What one side sends; everything else about the packet follows from the connection."""

    from_client: bool
    op: int
    size: int
    fwd_cnt: int
    flags: int = 0


class Chunk(NamedTuple):
    """Records, where they begin, and where the client's port stands in each, twice."""

    data: bytearray
    records: list[int]
    ports: list[tuple[int, int]]  # offset of the port in the first header; the connection


SHAPES = (Shape("small", SMALL, 500, 20, 100), Shape("mixed", MIXED, 100, 20, 100))
SLICE = 50  # the slow rivals get every this many-th part of the file


def connection(rng: random.Random, shape: Shape) -> Iterator[Packet]:
    """Simulate requests and answers, each read at once, some reads told in a CREDIT_UPDATE."""
    sizes, weights = list(shape.sizes), list(shape.sizes.values())
    read = {True: 0, False: 0}  # by whether the reader is the client
    yield Packet(True, REQUEST, 0, 0)
    yield Packet(False, RESPONSE, 0, 0)
    for turn in range(2 * shape.exchanges * 2):
        from_client = turn // 2 % 2 == 0
        size = rng.choices(sizes, weights)[0]
        yield Packet(from_client, RW, size, read[from_client])
        read[not from_client] += size
        if rng.random() < 0.2:
            yield Packet(not from_client, CREDIT_UPDATE, 0, read[not from_client])
    yield Packet(True, SHUTDOWN, 0, read[True], flags=3)
    yield Packet(False, RST, 0, read[False])


def interleaved(rng: random.Random, shape: Shape) -> Iterator[tuple[int, Packet]]:
    """Run ACTIVE connections at a time, in no order, until all have ended."""
    waiting = [(number, connection(rng, shape)) for number in range(shape.connections)]
    active, waiting = waiting[:ACTIVE], waiting[ACTIVE:]
    while active:
        place = rng.randrange(len(active))
        number, packets = active[place]
        if packet := next(packets, None):
            yield number, packet
        elif waiting:
            active[place] = waiting.pop()
        else:
            active.pop(place)


def frame(packet: Packet, client_port: int, content: bytes) -> bytes:
    client, server = (GUEST, client_port), (HOST, SERVER_PORT)
    source, target = (client, server) if packet.from_client else (server, client)
    addresses = (source[0], target[0], source[1], target[1])
    headers = HEADERS.pack(
        *addresses, VSOCKMON_OP[packet.op], VIRTIO, 44,
        *addresses, packet.size, STREAM, packet.op, packet.flags, BUFFER, packet.fwd_cnt,
    )  # fmt: skip
    return headers + content[: packet.size]


def chunk(shape: Shape) -> Chunk:
    rng = random.Random(f"{shape.name.partition('-')[0]} 6")
    content = rng.randbytes(65536)
    made = Chunk(data := bytearray(), [], [])
    for number, packet in interleaved(rng, shape):
        whole = frame(packet, 0, content)
        begin = len(data)
        made.records.append(begin)
        made.ports.append((begin + RECORD.size + (16 if packet.from_client else 20), number))
        data += RECORD.pack(0, 0, len(whole), len(whole)) + whole
    return made


def restamp(made: Chunk, repetition: int, connections: int) -> None:
    """Write the times (3 microseconds apart) and ports of a repetition into the chunk."""
    base_port = 1024 + repetition * connections
    clock = repetition * len(made.records) * 3
    data = made.data
    for begin, (port_at, number) in zip(made.records, made.ports, strict=True):
        clock += 3
        TIME.pack_into(data, begin, START_S + clock // 1_000_000, clock % 1_000_000)
        PORT.pack_into(data, port_at, base_port + number)
        PORT.pack_into(data, port_at + 32, base_port + number)  # the virtio header's


def write(shape: Shape, target: Path) -> None:
    """Write the whole file beside `target` and rename it: what is there is whole."""
    made = chunk(shape)
    needed = shape.chunks * len(made.data)
    if shutil.disk_usage(target.parent).free < 2 * needed:
        sys.exit(f"bench: {target} and a copy of it need {2 * needed >> 20} MiB of free disk")
    unfinished = target.with_suffix(".unfinished")
    with unfinished.open("wb") as file:
        file.write(FILE_HEADER)
        for repetition in range(shape.chunks):
            restamp(made, repetition, shape.connections)
            file.write(made.data)
    unfinished.rename(target)
    packets = shape.chunks * len(made.records)
    print(f"made {target.name}: {packets:,} packets, {needed / 1e6:,.0f} MB", flush=True)


def shapes(quick: bool) -> list[Shape]:
    """Name the files of a run: full or tenth size, each with its slice, and ten packets."""
    whole = [shape.scaled(10, "-quick") if quick else shape for shape in SHAPES]
    slices = [shape.scaled(SLICE, "-slice") for shape in SHAPES]
    return [*whole, *slices, Shape("ten", SMALL, 1, 1, 1)]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--quick", action="store_true")
    wanted = parser.parse_args()
    wanted.folder.mkdir(exist_ok=True)
    for shape in shapes(wanted.quick):
        target = wanted.folder / f"{shape.name}.pcap"
        if not target.exists():
            write(shape, target)


if __name__ == "__main__":
    main()
