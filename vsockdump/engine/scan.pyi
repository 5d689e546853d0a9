from collections.abc import Iterator

from typing_extensions import Buffer

from .batch import Batch, Interfaces

MOST_BYTES: int

class Scanner:
    interfaces: Interfaces
    damage: str
    other: bool
    more: bool
    def add_interface(
        self, linktype: int, tsresol: int = 9, tsoffset: int = 0, snaplen: int = 0
    ) -> int: ...
    def pcap(
        self,
        data: Buffer,
        begin: int,
        end: int,
        *,
        swapped: bool = False,
        unit: int = 1000,
        lead: int = 16,
        lengths: int = 0,
    ) -> Batch: ...
    def pcapng(
        self, data: Buffer, begin: int, end: int, *, swapped: bool = False, base: int = 0
    ) -> Batch: ...
    def ring(self, block: Buffer, interface: int) -> Iterator[Batch]: ...
