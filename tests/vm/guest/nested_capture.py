"""Let vsockdump print and write what the second guest and its host say until it is killed.

`python -m tests.vm.guest.nested_capture FOLDER`: lines.txt, nested.pcap and nested.json.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

from .capturer import SETTLE_S, Capturer, rx_packets
from .nested_faults import FROM_GUEST, TO_GUEST, Transfer, observe
from .nested_host import Guest, run
from .record import INNER
from .truth import Truth

SCRATCH = Path("/run/nested")


def main(folder: Path) -> None:
    SCRATCH.mkdir()
    subprocess.run(["modprobe", "-a", "vsockmon", "vhost_vsock"], check=True)
    subprocess.run(["ip", "link", "add", "vsockmon0", "type", "vsockmon"], check=True)
    vsockdump = [sys.executable, "-m", "vsockdump", "-i", "vsockmon0"]
    file = str(SCRATCH / "nested.pcap")
    writer = Capturer("writer", [*vsockdump, "-w", file], SCRATCH)
    writer.wait_ready()
    printer = Capturer("printer", [*vsockdump, "-l", "-t"], SCRATCH)
    printer.wait_ready()
    killed: Truth = {}
    both = Transfer(FROM_GUEST), Transfer(TO_GUEST)

    def attend(guest: Guest) -> None:
        killed.update(observe(guest, both))

    as_expected = run(*INNER, ["hello", "count", "messages", "until-killed"], attend)
    time.sleep(SETTLE_S)
    rx = rx_packets()
    statuses = [capturer.stop() for capturer in (printer, writer)]
    seen = {"as_expected": as_expected, "statuses": statuses, "rx_packets": rx, **killed}
    seen |= {"dropped": writer.counts().dropped, "stderr": writer.stderr}
    (folder / "nested.json").write_text(json.dumps(seen, indent=1))
    shutil.copy(printer.stdout, folder / "lines.txt")
    shutil.copy(file, folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
