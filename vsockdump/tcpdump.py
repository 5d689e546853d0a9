"""What tcpdump 4.99 prints of a packet, byte for byte where it is right.

Where tcpdump is wrong the truth is printed in its style:

* socket type 2 is `SEQPACKET` (tcpdump: `Invalid type (2)`);
* the payload begins where the monitor header's `len` says and is as long as the virtio header says
  (tcpdump: fixed sizes, to the frame's end, with the extra bytes of Linux's tap defect A);
* a frame that `len` gives no room for a virtio header has none (tcpdump: reads one all the same);
* a frame too short for its headers ends in ` [|vsock]` after a blank and a newline as others do
  (tcpdump: `VIRTIO3.1 > 2.2`), and a PAYLOAD of no bytes is not marked as cut off;
* a frame of which nothing was kept is one cut short (tcpdump: `[Invalid header: caplen==0]`);
* cooked captures are decoded (tcpdump: `ethertype Unknown`).
"""

from vsockdump.dissectors import virtio, vsockmon
from vsockdump.dissectors.notes import Note
from vsockdump.dissectors.virtio import VirtioHeader
from vsockdump.dissectors.vsockmon import VsockmonHeader

from .dumps import hex_dump
from .packet import Packet

_TRANSPORTS = {int(kind): kind.name for kind in vsockmon.Transport}
_MONITOR_OPS = {int(op): op.name for op in vsockmon.Op}
_TYPES = {int(kind): kind.name for kind in virtio.Type}
_OPS = {int(op): op.name.replace("_", " ") for op in virtio.Op}


def line(packet: Packet, verbose: int) -> str:
    """Return what stands behind the time, for as many `-v` as `verbose` says, without a newline."""
    monitor = next((x for x in packet.layers if isinstance(x, VsockmonHeader)), None)
    if monitor is None:
        return " [|vsock]"
    header = next((x for x in packet.layers if isinstance(x, VirtioHeader)), None)
    text = _transport(monitor.transport)
    if verbose and header is not None:
        text += f" ({_virtio(header)})"
    text += ("\n\t" if verbose else " ") + _addresses(monitor, len(packet.frame))
    return text + _tail(packet, monitor, verbose)


def _tail(packet: Packet, monitor: VsockmonHeader, verbose: int) -> str:
    if verbose and packet.reason:
        return " [|vsock]"
    if verbose < 2 or monitor.op != vsockmon.Op.PAYLOAD:
        return ""
    cut = not packet.payload and packet.notes & Note.TRUNCATED
    return " [|vsock]" if cut else _dump(packet.payload)


def _dump(payload: bytes) -> str:
    """The rows of a dump in one line, as tcpdump has them: it ends none but the last."""
    return "\n" + hex_dump(payload).replace("\n", "") if payload else ""


def _transport(number: int) -> str:
    return _TRANSPORTS.get(number, f"Invalid transport ({number})")


def _virtio(header: VirtioHeader) -> str:
    kind = _TYPES.get(header.type, f"Invalid type ({header.type})")
    op = _OPS.get(header.op, f"Invalid op ({header.op})")
    return (
        f"len {header.len}, type {kind}, op {op}, flags {header.flags:x}, "
        f"buf_alloc {header.buf_alloc}, fwd_cnt {header.fwd_cnt}"
    )


def _addresses(monitor: VsockmonHeader, captured: int) -> str:
    op = _MONITOR_OPS.get(monitor.op, f" invalid op ({monitor.op})")
    source = f"{monitor.src_cid}.{monitor.src_port}"
    return f"{source} > {monitor.dst_cid}.{monitor.dst_port} {op}, length {captured}"
