"""Stop the second guest in the middle of two transfers, let it go on, and kill it.

What is noted is what the host's programs saw: bytes, and nanoseconds of their own clock.
"""

from __future__ import annotations

import signal
import socket
import time
from socket import AF_VSOCK, SOCK_STREAM

from .connection import in_background, listen
from .nested_host import GUEST_CID, LIMIT_S, Guest
from .truth import PIECE, Truth, attempt, now

FROM_GUEST, TO_GUEST, LISTENING = 9995, 9996, 9994
ENOUGH = 10 * PIECE
STOPPED_S = 3.0


class Transfer:
    """One connection that the guest opens, served until it breaks; as far as it came."""

    def __init__(self, port: int) -> None:
        self.bytes = 0
        self.waits: list[tuple[int, int]] = []
        self.error: object = None
        self._listener = listen(port)
        self._listener.settimeout(LIMIT_S)
        self._serve = self._read if port == FROM_GUEST else self._send
        self._thread = in_background(self._run)

    def _run(self) -> None:
        guest, _ = self._listener.accept()
        guest.settimeout(None)
        with guest, self._listener:
            self.error = attempt(lambda: self._serve(guest))

    def _read(self, guest: socket.socket) -> None:
        while got := guest.recv(PIECE):
            self.bytes += len(got)

    def _send(self, guest: socket.socket) -> None:
        while True:
            began = now()
            self.bytes += guest.send(bytes(PIECE))
            self.waits.append((began, now()))
            time.sleep(0.05)

    def more(self, guest: Guest) -> bool:
        """Wait until another ENOUGH bytes have passed; False if the guest ends before."""
        wanted, until = self.bytes + ENOUGH, time.monotonic() + LIMIT_S
        while self.bytes < wanted and guest.poll() is None and time.monotonic() < until:
            time.sleep(0.05)
        return self.bytes >= wanted

    def truth(self) -> Truth:
        self._thread.join(20)
        longest = max(self.waits, key=lambda wait: wait[1] - wait[0], default=(0, 0))
        return {"bytes": self.bytes, "error": self.error, "longest_wait": longest}


def connect(port: int) -> Truth:
    """Connect to the guest, and wait as long as Linux does."""
    with socket.socket(AF_VSOCK, SOCK_STREAM) as host:
        began = now()
        error = attempt(lambda: host.connect((GUEST_CID, port)))
        return {"error": error, "began": began, "ended": now()}


def observe(guest: Guest, both: tuple[Transfer, Transfer]) -> Truth:
    """Do it to a guest whose transfers are going to begin; nothing if it dies of itself."""
    if not all(transfer.more(guest) for transfer in both):
        return {}
    guest.send_signal(signal.SIGSTOP)
    stopped = now()
    unanswered = connect(LISTENING)
    time.sleep(max(0.0, STOPPED_S - (now() - stopped) / 1e9))
    guest.send_signal(signal.SIGCONT)
    if not all(transfer.more(guest) for transfer in both):
        return {}
    killed = now()
    guest.kill()
    guest.wait()
    from_guest, to_guest = (transfer.truth() for transfer in both)
    return {
        "stopped": stopped, "killed": killed, "connect": unanswered,
        "from_guest": from_guest, "to_guest": to_guest, "afterwards": connect(LISTENING),
    }  # fmt: skip
