"""Let vsockdump and tcpdump capture the same traffic, and write down what each of them says.

`python -m tests.vm.guest.side_by_side FOLDER`: the captures, and observations.json.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .capturer import SETTLE_S, Capturer, rx_packets
from .traffic import BEHAVIOURS, PORTS, bulk

# Not in FOLDER: that is the host's, and too slow a disk for a capture.
SCRATCH = Path("/run/captures")
VSOCKDUMP = f"{sys.executable} -m vsockdump -i vsockmon0 -w"
TCPDUMP = "tcpdump -Z root -i vsockmon0"
Observed = dict[str, Any]


def capture(commands: Mapping[str, str], act: Callable[[list[Capturer]], None]) -> Observed:
    """Run the commands at once, `act`, and give each one's status, words and counts."""
    started = {
        name: Capturer(name, [*command.split(), str(SCRATCH / f"{name}.pcap")], SCRATCH)
        for name, command in commands.items()
    }
    for capturer in started.values():
        capturer.wait_ready()
    before = rx_packets()
    act(list(started.values()))
    time.sleep(SETTLE_S)
    seen: Observed = {"rx_packets": rx_packets() - before}
    for name, capturer in started.items():
        status = capturer.stop()
        words = capturer.stderr
        seen[name] = {"status": status, "stderr": words, **capturer.counts()._asdict()}
    return seen


def all_behaviours(_: list[Capturer]) -> None:
    for name, make in BEHAVIOURS.items():
        make(PORTS[name])


def while_stopped(capturers: list[Capturer]) -> None:
    """Send 6 MB while no capturer runs: what is left afterwards is what its ring could hold."""
    for capturer in capturers:
        capturer.process.send_signal(signal.SIGSTOP)
    for _ in range(3):
        bulk(PORTS["bulk"])
    for capturer in capturers:
        capturer.process.send_signal(signal.SIGCONT)


def main(folder: Path) -> None:
    SCRATCH.mkdir()
    subprocess.run(["modprobe", "-a", "vsockmon", "vsock_loopback"], check=True)
    subprocess.run(["ip", "link", "add", "vsockmon0", "type", "vsockmon"], check=True)
    subprocess.run(["ip", "link", "set", "vsockmon0", "up"], check=True)
    both = {"ours": VSOCKDUMP, "big-ring": f"{TCPDUMP} -B 65536 -w"}
    stopped = {"ours-stopped": VSOCKDUMP, "default-ring": f"{TCPDUMP} -w"}
    observed = {
        "running": capture(both, all_behaviours),
        "stopped": capture(stopped, while_stopped),
    }
    subprocess.run(["ip", "link", "delete", "vsockmon0"], check=True)
    (folder / "observations.json").write_text(json.dumps(observed, indent=1))
    for file in SCRATCH.glob("*.pcap"):
        shutil.copy(file, folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
