"""A real guest that is stopped in the middle of two transfers, goes on, and is killed."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Observed
from .guest.nested_faults import FROM_GUEST, LISTENING, TO_GUEST
from .guest.nested_host import GUEST_CID
from .watched import TOLERANCE_NS, Told, Watched, check_stall, ns

pytestmark = pytest.mark.vm


@pytest.fixture(scope="session")
def killed(second_guest: Observed) -> Watched:
    assert "killed" in second_guest("nested"), second_guest.result.console
    return Watched("bookworm", second_guest, "nested.pcap")


def truth(killed: Watched) -> dict[str, Any]:
    return killed.truth("nested")


def told(killed: Watched, port: int) -> Told:
    return killed.at_end(GUEST_CID if port == LISTENING else 2, port)


def test_the_programs_saw_it(killed: Watched) -> None:
    seen = truth(killed)
    assert seen["connect"]["error"] == "ETIMEDOUT"
    assert seen["from_guest"]["error"] == "ECONNRESET"
    assert seen["afterwards"]["error"] is not None


def test_a_stopped_guest_stalls_its_host(killed: Watched) -> None:
    began, ended = truth(killed)["to_guest"]["longest_wait"]
    stalls = told(killed, TO_GUEST).of("stall")
    check_stall(max(stalls, key=lambda event: event["length_s"]), began, ended)
    assert told(killed, TO_GUEST).verdicts() == ["STALLED"]


def test_a_stopped_guest_answers_too_late(killed: Watched) -> None:
    attempt = truth(killed)["connect"]
    unanswered = told(killed, LISTENING).one("unanswered")
    assert abs(ns(unanswered["time"]) - attempt["ended"]) < TOLERANCE_NS
    late = told(killed, LISTENING).one("late_response")
    assert late["after_s"] * 1e9 > attempt["ended"] - attempt["began"]


def test_what_had_passed_before_the_kill(killed: Watched) -> None:
    (flow,) = told(killed, FROM_GUEST).flows
    # What the guest had sent, and the host's program had not read when the kernel gave up.
    assert 0 <= flow["bytes_fwd"] - truth(killed)["from_guest"]["bytes"] <= 262144
    (flow,) = told(killed, TO_GUEST).flows
    # What the host's program had sent, and its kernel had not yet put into the guest.
    assert 0 <= truth(killed)["to_guest"]["bytes"] - flow["bytes_rev"] <= 262144


def test_a_killed_guest_says_nothing_and_nothing_is_said(killed: Watched) -> None:
    for port in (FROM_GUEST, TO_GUEST):
        (flow,) = told(killed, port).flows
        assert flow["state"] == "open"
        assert told(killed, port).kinds() <= {"stall", "kernel_defect"}


def test_defect_a_is_seen_and_harms_no_count(killed: Watched) -> None:
    assert "kernel_defect" in killed.told.kinds()
    assert not killed.told.kinds() & {"gap", "overrun", "fwd_cnt_ahead", "fwd_cnt_back"}
    assert all(flow["confidence"] == "sure" for flow in killed.told.flows)
