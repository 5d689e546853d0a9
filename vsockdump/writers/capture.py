"""Batches into one pcap or pcapng file. A frame goes in as it came."""

import os
from typing import Protocol

from vsockdump import __version__
from vsockdump.dissectors import LINKTYPE_VSOCK
from vsockdump.engine import records
from vsockdump.engine.batch import Batch
from vsockdump.errors import WriteError
from vsockdump.formats import pcap, pcapng
from vsockdump.interface import SNAPLEN, Interface

from .output import Output

PCAPNG_SUFFIXES = (".pcapng", ".ntar")


class Writer(Protocol):
    """One open capture file."""

    output: Output

    def pass_on(self, blocks: bytes) -> None:
        """Take the pcapng blocks that stood before a batch's packets."""

    def write(self, batch: Batch, begin: int, end: int) -> None:
        """Write rows begin <= row < end; raises WriteError or ReaderGone."""

    def sizes(self, batch: Batch) -> list[int]:
        """Return how many bytes each packet takes."""

    def finish(self, drops: list[pcapng.Drops], time_ns: int) -> None:
        """Write what stands at the end, given the counts of each interface."""


class PcapWriter:
    """A pcap file: one link type, times in micro- or nanoseconds."""

    def __init__(self, output: Output, interfaces: list[Interface], nano: bool = False) -> None:
        """Write the header; `interfaces` may still be empty where a file has not named one."""
        self.output = output
        self._interfaces = interfaces
        self._nano = nano
        self._form = f"pcap/{1 if nano else 1000}"
        self._linktype = -1
        if len(interfaces) == 1:
            self._begin(interfaces[0])

    def pass_on(self, blocks: bytes) -> None:
        """Nothing: pcap has no place for them."""

    def write(self, batch: Batch, begin: int, end: int) -> None:
        """Write rows begin <= row < end; raises WriteError for a second link type."""
        if begin == end:
            return
        if self._linktype < 0:
            self._begin(self._interfaces[batch.column("interface")[begin]])
        self._check(batch, begin, end)
        if batch.form == self._form:  # the records are what they would become
            found: bytes | memoryview = records.raw(batch, begin, end)
        else:
            found = records.pcap(batch, begin, end, self._nano)
        self.output.write(found, lambda: self.sizes(batch)[begin:end])

    def sizes(self, batch: Batch) -> list[int]:
        """Return the bytes of each packet's record."""
        return records.sizes(batch, "pcap")

    def finish(self, drops: list[pcapng.Drops], time_ns: int) -> None:
        """Begin the file if no packet did; pcap has no place for counts."""
        if self._linktype < 0:
            self._begin(Interface(LINKTYPE_VSOCK))

    def _begin(self, interface: Interface) -> None:
        self._linktype = interface.linktype
        magic = pcap.NANOSECONDS if self._nano else pcap.MICROSECONDS
        snaplen = interface.snaplen or SNAPLEN
        self.output.write(pcap.FileHeader(interface.linktype, snaplen, magic).pack())

    def _check(self, batch: Batch, begin: int, end: int) -> None:
        if batch.interfaces.count == 1:
            return
        used = set(batch.column("interface")[begin:end])
        if any(batch.interfaces.linktype(index) != self._linktype for index in used):
            name = self.output.name
            raise WriteError(f"{name}: a pcap file holds one link type only; write a .pcapng file")


class PcapngWriter:
    """A pcapng file made from packets that came from elsewhere: a live link, a pcap file."""

    def __init__(self, output: Output, interfaces: list[Interface]) -> None:
        """Write the section's header and its interfaces."""
        self.output = output
        output.write(_preamble(interfaces))

    def pass_on(self, blocks: bytes) -> None:
        """Nothing: a live link and a pcap file have none."""

    def write(self, batch: Batch, begin: int, end: int) -> None:
        """Write rows begin <= row < end."""
        if begin < end:
            found = records.pcapng(batch, begin, end)
            self.output.write(found, lambda: self.sizes(batch)[begin:end])

    def sizes(self, batch: Batch) -> list[int]:
        """Return the bytes of each packet's block."""
        return records.sizes(batch, "pcapng")

    def finish(self, drops: list[pcapng.Drops], time_ns: int) -> None:
        """Write the counts of each interface."""
        self.output.write(b"".join(pcapng.pack_statistics(count, time_ns) for count in drops))


MOST_HEADER = 1 << 24
"""Bytes of a section's descriptions that can be kept for the next file."""


class Section:
    """The section of a pcapng file that is being copied: what its packets need to be read."""

    def __init__(self) -> None:
        """Nothing is known of it yet."""
        self.header = b""
        self._order = "<"

    def feed(self, blocks: bytes) -> None:
        """Take blocks as they come; keep those that name the section and its interfaces."""
        for kind, block in pcapng.split(blocks, self._order):
            if kind == pcapng.SECTION:  # a part of it is not as long as it says
                self._order = pcapng.byte_order(block) or self._order
                self.header = block[:16] + pcapng.UNKNOWN_LENGTH + block[24:]
            elif kind == pcapng.INTERFACE:
                self.header += block
        if len(self.header) > MOST_HEADER:
            raise WriteError(f"more than {MOST_HEADER} bytes of interfaces to begin a file with")


class CopyWriter:
    """A pcapng file made from another: every block goes through as it is, understood or not."""

    def __init__(self, output: Output, section: Section | None = None) -> None:
        """Begin with the header of the section so far, shared by files that follow each other."""
        self.output = output
        self._section = section
        if section is not None:
            output.write(section.header)

    def pass_on(self, blocks: bytes) -> None:
        """Write blocks that are no packets."""
        if self._section is not None:
            self._section.feed(blocks)
        self.output.write(blocks)

    def write(self, batch: Batch, begin: int, end: int) -> None:
        """Write rows begin <= row < end."""
        if begin < end:
            found = records.raw(batch, begin, end)
            self.output.write(found, lambda: self.sizes(batch)[begin:end])

    def sizes(self, batch: Batch) -> list[int]:
        """Return the bytes of each packet's block."""
        return records.sizes(batch, "")

    def finish(self, drops: list[pcapng.Drops], time_ns: int) -> None:
        """Nothing: the source's own counts have gone through."""


def _preamble(interfaces: list[Interface]) -> bytes:
    uname = os.uname()
    options = [
        (pcapng.SHB_OS, f"{uname.sysname} {uname.release}".encode()),
        (pcapng.SHB_USERAPPL, f"vsockdump {__version__}".encode()),
    ]
    blocks = (pcapng.pack_interface(interface) for interface in interfaces)
    return pcapng.pack_section(options) + b"".join(blocks)
