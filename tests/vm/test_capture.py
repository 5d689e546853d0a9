"""The same loopback traffic, captured by vsockdump and by tcpdump at once, on 6.1 and 6.12."""

from __future__ import annotations

import pytest

from .conftest import Observed
from .pcap import frames

pytestmark = pytest.mark.vm


def test_frames_are_tcpdumps_byte_for_byte(loopback: Observed) -> None:
    loopback("observations")
    ours = frames(loopback.folder / "ours.pcap")
    assert ours == frames(loopback.folder / "big-ring.pcap")
    # Behaviours of every kind were in it: the biggest frame a kernel makes, and the smallest.
    assert {len(frame) for frame in ours} >= {76, 65612}


@pytest.mark.parametrize("when", ["running", "stopped"])
def test_every_packet_of_the_link_is_in_the_file(loopback: Observed, when: str) -> None:
    name = {"running": "ours", "stopped": "ours-stopped"}[when]
    seen = loopback("observations")[when]
    assert len(frames(loopback.folder / f"{name}.pcap")) == seen["rx_packets"] > 0
    assert seen[name]["captured"] == seen["rx_packets"]


@pytest.mark.parametrize("when", ["running", "stopped"])
def test_nothing_is_dropped_with_defaults(loopback: Observed, when: str) -> None:
    name = {"running": "ours", "stopped": "ours-stopped"}[when]
    seen = loopback("observations")[when][name]
    assert (seen["status"], seen["dropped"]) == (0, 0), seen["stderr"]


def test_tcpdumps_default_ring_loses_what_ours_holds(loopback: Observed) -> None:
    seen = loopback("observations")["stopped"]
    assert seen["default-ring"]["dropped"] > 0
    assert seen["default-ring"]["captured"] < seen["ours-stopped"]["captured"]
