"""Let vsockdump watch what goes wrong, what the kernel's own tests do, and what just works.

`python -m tests.vm.guest.watched FOLDER VSOCK_TEST` leaves the capture (all.pcapng), the problems
as they were told live (live.jsonl), and what the programs themselves saw (*.json).
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

from . import faults, kernel_suite
from .capturer import SETTLE_S, Capturer, rx_packets

SCRATCH = Path("/run/watched")
VSOCKDUMP = [sys.executable, "-m", "vsockdump"]


def capturers() -> list[Capturer]:
    """Start one that writes what is needed of each frame, and one that follows."""
    writer = [*VSOCKDUMP, "-i", "vsockmon0", "-s", "128", "-w", str(SCRATCH / "all.pcapng")]
    follower = [*VSOCKDUMP, "problems", "-i", "vsockmon0", "--json"]
    started = [Capturer("all", writer, SCRATCH), Capturer("live", follower, SCRATCH)]
    for capturer in started:
        capturer.wait_ready()
    return started


def act(folder: Path, vsock_test: str) -> None:
    """Do everything, some of it at a time: each has ports of its own."""
    awake = [name for name in faults.FAULTS if name not in faults.SLEEPY]
    with beside("faults", folder / "sleepy.json", *faults.SLEEPY):
        faults.main(folder / "faults.json", awake)
    with beside("services", folder / "services.json"):
        kernel_suite.main(vsock_test, folder / "suite.json")
    time.sleep(SETTLE_S)


def beside(module: str, file: Path, *names: str) -> subprocess.Popen[bytes]:
    """Start a guest program; leaving it as a context waits for its end."""
    program = [sys.executable, "-m", f"tests.vm.guest.{module}", str(file), *names]
    return subprocess.Popen(program)


def main(folder: Path, vsock_test: str) -> None:
    SCRATCH.mkdir()
    subprocess.run(["modprobe", "-a", "vsockmon", "vsock_loopback"], check=True)
    subprocess.run(["ip", "link", "add", "vsockmon0", "type", "vsockmon"], check=True)
    subprocess.run(["ip", "link", "set", "vsockmon0", "up"], check=True)
    writer, live = capturers()
    act(folder, vsock_test)
    seen = {"rx_packets": rx_packets(), "statuses": [c.stop() for c in (writer, live)]}
    seen |= {**writer.counts()._asdict(), "live": live.stderr}
    (folder / "capture.json").write_text(json.dumps(seen, indent=1))
    shutil.copy(SCRATCH / "all.pcapng", folder)
    shutil.copy(live.stdout, folder / "live.jsonl")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
