"""The loops people write today: every header field of every packet, with dpkt or with Scapy.

`python -m tests.bench.rivals dpkt|scapy FILE`
"""

from __future__ import annotations

import struct
import sys
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


READERS: dict[str, Callable[[str], Iterator[bytes]]] = {"dpkt": with_dpkt, "scapy": with_scapy}


def main() -> None:
    name, path = sys.argv[1:]
    payload = sum(HEADERS.unpack_from(frame)[12] for frame in READERS[name](path))
    print(payload)


if __name__ == "__main__":
    main()
