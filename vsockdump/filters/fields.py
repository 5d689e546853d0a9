"""What an expression can name of a packet, and where that stands: the one table of fields.

Offsets come from the dissectors' headers, Wireshark's names from the list of columns.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import NamedTuple

from vsockdump.columns import COLUMNS
from vsockdump.dissectors import virtio, vsockmon
from vsockdump.events import Kind
from vsockdump.flows import Verdict
from vsockdump.names import WELL_KNOWN
from vsockdump.states import State


class Where(IntEnum):
    """What has to be known to tell a field's value."""

    MONITOR = 0
    """The monitor's header."""
    VIRTIO = 1
    """The virtio header."""
    FRAME = 2
    """The frame's length."""
    CAPTURE = 3
    """The packet's record in the capture: no kernel's program sees it."""
    CONNECTION = 4
    """What was followed of the packet's connection."""


class Field(NamedTuple):
    """One thing to compare; `names` are words for some of its values.

    `offset` and `size`, in bytes, are those in a frame of LINKTYPE_VSOCK. A field of both sides has
    the two it stands for in `either`.
    """

    name: str
    where: Where
    text: str
    offset: int = 0
    size: int = 4
    names: Mapping[str, int] = {}
    either: tuple[str, ...] = ()
    wireshark: str = ""

    @property
    def in_frame(self) -> bool:
        """Whether a program that sees only the frame can tell its value."""
        return self.where <= Where.FRAME

    @property
    def is_cid(self) -> bool:
        """Whether its values are CIDs."""
        return self.name.endswith("cid")

    @property
    def is_port(self) -> bool:
        """Whether its values are ports."""
        return self.name.endswith("port")


_CIDS = {name: cid for cid, name in WELL_KNOWN.items()}
_OPS = {op.name.lower(): int(op) for op in virtio.Op}
_TYPES = {kind.name.lower(): int(kind) for kind in virtio.Type}
_MONITOR_OPS = {op.name.lower(): int(op) for op in vsockmon.Op}
_TRANSPORTS = {kind.name.lower(): int(kind) for kind in vsockmon.Transport}
_VERDICTS = {verdict.name.lower(): int(verdict) for verdict in Verdict}
_EVENTS = {kind.name.lower(): int(kind) for kind in Kind}
_STATES = {state.name.lower(): int(state) for state in State}

# The filter's name of a field, of that header: name, text, words for values
_MONITOR = {
    "src_cid": ("src_cid", "the sender's CID", _CIDS),
    "dst_cid": ("dst_cid", "the receiver's CID", _CIDS),
    "src_port": ("src_port", "the sender's port", {}),
    "dst_port": ("dst_port", "the receiver's port", {}),
    "op": ("monitor_op", "the monitor's coarse operation", _MONITOR_OPS),
    "transport": ("transport", "the kind of header behind the monitor's", _TRANSPORTS),
    "len": ("trans_len", "the length of the header behind the monitor's", {}),
    "reserved": ("reserved", "the reserved number", {}),
}
_VIRTIO = {
    "src_cid": ("virtio_src_cid", "the sender's CID in the virtio header", _CIDS),
    "dst_cid": ("virtio_dst_cid", "the receiver's CID in the virtio header", _CIDS),
    "src_port": ("virtio_src_port", "the sender's port in the virtio header", {}),
    "dst_port": ("virtio_dst_port", "the receiver's port in the virtio header", {}),
    "len": ("len", "the payload's length as the header says", {}),
    "type": ("type", "the socket's type", _TYPES),
    "op": ("op", "the operation", _OPS),
    "flags": ("flags", "the number that all flags make", {}),
    "buf_alloc": ("buf_alloc", "the size of the sender's receive buffer", {}),
    "fwd_cnt": ("fwd_cnt", "the count (modulo 2^32) of bytes the sender has read", {}),
}
_WIRESHARK = {c.name.removesuffix("_code"): c.wireshark for c in COLUMNS if c.wireshark}


def _header() -> list[Field]:
    """Return the fields of both headers."""
    found = []
    for where, words, places, base in (
        (Where.MONITOR, _MONITOR, vsockmon.PLACES, 0),
        (Where.VIRTIO, _VIRTIO, virtio.PLACES, vsockmon.SIZE),
    ):
        for key, (name, text, names) in words.items():
            offset, size = places[key]
            wireshark = _WIRESHARK.get(name, "")
            found.append(Field(name, where, text, base + offset, size, names, (), wireshark))
    return found


def _other(name: str, where: Where, text: str, names: Mapping[str, int] | None = None) -> Field:
    wireshark = "" if name == "time_ns" else _WIRESHARK.get(name, "")  # theirs is in seconds
    size = 4 if where is Where.FRAME else 8
    return Field(name, where, text, 0, size, names or {}, (), wireshark)


FIELDS = (
    Field("cid", Where.MONITOR, "either side's CID", 0, 8, _CIDS, ("src_cid", "dst_cid")),
    Field("port", Where.MONITOR, "either side's port", 0, 4, {}, ("src_port", "dst_port")),
    *_header(),
    _other("wire_len", Where.FRAME, "the length of the whole frame"),
    _other("cap_len", Where.FRAME, "the captured length of the frame"),
    _other("payload_len", Where.CAPTURE, "the captured length of the payload"),
    _other("number", Where.CAPTURE, "the packet's number"),
    _other("time_ns", Where.CAPTURE, "the time of capture in nanoseconds since 1970"),
    _other("interface", Where.CAPTURE, "the index of the packet's interface"),
    _other("flow", Where.CONNECTION, "the connection's number"),
    _other("verdict", Where.CONNECTION, "the connection's verdict", _VERDICTS),
    _other("state", Where.CONNECTION, "the connection's state", _STATES),
    _other("free", Where.CONNECTION, "the number of bytes that may still be sent after the packet"),
    _other("event", Where.CONNECTION, "what went wrong at the packet", _EVENTS),
    _other("pid", Where.CONNECTION, "the number of a process at either end"),
)

BY_NAME = {field.name: field for field in FIELDS}
BY_WIRESHARK = {field.wireshark: field for field in FIELDS if field.wireshark}
BY_WIRESHARK |= {name.replace("_prot", "_port"): field for name, field in BY_WIRESHARK.items()}
"""Its misspelt names as well as it should spell them."""


def find(name: str) -> Field | None:
    """Return the field of that name, ours or Wireshark's; None if there is none."""
    return BY_NAME.get(name.removesuffix("_code")) or BY_WIRESHARK.get(name)
