"""What an application saw of its own connection, by its own clock and counts."""

from __future__ import annotations

import errno
import os
import select
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Truth = dict[str, object]
"""Of one thing that was done: times in nanoseconds since 1970, sizes in bytes, errors by name."""

PIECE = 65536


def now() -> int:
    """Tell the time by the clock that stamps packets."""
    return time.time_ns()


def attempt(work: Callable[[], object]) -> object:
    """Give what `work` gives, or the name of its error."""
    try:
        return work()
    except TimeoutError as error:
        return name_of(error) if error.errno else "timeout"
    except OSError as error:
        return name_of(error)


def name_of(error: OSError) -> str:
    return errno.errorcode.get(error.errno or 0, str(error))


def fill(sender: socket.socket) -> int:
    """Send until there is no room left; give how many bytes that took."""
    sender.setblocking(False)
    sent = 0
    try:
        while True:
            sent += sender.send(bytes(PIECE))
    except BlockingIOError:
        return sent


def wait_for_room(sender: socket.socket) -> Truth:
    """Give when a sender without room began to wait, and when it was let go on."""
    began = now()
    select.select([], [sender], [], 20)
    return {"began": began, "ended": now()}


@contextmanager
def child(work: Callable[[], object]) -> Iterator[Callable[[], None]]:
    """Run `work` in a process of its own; what is given kills that, as kill -9 does."""
    process = os.fork()
    if process == 0:
        try:
            work()
        finally:
            os._exit(1)

    def kill() -> None:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)

    yield kill
    time.sleep(0.2)  # for the last packets
