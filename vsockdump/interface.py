"""What is known about the interface a packet was captured on."""

from typing import NamedTuple

SNAPLEN = 262144
"""Bytes of a frame that are kept if nothing else is said: libpcap's MAXIMUM_SNAPLEN, more than any
frame of vsockmon has (65612)."""


class Interface(NamedTuple):
    """One interface of a capture: a live link, or what a file says of one.

    `snaplen` in bytes, 0 for none; `tsresol` and `tsoffset` as in pcapng (if_tsresol; seconds);
    `os` is the capturing kernel, which decides what its tap got wrong.
    """

    linktype: int
    name: str = ""
    snaplen: int = 0
    os: str = ""
    filter: str = ""
    description: str = ""
    tsresol: int = 9
    tsoffset: int = 0
