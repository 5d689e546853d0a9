"""The loops people write today, with dpkt or with Scapy: every header field of every packet.

`python -m tests.bench.rivals dpkt|scapy FILE [flows]`; with `flows` a table of connections is made
of them, without credit, states and what is wrong.
"""

from __future__ import annotations

import struct
import sys
from collections import Counter
from collections.abc import Callable, Iterator

HEADERS = struct.Struct("<QQIIHHHH QQIIIHHIII")


def with_dpkt(path: str) -> Iterator[bytes]:
    import dpkt  # noqa: PLC0415 - each run pays for its own library alone

    with open(path, "rb") as file:  # noqa: PTH123 - what their readers would write
        for _, frame in dpkt.pcap.Reader(file):
            yield frame


def with_scapy(path: str) -> Iterator[bytes]:
    from scapy.utils import PcapReader  # noqa: PLC0415

    with PcapReader(path) as packets:
        for packet in packets:
            yield bytes(packet)


def flows(frames: Iterator[bytes]) -> int:
    """Count packets and bytes of each connection, both ways apart; return how many there are."""
    packets: Counter[tuple[int, ...]] = Counter()
    payload: Counter[tuple[int, ...]] = Counter()
    for frame in frames:
        fields = HEADERS.unpack_from(frame)
        addresses = fields[:4]
        packets[addresses] += 1
        payload[addresses] += fields[12]
    return len({frozenset([(a[0], a[2]), (a[1], a[3])]) for a in packets})


Reader = Callable[[str], Iterator[bytes]]

READERS: dict[str, Reader] = {"dpkt": with_dpkt, "scapy": with_scapy}


def main() -> None:
    name, path, *table = sys.argv[1:]
    frames = READERS[name](path)
    print(flows(frames) if table else sum(HEADERS.unpack_from(frame)[12] for frame in frames))


if __name__ == "__main__":
    main()
