"""Let processes of known names talk, ask for them as a capture does, and write down what is known.

`python -m tests.vm.guest.processes FOLDER` writes processes.json and processes.pcapng: whom the
capture, which is nobody by then, has named, and who the processes were, also by what `ss` says.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from vsockdump import direction, pipeline, privileges
from vsockdump.processes import Processes
from vsockdump.sources import sockdiag
from vsockdump.sources.link import Link
from vsockdump.sources.live import Live
from vsockdump.writers.capture import PcapngWriter
from vsockdump.writers.recorder import Recorder
from vsockdump.writers.rotation import Rotation

from .capturer import SETTLE_S, Capturer
from .connection import LOCAL, listen

SCRATCH = Path("/run/processes")
FILE = SCRATCH / "processes.pcapng"
PORTS = {"plain": 6001, "handed over": 6002, "to host": 6003}
HOST = 2
AWHILE_S = 1.0  # far more than a block of the ring takes to be handed over


# --- the capture, in a process of its own -----------------------------------------------------


def capture() -> None:
    """Capture until SIGINT as a run does, and print what is known at the end."""
    said: list[str] = []
    processes = Processes(direction.own_cids(), said.append)  # before the ring, and as root
    with closing(processes), Link() as link, Live(link.name, say=said.append) as live:
        signal.signal(signal.SIGINT, lambda *_: live.stop())
        recorder = Recorder(
            str(FILE), lambda output: PcapngWriter(output, live.interfaces), Rotation(), 0
        )
        privileges.drop(privileges.target("nobody"))
        print("listening on", link.name, file=sys.stderr, flush=True)
        pipeline.run(live, [processes, recorder])
        recorder.close([])
    seen = {"user": os.getuid(), "available": processes.available, "said": said}
    print(json.dumps(seen | {"known": known(processes)}))


def known(processes: Processes) -> list[list[object]]:
    """List the connections that have a name: their ends and the two processes."""
    pairs = processes.known._pairs.items()
    return [[*ends, *(str(process) for process in pair)] for (ends, _), pair in pairs]


# --- who talks --------------------------------------------------------------------------------


def named(name: str, act: Callable[[], object]) -> int:
    """Have a child of this name do something; return its PID."""
    pid = os.fork()
    if pid == 0:
        try:
            Path("/proc/self/comm").write_text(name)
            act()
        finally:
            os._exit(0)
    return pid


def client(cid: int, port: int, connected: int) -> None:
    """Connect, tell a pipe, send something after a while, and close after another."""
    with socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM) as sock:
        sock.connect((cid, port))
        os.write(connected, b".")
        for _ in range(2):
            time.sleep(AWHILE_S)
            sock.send(b"hello")
        time.sleep(AWHILE_S)


def serve(listener: socket.socket) -> None:
    """Take a connection, and read it to its end."""
    server, _ = listener.accept()
    read_all(server)


def read_all(server: socket.socket) -> None:
    while server.recv(100):
        pass


def hand_over(listener: socket.socket) -> None:
    """Take a connection, and leave it to another process as sshd does."""
    server, _ = listener.accept()
    worker = named("a-worker", lambda: read_all(server))
    server.close()
    os.waitpid(worker, 0)


TALKS: dict[str, tuple[int, Callable[[socket.socket], None]]] = {
    "plain": (LOCAL, serve),
    "handed over": (LOCAL, hand_over),
    "to host": (HOST, serve),
}


def talk(name: str) -> dict[str, Any]:
    """Have a client and a server talk; return their PIDs and what is said of their sockets."""
    cid, act = TALKS[name]
    listener = listen(PORTS[name])
    server = named("a-server", lambda: act(listener))
    listener.close()
    connected, tell = os.pipe()
    who = named("a-client", lambda: client(cid, PORTS[name], tell))
    os.read(connected, 1)
    ss = subprocess.run(["ss", "-Hnpa", "--vsock"], capture_output=True, text=True, check=False)
    seen = {"client": who, "server": server, "ss": ss.stdout, "sockets": sockdiag.sockets()}
    for pid in (who, server):
        os.waitpid(pid, 0)
    return seen


def main(folder: Path) -> None:
    """Capture while they talk."""
    SCRATCH.mkdir()
    SCRATCH.chmod(0o777)
    # Not vsock_diag: that the kernel loads it when it is asked for is a part of what is tried.
    subprocess.run(["modprobe", "-a", "vsockmon", "vsock_loopback"], check=True)
    capturer = Capturer("capture", [sys.executable, "-m", "tests.vm.guest.processes"], SCRATCH)
    capturer.wait_ready()
    seen: dict[str, Any] = {name: talk(name) for name in TALKS}
    time.sleep(SETTLE_S)
    status = capturer.stop()
    seen["capture"] = {"status": status, "stderr": capturer.stderr}
    if status == 0:
        seen["capture"] |= json.loads(capturer.stdout.read_text())
        (folder / FILE.name).write_bytes(FILE.read_bytes())
    (folder / "processes.json").write_text(json.dumps(seen, indent=1))


if __name__ == "__main__":
    main(Path(sys.argv[1])) if sys.argv[1:] else capture()
