"""What is compared with other programs, and how their output is had."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from vsockdump.dissectors.vsockmon import VsockmonHeader
from vsockdump.engine.batch import Batch
from vsockdump.packet import Packet, packet
from vsockdump.sources.savefile import Savefile

from .command import PCAPS

REFERENCE = os.environ.get("VSOCKDUMP_REFERENCE_CAPTURES", "")
MONITOR, VIRTIO = 32, 44
SECOND = 1_000_000_000

Plain = Callable[[Path], Path]
"""Gives a capture that any program can read: the fixture `plain`."""


def captures() -> list[Path]:
    folders = [PCAPS, *([Path(REFERENCE)] if REFERENCE else [])]
    found = [path for folder in folders for path in sorted(folder.glob("*.pcap*"))]
    return [path for path in found if not path.name.endswith((".out", ".json", ".md"))]


every_capture = pytest.mark.parametrize("path", captures(), ids=lambda path: path.name)


def output(*command: str | Path) -> str:
    run = subprocess.run([*map(str, command)], capture_output=True, check=True)
    return run.stdout.decode()


def batches(path: Path) -> Iterator[Batch]:
    count = 0
    with closing(Savefile(str(path))) as source:
        for batch in source.batches():
            assert batch is not None
            batch.first = count + 1
            count += batch.count
            yield batch


def packets(path: Path) -> list[Packet]:
    return [packet(batch, row) for batch in batches(path) for row in range(batch.count)]


def behind(found: Packet) -> bytes:
    """What tcpdump takes for the payload: all behind headers of fixed sizes."""
    monitor = found.layers[0]
    assert isinstance(monitor, VsockmonHeader)
    return found.frame[MONITOR + (VIRTIO if monitor.transport == 2 else 0) :]


def monitor_of(found: Packet) -> VsockmonHeader | None:
    return next((one for one in found.layers if isinstance(one, VsockmonHeader)), None)
