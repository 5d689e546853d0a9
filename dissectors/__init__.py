"""Bytes in, values out: the layers of one captured frame.

Standard library only, no I/O, no clock, no state but what the caller hands in. `dissect()` never
raises for any bytes: it returns what it understood, what is left and why it stopped.
"""

from collections.abc import Hashable
from typing import NamedTuple

from . import virtio, vsockmon
from .cooked import ARPHRD_VSOCKMON, Sll2Header, SllHeader
from .notes import Note
from .splits import Splits
from .virtio import VirtioHeader
from .vsockmon import VsockmonHeader
from .wire import DissectError, Malformed, Truncated, require

LINKTYPE_VSOCK = 271
LINKTYPE_LINUX_SLL = 113
LINKTYPE_LINUX_SLL2 = 276

COOKED: dict[int, type[SllHeader | Sll2Header]] = {
    LINKTYPE_LINUX_SLL: SllHeader,
    LINKTYPE_LINUX_SLL2: Sll2Header,
}
"""Link types that put a header of their own in front of vsockmon's."""

DISSECTORS: dict[int, type[VirtioHeader]] = {vsockmon.Transport.VIRTIO: VirtioHeader}
"""Transport number -> the header behind vsockmon's."""

LINKTYPES = (LINKTYPE_VSOCK, *COOKED)

_NONE = Note(0)

Layer = SllHeader | Sll2Header | VsockmonHeader | VirtioHeader


class Dissection(NamedTuple):
    """One frame, taken apart.

    `payload` is what this packet carried, as far as it was captured, and `payload_offset` where it
    stands in the frame (bytes). `error` is why the dissection stopped before the payload, or None.
    """

    layers: tuple[Layer, ...]
    payload: bytes
    payload_offset: int
    notes: Note
    error: DissectError | None

    @property
    def vsockmon(self) -> VsockmonHeader | None:
        """The monitor's header, None where the frame has none that could be read."""
        return next((x for x in self.layers if isinstance(x, VsockmonHeader)), None)

    @property
    def virtio(self) -> VirtioHeader | None:
        """The transport's header, None where the frame has none that could be read."""
        return next((x for x in self.layers if isinstance(x, VirtioHeader)), None)


def dissect(
    frame: bytes | memoryview,
    linktype: int = LINKTYPE_VSOCK,
    wire_len: int | None = None,
    splits: Splits | None = None,
    interface: int = 0,
) -> Dissection:
    """Take one captured frame apart.

    `linktype` is the capture's, only those of LINKTYPES are read; `wire_len` the frame's length in
    bytes before any snaplen (the captured length if not given). `splits`, fed every frame of a
    capture in order, tells the kinds of kernel defect A apart; `interface` keeps the links of one
    capture apart in it. Never raises.
    """
    walk = _Walk(memoryview(frame), max(len(frame), wire_len or 0))
    try:
        walk.link(linktype, interface)
        walk.monitor()
        walk.transport()
        walk.body(splits)
    except Truncated as error:
        return walk.done(Note.TRUNCATED, error)
    except Malformed as error:
        return walk.done(Note.MALFORMED, error)
    except _NotVsock:
        return walk.done(Note.NOT_VSOCK)
    return walk.done()


class _NotVsock(Exception):  # noqa: N818 - ends the walk, is no error
    pass


class _Walk:
    """The state of one dissect() call: what is left of the frame and what was found."""

    def __init__(self, frame: memoryview, wire: int) -> None:
        self.frame = frame
        self.wire = wire
        self.at = 0
        self.layers: list[Layer] = []
        self.notes = _NONE
        self.start = self.end = 0
        self.link_key: Hashable = 0
        self.addresses: tuple[int, ...] = ()

    def done(self, note: Note = _NONE, error: DissectError | None = None) -> Dissection:
        payload = bytes(self.frame[self.start : self.end])
        return Dissection(tuple(self.layers), payload, self.start, self.notes | note, error)

    def link(self, linktype: int, interface: int) -> None:
        self.link_key = interface
        if linktype == LINKTYPE_VSOCK:
            return
        if linktype not in COOKED:
            raise _NotVsock
        header = COOKED[linktype].parse(self.frame, self.wire)
        self.layers.append(header)
        self.at = header.size
        # SLL1 does not name the interface, so with two links every packet comes twice from the
        # same place, which cannot be told from defect A2: its neighbours prove nothing.
        self.link_key = (interface, header.ifindex) if isinstance(header, Sll2Header) else None
        if header.hatype != ARPHRD_VSOCKMON:
            raise _NotVsock

    def monitor(self) -> None:
        header = VsockmonHeader.parse(self.frame[self.at :], self.wire - self.at)
        self.layers.append(header)
        self.addresses = header[:4]
        self.at += vsockmon.SIZE
        if header.reserved:
            self.notes |= Note.RESERVED
        if (header.src_cid | header.dst_cid) >> 32:
            self.notes |= Note.UPPER_CID

    def transport(self) -> None:
        monitor = self.layers[-1]
        assert isinstance(monitor, VsockmonHeader)
        if monitor.transport in DISSECTORS:
            room = min(monitor.len, self.wire - self.at)
            behind = self.frame[self.at : self.at + room]
            header = DISSECTORS[monitor.transport].parse(behind, room)
            self.layers.append(header)
            self.notes |= _compare(monitor, header) | _odd(header)
            if monitor.len > virtio.SIZE:
                self.notes |= Note.ODD_LEN
        self.at += monitor.len
        require("transport header", self.at, len(self.frame), self.wire)

    def body(self, splits: Splits | None) -> None:
        """Find the payload. P bytes stand in the frame, L were announced by the packet."""
        held = self.wire - self.at
        header = self.layers[-1]
        length = header.len if isinstance(header, VirtioHeader) else held
        offset = 0
        if length < held:
            note, offset = self._excess(header, held, length, splits)
            self.notes |= note
        elif splits is not None and isinstance(header, VirtioHeader) and header.op == virtio.Op.RW:
            splits.forget(self._direction())
        if length > held:
            self.notes |= Note.LEN_BEYOND_FRAME
        self.start = min(self.at + offset, len(self.frame))
        self.end = min(self.at + offset + length, len(self.frame))
        if self.end - self.start < min(length, held):
            self.notes |= Note.TRUNCATED

    def _excess(
        self, header: Layer, held: int, length: int, splits: Splits | None
    ) -> tuple[Note, int]:
        if not isinstance(header, VirtioHeader) or header.op != virtio.Op.RW:
            return Note.TRAILING, 0
        if splits is None or self.link_key is None:
            return Note.DEFECT_A, 0
        return splits.feed(self._direction(), held, length)

    def _direction(self) -> Hashable:
        return (self.link_key, *self.addresses)


def _compare(monitor: VsockmonHeader, header: VirtioHeader) -> Note:
    expected = virtio.MONITOR_OP.get(header.op, vsockmon.Op.UNKNOWN)
    same = monitor[:4] == header[:4] and monitor.op == expected
    return _NONE if same else Note.MISMATCH


def _odd(header: VirtioHeader) -> Note:
    notes = _NONE
    if (header.src_cid | header.dst_cid) >> 32:
        notes |= Note.UPPER_CID
    if header.len and header.op != virtio.Op.RW:
        notes |= Note.CONTROL_PAYLOAD
    if header.flags & ~sum(virtio.meaning(header.op, header.type)):
        notes |= Note.ODD_FLAGS
    return notes
