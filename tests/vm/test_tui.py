"""The terminal interface on real traffic: what is seen while it happens, and what is kept."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from vsockdump.sources.savefile import Savefile

from . import nested
from .conftest import Observed, boot, guest, or_skip
from .pcap import frames

pytestmark = pytest.mark.vm

VIEWS = {
    "Flows": "SF",
    "Packets": "src_cid   1",
    "Ladder": "RESPONSE stream, buf 262144",
    "Credit": "local:15001 → local:5001  ⠒⠒ window",
    "Follow": "3 > Hello, world!",
    "Problems": "problem: stall",
    "Info": "vsockmon0, VSOCK (Linux vsock), snapshot length 262144",
}
"""What each says of loopback's traffic, where the first connection is selected."""


@pytest.fixture(scope="module")
def tmux() -> None:
    or_skip(None if shutil.which("tmux") else "no tmux here: apt-get install tmux")


@pytest.fixture(scope="module")
def watched(out: Path, tmux: None) -> Observed:
    """Boot a kernel, another than that with a guest, and look at what it says to itself."""
    folder = out / "tui-trixie"
    return Observed(folder, boot("trixie", guest("tui", "/mnt/out"), folder, limit_s=550))


@pytest.fixture(scope="module")
def between(out: Path, tmux: None) -> Observed:
    """Boot a kernel with a guest of its own, and look at what they say."""
    or_skip(nested.reason_to_skip())
    folder = out / "tui-nested"
    folder.mkdir()
    nested.put_kernel(folder)
    script = guest("tui", "/mnt/out", "nested")
    return Observed(folder, boot("bookworm", script, folder, limit_s=550))


def saved(observed: Observed) -> list[bytes]:
    """Return the frames that the interface saved."""
    with closing(Savefile(str(observed.folder / "saved.pcapng"))) as source:
        return [
            batch.frame(row) for batch in source.batches() if batch for row in range(batch.count)
        ]


def check_kept(seen: dict[str, Any], observed: Observed) -> None:
    """Hold what was saved against what tcpdump saw, and the link counted."""
    assert (seen["status"], seen["after"]) == (0, "absent"), seen["said"]
    assert "\n0 packets dropped by kernel\n" in seen["said"]
    status, captured, _, dropped = seen["tcpdump"]
    assert (status, captured, dropped) == (0, seen["rx"], 0)
    assert saved(observed) == frames(observed.folder / "tcpdump.pcap")


def test_a_connection_is_seen(watched: Observed) -> None:
    seen = watched("tui")["loopback"]
    assert seen["during"] == "up"
    (line,) = [line for line in seen["greeted"].splitlines() if ":15001" in line]
    assert line.split()[:5] == ["1", "local:15001", ">", "local:5001", "SF"]


def test_a_stall_is_seen_while_it_lasts(watched: Observed) -> None:
    seen = watched("tui")["loopback"]
    (line,) = [line for line in seen["stalled"].splitlines() if ":15004" in line]
    assert " STALLED " in line
    assert float(line.split()[-1].removesuffix("s")) > 1
    assert "local:5004 did not read" in seen["told"]


@pytest.mark.parametrize("view", VIEWS)
def test_each_view_shows_it(watched: Observed, view: str) -> None:
    assert VIEWS[view] in watched("tui")["loopback"]["views"][view]


def test_what_was_saved_is_tcpdumps_frame_by_frame(watched: Observed) -> None:
    check_kept(watched("tui")["loopback"], watched)


def test_the_link_is_gone_after_sigkill(watched: Observed) -> None:
    assert watched("tui")["killed"] == {"during": "up", "after": "absent"}


def test_a_guests_hello_is_seen(between: Observed) -> None:
    seen = between("tui")
    assert seen["as_expected"], between.result.console
    (line,) = [line for line in seen["views"]["Flows"].splitlines() if "123:19999" in line]
    assert "> host" in line
    assert " SF " in line
    assert "> Hello, world!" in seen["views"]["Follow"]
    assert "< welcome" in seen["views"]["Follow"]
    check_kept(seen, between)
