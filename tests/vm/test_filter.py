"""Expressions on real kernels: what these let through, against what was sent and what we choose."""

from __future__ import annotations

import re
import struct
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from tests.command import vsockdump
from tests.frames import REQUEST, RESPONSE, RW
from vsockdump.errors import DeviceError
from vsockdump.sources.savefile import Savefile

from .conftest import KERNELS, Observed, boot, guest
from .guest.counter import counter
from .guest.filters import ASKED, BULKS, FILTERS, WATCHED
from .guest.traffic import BULK_SIZE
from .pcap import ports

pytestmark = pytest.mark.vm

HEADERS = 76


@pytest.fixture(scope="module", params=KERNELS)
def filtered(request: pytest.FixtureRequest, out: Path) -> Observed:
    """Boot a kernel once for all filters."""
    folder = out / f"filters-{request.param}"
    return Observed(folder, boot(request.param, guest("filters", "/mnt/out"), folder))


def frames(path: Path) -> list[bytes]:
    with closing(Savefile(str(path))) as source:
        return [
            batch.frame(row)
            for batch in source.batches()
            if batch is not None
            for row in range(len(batch))
        ]


def op(frame: bytes) -> int:
    (found,) = struct.unpack_from("<H", frame, 62)
    return int(found)


def sent(captured: list[bytes], port: int) -> bytes:
    """Join what a port sent."""
    return b"".join(one[HEADERS:] for one in captured if op(one) == RW and ports(one)[0] == port)


def chosen(everything: Path, words: list[str]) -> list[bytes]:
    """Have us choose of a file what the kernel chose of the link."""
    payload = int(words[words.index("--snap-payload") + 1]) if "--snap-payload" in words else None
    copy = everything.with_name("chosen.pcapng")
    done = vsockdump("-r", everything, "-w", copy, "-Z", "root", words[-1])
    assert done.returncode == 0, done.stderr
    return [one if payload is None else one[: HEADERS + payload] for one in frames(copy)]


# --- one port beside a busy one ---------------------------------------------------------------


def test_all_of_the_port_is_there(filtered: Observed) -> None:
    filtered("filters")
    captured = frames(filtered.folder / "one-port.pcapng")
    assert {WATCHED} == {port for one in captured for port in ports(one) if port < 10000}
    questions = [counter(size) for size in ASKED]
    assert sent(captured, WATCHED + 10000) == b"".join(questions)
    assert sent(captured, WATCHED) == b"".join(question[::-1] for question in questions)
    found = Counter(map(op, captured))
    assert (found[REQUEST], found[RESPONSE]) == (1, 1)


def test_the_rest_never_reached_user_space(filtered: Observed) -> None:
    seen = filtered("filters")["one port"]
    mine = seen["one-port"]
    count = len(frames(filtered.folder / "one-port.pcapng"))
    assert (mine["status"], mine["dropped"]) == (0, 0), mine["stderr"]
    assert (mine["captured"], mine["received"]) == (count, count)
    assert seen["rx_packets"] - count >= BULKS * BULK_SIZE // 65536 > count


# --- beside an unfiltered capture -------------------------------------------------------------


@pytest.mark.parametrize("name", FILTERS)
def test_the_kernel_chooses_what_we_choose(filtered: Observed, name: str) -> None:
    seen = filtered("filters")["side by side"]
    everything = filtered.folder / "all.pcapng"
    captured = frames(filtered.folder / f"{name}.pcapng")
    assert captured == chosen(everything, FILTERS[name])
    assert seen[name]["received"] == len(captured), seen[name]["stderr"]
    assert 0 < len(captured) < len(frames(everything)) == seen["rx_packets"]


# --- too much for a kernel --------------------------------------------------------------------


def test_too_much_for_a_kernel_is_said(filtered: Observed) -> None:
    """net.core.optmem_max was 20 KiB until 6.7, and is 128 KiB since."""
    seen = filtered("filters")["too much"]
    if "bookworm" in filtered.folder.name:
        sentence = r"vsockmon0: the filter's program of \d+ instructions is larger than net\.core\."
        assert re.search(sentence, seen["stderr"]), seen["stderr"]
        assert seen["status"] == DeviceError.exit_code
    else:
        assert seen["status"] == 0, seen["stderr"]
