"""Big captures, the same on every machine: many connections, whole and with consistent credit.

A Shape's file is one simulated chunk of connections again and again, each time with later times and
other client ports; a Crowd's has all its connections open at once. `python -m tests.bench.generate
FOLDER [--quick]`
"""

from __future__ import annotations

import argparse
import random
import shutil
import struct
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

LINKTYPE_VSOCK = 271
SNAPLEN = 262144
MICRO, NANO = (
    struct.pack("<IHHiIII", magic, 2, 4, 0, 0, SNAPLEN, LINKTYPE_VSOCK)
    for magic in (0xA1B2C3D4, 0xA1B23C4D)
)
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
ROUND_NS = 50_000_000  # until each of a crowd has sent a packet: nobody waits for long
ACTIVE = 200  # connections at a time: how much one packet's flow differs from the last one's

# Payload sizes with their weights.
SMALL = {16: 32, 40: 24, 64: 20, 128: 14, 256: 9, 512: 1}
MEAN = 60  # bytes of all packets of such a file
MIXED = {64: 39, 512: 20, 1024: 16, 3732: 16, 8192: 6, 16384: 2, 65536: 1}


class Shape(NamedTuple):
    """A file to make: `chunks` times a chunk of `connections`, each with `turns` of data."""

    name: str
    sizes: dict[int, int]
    connections: int
    turns: int
    chunks: int

    def scaled(self, divisor: int, suffix: str) -> Shape:
        return self._replace(name=f"{self.name}{suffix}", chunks=self.chunks // divisor)


class Crowd(NamedTuple):
    """A file to make: some `connections` of the same kind, all at once, of `packets` each."""

    connections: int
    packets: int

    @property
    def name(self) -> str:
        return f"crowd-{self.connections}x{self.packets}"


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


SHAPES = (Shape("small", SMALL, 500, 80, 100), Shape("mixed", MIXED, 100, 80, 100))
TEN_MILLION = Shape("ten-million", SMALL, 500, 80, 200)  # packets; what a screen is put before
PACKETS = 5_000_000  # of a crowd
ROOM = 6 << 30  # bytes: the largest file, and two copies of it
SLICE = 50  # the slow rivals get every this many-th part of the file


def connection(
    rng: random.Random, sizes: dict[int, int], turns: int, updates: float = 0.2
) -> Iterator[Packet]:
    """Simulate requests and answers, each read at once, some reads told in a CREDIT_UPDATE."""
    choice = partial(rng.choices, list(sizes), list(sizes.values()))
    read = {True: 0, False: 0}  # by whether the reader is the client
    yield Packet(True, REQUEST, 0, 0)
    yield Packet(False, RESPONSE, 0, 0)
    for turn in range(turns):
        from_client = turn // 2 % 2 == 0
        size = choice()[0]
        yield Packet(from_client, RW, size, read[from_client])
        read[not from_client] += size
        if rng.random() < updates:
            yield Packet(not from_client, CREDIT_UPDATE, 0, read[not from_client])
    yield Packet(True, SHUTDOWN, 0, read[True], flags=3)
    yield Packet(False, RST, 0, read[False])


def interleaved(rng: random.Random, shape: Shape) -> Iterator[tuple[int, Packet]]:
    """Run ACTIVE connections at a time, in no order, until all have ended."""
    waiting = [
        (number, connection(rng, shape.sizes, shape.turns)) for number in range(shape.connections)
    ]
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
        made.records.append(len(data))
        made.ports.append((len(data) + port_offset(packet), number))
        data += in_record(frame(packet, 0, content))
    return made


def in_record(whole: bytes) -> bytearray:
    return bytearray(RECORD.pack(0, 0, len(whole), len(whole)) + whole)


def port_offset(packet: Packet) -> int:
    """Where the client's port stands in a record: in the first header, as source or target."""
    return RECORD.size + (16 if packet.from_client else 20)


def stamp(data: bytearray, begin: int, port_at: int, time: tuple[int, int], port: int) -> None:
    """Write the time and the client's port into a record, the port into both headers."""
    TIME.pack_into(data, begin, *time)
    PORT.pack_into(data, port_at, port)
    PORT.pack_into(data, port_at + 32, port)


def restamped(shape: Shape) -> Iterator[bytearray]:
    """Yield the file's header, then the chunk with times (3 us apart) and ports, and so on."""
    yield bytearray(MICRO)
    made = chunk(shape)
    clock = START_S * 1_000_000
    for repetition in range(shape.chunks):
        base_port = 1024 + repetition * shape.connections
        for begin, (port_at, number) in zip(made.records, made.ports, strict=True):
            clock += 3
            stamp(made.data, begin, port_at, divmod(clock, 1_000_000), base_port + number)
        yield made.data


def crowd(shape: Crowd) -> Iterator[bytearray]:
    """Yield the file's header, then the first packet of each connection, in no order, and so on."""
    yield bytearray(NANO)
    rng, content = random.Random(shape.name), bytes(65536)
    ports = list(range(1024, 1024 + shape.connections))
    step = min(3000, ROUND_NS // shape.connections)
    clock = START_S * 1_000_000_000
    turns = shape.packets - 4  # the others open and close
    size = MEAN * shape.packets // turns
    for packet in connection(rng, {size: 1}, turns, updates=0):
        record = in_record(frame(packet, 0, content))
        rng.shuffle(ports)
        for port in ports:
            clock += step
            stamp(record, 0, port_offset(packet), divmod(clock, 1_000_000_000), port)
            yield record


def write(shape: Shape | Crowd, target: Path) -> None:
    """Write the whole file beside `target` and rename it: what is there is whole."""
    if shutil.disk_usage(target.parent).free < ROOM:
        sys.exit(f"bench: {target.parent} has less than {ROOM >> 30} GiB of free disk")
    unfinished = target.with_suffix(".unfinished")
    with unfinished.open("wb") as file:
        for piece in restamped(shape) if isinstance(shape, Shape) else crowd(shape):
            file.write(piece)
    unfinished.rename(target)
    print(f"made {target.name}: {target.stat().st_size / 1e6:,.0f} MB", flush=True)


def shapes(quick: bool) -> list[Shape | Crowd]:
    """Name the files of a run: full or tenth size, each with its slice, and ten packets."""
    whole = [large.scaled(10, "-quick") if quick else large for large in (*SHAPES, TEN_MILLION)]
    slices = [shape.scaled(SLICE, "-slice") for shape in SHAPES]
    ten = Shape("ten", SMALL, connections=1, turns=4, chunks=1)
    return [*whole, *slices, ten, *crowds(quick)]


def crowds(quick: bool) -> list[Crowd]:
    """Name the crowds of a run, all of as many packets."""
    packets = PACKETS // 10 if quick else PACKETS
    return [
        Crowd(connections, packets // connections)
        for connections in (1, packets // 500, packets // 5)
    ]


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
