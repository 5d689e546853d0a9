"""An AF_PACKET socket's TPACKET_V3 ring, filter and counters (packet(7); linux/if_packet.h)."""

import array
import errno
import mmap
import os
import socket
import struct
from typing import NamedTuple

# asm-generic/socket.h; linux/if_packet.h
_SO_ATTACH_FILTER, _SO_LOCK_FILTER = 26, 44
_SOL_PACKET, _PACKET_RX_RING, _PACKET_STATISTICS, _PACKET_VERSION = 263, 5, 6, 10
_TPACKET_V3, _TP_STATUS_KERNEL, _TP_STATUS_USER = 2, 0, 1

# struct tpacket_req3 { unsigned tp_block_size, tp_block_nr, tp_frame_size, tp_frame_nr,
#                       tp_retire_blk_tov /* ms */, tp_sizeof_priv, tp_feature_req_word; };
_TPACKET_REQ3 = struct.Struct("=7I")
# struct tpacket_stats_v3 { unsigned tp_packets, tp_drops, tp_freeze_q_cnt; };
_TPACKET_STATS_V3 = struct.Struct("=3I")
# struct sock_filter { __u16 code; __u8 jt, jf; __u32 k; };
_SOCK_FILTER = struct.Struct("=HBBI")
# struct sock_fprog { unsigned short len; struct sock_filter *filter; };
_SOCK_FPROG = struct.Struct("@HP")
_BPF_RET_K = 0x06

# struct tpacket_block_desc { __u32 version, offset_to_priv; struct tpacket_hdr_v1 {
#     __u32 block_status, num_pkts, offset_to_first_pkt, blk_len; ... } hdr; }, counted in words.
_BLOCK_STATUS, _NUM_PKTS = 2, 3
_WORD = 4

# A block holds three of vsockmon's largest frames (65612 bytes). There are many, because a trickle
# of packets uses one up at every retirement: 256 blocks of 10 ms outlast a reader that is busy for
# two and a half seconds.
_BLOCK, _SMALLEST_BLOCK, _FEWEST_BLOCKS = 1 << 18, 1 << 17, 4
_TOO_LARGE = 1 << 32  # packet_set_ring() refuses it as well
_FRAME = 2048  # V3 packs frames closely; this only has to divide the block


class Statistics(NamedTuple):
    """Counts of packets since the capture began."""

    received: int  # what passed the filter, dropped ones included, as tcpdump counts
    dropped: int  # what the ring had no room for
    frozen: int  # how often the whole ring was full

    def plus(self, other: "Statistics") -> "Statistics":
        """Return the sum of both, count by count."""
        return Statistics(*(a + b for a, b in zip(self, other, strict=True)))


class Ring:
    """The blocks that the kernel fills and this process empties, in turn.

    The ring takes at least 512 KiB, and whole blocks. Errors: OSError with ENOMEM, EINVAL (4 GiB
    or more).
    """

    def __init__(self, sock: socket.socket, kib: int, retire_ms: int) -> None:
        """Make the ring of a socket that is not yet bound to a link."""
        block, count = shape(kib)
        size = block * count
        if size >= _TOO_LARGE:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        request = _TPACKET_REQ3.pack(block, count, _FRAME, size // _FRAME, retire_ms, 0, 0)
        sock.setsockopt(_SOL_PACKET, _PACKET_VERSION, _TPACKET_V3)
        sock.setsockopt(_SOL_PACKET, _PACKET_RX_RING, request)
        # Never closed by hand: a Batch may still look into it, and the last of them unmaps it.
        view = memoryview(mmap.mmap(sock.fileno(), size))
        self._words = view.cast("I")
        self._blocks = [view[at : at + block] for at in range(0, size, block)]
        self._at = 0  # the block to be retired next

    def ready(self) -> memoryview | None:
        """Return the next block if the kernel has handed it over; it is ours until `release`.

        A processor may read packets before it reads the status here: Scanner.ring() has the fence
        between them, and another before `release`.
        """
        if self._word(_BLOCK_STATUS) & _TP_STATUS_USER:
            return self._blocks[self._at]
        return None

    def filling(self) -> bool:
        """Whether the next block, still the kernel's, has packets already.

        After the ring was full it may be one that was just given back, and still shows what it had:
        the kernel's timer, which retires blocks, opens it as a new one (af_packet.c, "Case 2").
        """
        return self._word(_NUM_PKTS) > 0

    def release(self) -> None:
        """Give the block back to the kernel."""
        word = self._at * len(self._blocks[0]) // _WORD
        self._words[word + _BLOCK_STATUS] = _TP_STATUS_KERNEL
        self._at = (self._at + 1) % len(self._blocks)

    def _word(self, field: int) -> int:
        return self._words[self._at * len(self._blocks[0]) // _WORD + field]


def shape(kib: int) -> tuple[int, int]:
    """Return the size in bytes and the number of the blocks of a ring of about `kib` KiB."""
    size = max(kib << 10, _SMALLEST_BLOCK * _FEWEST_BLOCKS)
    block = _BLOCK
    while block * _FEWEST_BLOCKS > size:
        block //= 2
    return block, size // block


def accept(snaplen: int) -> bytes:
    """Return the classic BPF program that keeps the first `snaplen` bytes of every packet."""
    return _SOCK_FILTER.pack(_BPF_RET_K, 0, 0, snaplen)


def attach(sock: socket.socket, program: bytes) -> None:
    """Attach a classic BPF program for good: struct sock_filter[] in host byte order.

    Nobody can take it off or put another in its place. Errors: OSError with EINVAL (the kernel's
    checker refused it), ENOMEM (net.core.optmem_max) or EPERM (there is one already).
    """
    kept = array.array("B", program)  # the address must live through the call
    address, _ = kept.buffer_info()
    fprog = _SOCK_FPROG.pack(instructions(program), address)
    sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, fprog)
    sock.setsockopt(socket.SOL_SOCKET, _SO_LOCK_FILTER, 1)


def instructions(program: bytes) -> int:
    """Return how many instructions a program has."""
    return len(program) // _SOCK_FILTER.size


def take_statistics(sock: socket.socket) -> Statistics:
    """Return the counts since the last call: reading sets the kernel's to 0."""
    answer = sock.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, _TPACKET_STATS_V3.size)
    return Statistics(*_TPACKET_STATS_V3.unpack(answer))
