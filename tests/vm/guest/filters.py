"""Capture what expressions choose while other things go on too, and write down what was sent.

`python -m tests.vm.guest.filters FOLDER`: filters.json, one-port.pcapng, and of one traffic
all.pcapng beside a file for each of FILTERS.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .capturer import SETTLE_S, Capturer, rx_packets
from .connection import connected, in_background, read_exactly
from .counter import counter
from .traffic import BEHAVIOURS, BULK_SIZE, PORTS, bulk

SCRATCH = Path("/run/filters")
CAPTURE = (sys.executable, "-m", "vsockdump", "-i", "vsockmon0")
WATCHED = 9999
ASKED = (1, 100, 4096, 65536, 300)  # bytes of each question; the answer is as long, upside down
BULKS = 5

# Each runs beside an unfiltered capture of the same packets.
FILTERS = {
    "cid": ["cid 2"],
    "op": ["op rw or op rst"],
    "data": ['data[0:4] = "Hell" or data[4:4] = 1'],
    "not": [f"not (port {PORTS['bulk']} or seqpacket)"],
    "range": [f"dst port {PORTS['hello']}-{PORTS['refused']} and buf_alloc >= 4096"],
    "len": ["len 100..65536 and not flags eom"],
    "headers": ["--snap-payload", "8", "op rw"],
}
TRAFFIC = ("hello", "refused", "bulk", "half-close", "seqpacket", "backlog-full", "to-host-cid")
TOO_MUCH = "dst port in {" + ",".join(str(3 * number) for number in range(2000)) + "}"


def capture(commands: Mapping[str, list[str]], act: Callable[[], None]) -> dict[str, Any]:
    """Run captures at once, `act`, and give each one's status, words and counts."""
    started = {
        name: Capturer(name, [*CAPTURE, "-w", str(SCRATCH / f"{name}.pcapng"), *words], SCRATCH)
        for name, words in commands.items()
    }
    for capturer in started.values():
        capturer.wait_ready()
    before = rx_packets()
    act()
    time.sleep(SETTLE_S)
    seen: dict[str, Any] = {"rx_packets": rx_packets() - before}
    for name, capturer in started.items():
        status = capturer.stop()
        seen[name] = {"status": status, "stderr": capturer.stderr, **capturer.counts()._asdict()}
    return seen


def ask() -> None:
    """Have a connection to the watched port while another has much to say."""
    noise = in_background(lambda: bulk(PORTS["bulk"], BULKS * BULK_SIZE))
    with connected(WATCHED) as (client, server):
        for size in ASKED:
            client.sendall(counter(size))
            server.sendall(read_exactly(server, size)[::-1])
            if read_exactly(client, size) != counter(size)[::-1]:
                raise RuntimeError(f"another answer of {size} bytes")
    noise.join()


def behave() -> None:
    for name in TRAFFIC:
        BEHAVIOURS[name](PORTS[name])


def refused() -> dict[str, Any]:
    """Ask for more than a kernel before 6.8 takes."""
    command = [*CAPTURE, "-c", "1", "-w", str(SCRATCH / "none.pcap"), TOO_MUCH]
    capturer = Capturer("too-much", command, SCRATCH)
    try:
        capturer.wait_ready()
    except RuntimeError:
        return {"status": capturer.wait(), "stderr": capturer.stderr}
    return {"status": capturer.stop(), "stderr": capturer.stderr}


def main(folder: Path) -> None:
    SCRATCH.mkdir()
    SCRATCH.chmod(0o777)
    subprocess.run(["modprobe", "-a", "vsockmon", "vsock_loopback"], check=True)
    subprocess.run(["ip", "link", "add", "vsockmon0", "type", "vsockmon"], check=True)
    subprocess.run(["ip", "link", "set", "vsockmon0", "up"], check=True)
    seen = {
        "one port": capture({"one-port": [f"port {WATCHED}"]}, ask),
        "side by side": capture({"all": [], **FILTERS}, behave),
        "too much": refused(),
    }
    for file in SCRATCH.glob("*.pcapng"):
        shutil.copy(file, folder)
    (folder / "filters.json").write_text(json.dumps(seen, indent=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
