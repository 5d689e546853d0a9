"""Conversations as capture files, for commands that are given one."""

from collections.abc import Sequence
from pathlib import Path

from .captures import START, Options, Taken, enhanced, interface, section, statistics
from .conversation import Packet, Talk

KERNEL_5 = ((9, b"\x09"), (12, b"Linux 5.4.0"))
"""Options of an interface on a kernel that taps some packets twice."""


def saved(
    talk: Talk | Sequence[Packet],
    path: Path,
    *,
    dropped: int = 0,
    options: Options = ((9, b"\x09"),),
) -> Path:
    """Write a conversation as pcapng; `dropped` packets were lost, which stands at the end."""
    packets = talk.packets if isinstance(talk, Talk) else talk
    blocks = [section(), interface(given=options)]
    blocks += [enhanced(Taken(START + p.time, p.frame, p.wire)) for p in packets]
    if dropped:
        blocks.append(statistics(len(packets) + dropped, dropped))
    path.write_bytes(b"".join(blocks))
    return path


def hello(on: Talk | None = None, port: int = 1024) -> Talk:
    """Open a connection, say 13 bytes and close it: seven packets."""
    talk = Talk((3, port), (2, 1234), on=on).open()
    return talk.rw("src", 13).update("dst", fwd=13).close()


def full(on: Talk | None = None, port: int = 1024) -> Talk:
    """Open a connection and fill its window: six packets, cut behind their headers."""
    talk = Talk((3, port), (2, 1234), on=on).open()
    for _ in range(4):
        talk.rw("src", 65536, held=0)
    return talk


def later(talk: Talk, seconds: float) -> Talk:
    """Let time pass before the next packet."""
    return talk.at(talk.tape.now / 1e9 + seconds)


def stalled(seconds: float = 1.5, on: Talk | None = None, port: int = 1024) -> Talk:
    """Fill the window, and have it opened so much later, which is a problem: twelve packets."""
    talk = later(full(on, port), seconds).update("dst", fwd=262144)
    return talk.rw("src", 100).update("dst", fwd=262244).close()
