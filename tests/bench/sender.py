"""Send small frames on a stand-in link as fast as it goes or at a rate.

`python -m tests.bench.sender` makes the link and prints its name. Each line on stdin, "COUNT RATE"
(packets a second, 0 for no limit), is answered with the nanoseconds that took.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import socket
import sys
import time

from vsockdump.sources.standin import Standin

from . import generate

BATCH = 32
SO_SNDBUFFORCE = 32  # asm-generic/socket.h
ENOBUFS = 105


class Iovec(ctypes.Structure):
    """struct iovec."""

    _fields_ = (("base", ctypes.c_char_p), ("len", ctypes.c_size_t))


class Message(ctypes.Structure):
    """struct mmsghdr, on 64 bits: a msghdr and how much of it was sent."""

    _fields_ = (
        *(("name", ctypes.c_void_p), ("namelen", ctypes.c_uint32)),
        *(("iov", ctypes.POINTER(Iovec)), ("iovlen", ctypes.c_size_t)),
        *(("control", ctypes.c_void_p), ("controllen", ctypes.c_size_t)),
        *(("flags", ctypes.c_int), ("sent", ctypes.c_uint)),
    )


class Sender:
    """A packet socket that sends the same frames round and round, BATCH a system call."""

    def __init__(self, link: str) -> None:
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.socket.bind((link, 0))
        # Frames in the device's queue count: with the default the sender would wait for them.
        self.socket.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, 1 << 28)
        self.sendmmsg = ctypes.CDLL(None, use_errno=True).sendmmsg
        self.frames = frames()[: 1024 * BATCH]
        self.iovecs = (Iovec * len(self.frames))()
        self.messages = (Message * len(self.frames))()
        for frame, iovec, message in zip(self.frames, self.iovecs, self.messages, strict=True):
            iovec.base, iovec.len = frame, len(frame)
            message.iov, message.iovlen = ctypes.pointer(iovec), 1

    def send(self, count: int, rate: int) -> int:
        """Send `count` frames, and return the nanoseconds it took."""
        begin = time.perf_counter_ns()
        sent = 0
        for place in itertools.cycle(range(0, len(self.frames) - BATCH + 1, BATCH)):
            sent += self.batch(place, min(BATCH, count - sent))
            if sent == count:
                break
            if rate:
                wait(begin + sent * 1_000_000_000 // rate)
        return time.perf_counter_ns() - begin

    def batch(self, place: int, size: int) -> int:
        done = self.sendmmsg(
            self.socket.fileno(), ctypes.byref(self.messages[place]), ctypes.c_uint(size), 0
        )
        if done < 0:
            raise OSError(ctypes.get_errno(), "sendmmsg")
        return int(done)


def frames() -> list[bytes]:
    """Take the frames of the small capture's chunk, without the records' headers."""
    made = generate.chunk(generate.SHAPES[0])
    ends = [*made.records[1:], len(made.data)]
    spans = zip(made.records, ends, strict=True)
    return [bytes(made.data[begin + generate.RECORD.size : end]) for begin, end in spans]


def wait(due: int) -> None:
    """Sleep while it is long, then spin: a sleep is late by some 60 microseconds."""
    while (left := due - time.perf_counter_ns()) > 0:
        if left > 200_000:
            time.sleep((left - 100_000) / 1e9)


def main() -> None:
    with Standin() as link:
        sender = Sender(link.name)
        print(link.name, flush=True)
        for line in sys.stdin:
            count, rate = map(int, line.split())
            print(sender.send(count, rate), flush=True)
    os.close(sender.socket.detach())


if __name__ == "__main__":
    main()
