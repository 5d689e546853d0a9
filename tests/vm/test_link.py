"""The vsockmon link: made, raised and removed, whatever ends the capture."""

from __future__ import annotations

import re
from typing import Any

import pytest

from .conftest import Observed
from .pcap import frames

pytestmark = pytest.mark.vm

HELLO = 9  # packets of one hello


def scenario(loopback: Observed, name: str) -> dict[str, Any]:
    seen: dict[str, Any] = loopback("links")[name]
    assert "broke_off" not in seen, seen["broke_off"]
    assert "Traceback" not in seen["stderr"], seen["stderr"]
    return seen


def test_a_link_it_made_is_up_and_gone_after_a_normal_end(loopback: Observed) -> None:
    seen = scenario(loopback, "normal_end")
    assert (seen["during"], seen["after"], seen["status"]) == ("up", "absent", 0)
    assert len(frames(loopback.folder / "normal-end.pcap")) == 5


def test_a_link_it_made_is_gone_after_sigterm(loopback: Observed) -> None:
    seen = scenario(loopback, "sigterm")
    assert (seen["during"], seen["after"], seen["status"]) == ("up", "absent", 0)
    assert len(frames(loopback.folder / "sigterm.pcap")) == HELLO


def test_the_run_after_a_sigkill_copes(loopback: Observed) -> None:
    assert scenario(loopback, "sigkill")["status"] == -9
    seen = scenario(loopback, "after_sigkill")
    assert seen["status"] == 0, seen["stderr"]
    assert len(frames(loopback.folder / "after-sigkill.pcap")) == HELLO


def test_a_link_that_was_down_is_raised_and_lowered_again(loopback: Observed) -> None:
    seen = scenario(loopback, "was_down")
    assert (seen["during"], seen["after"], seen["status"]) == ("up", "down", 0)
    assert len(frames(loopback.folder / "was-down.pcap")) == HELLO


def test_a_link_that_was_up_stays_up(loopback: Observed) -> None:
    seen = scenario(loopback, "was_up")
    assert (seen["after"], seen["status"]) == ("up", 0)


def test_a_capture_goes_on_when_its_link_comes_up_again(loopback: Observed) -> None:
    seen = scenario(loopback, "down_and_up")
    assert seen["status"] == 0, seen["stderr"]
    assert "down" in seen["told_down"], "nothing was said when the link went down"
    assert len(frames(loopback.folder / "down-and-up.pcap")) == 2 * HELLO


def test_a_capture_ends_clearly_when_its_link_is_deleted(loopback: Observed) -> None:
    seen = scenario(loopback, "deleted")
    assert seen["status"] == 1, seen["stderr"]
    assert re.search(r"vsockmon0.*(deleted|removed|gone|disappeared)", seen["stderr"])
    assert len(frames(loopback.folder / "deleted.pcap")) == HELLO


@pytest.mark.parametrize("capability", ["net_admin", "net_raw"])
def test_a_missing_capability_is_named(loopback: Observed, capability: str) -> None:
    seen = scenario(loopback, f"without_{capability}")
    assert (seen["status"], seen["after"]) == (1, "absent"), seen["stderr"]
    assert f"CAP_{capability.upper()}" in seen["stderr"]
