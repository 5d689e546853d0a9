"""Connections on real kernels: what goes wrong is named, as it was; what works raises nothing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from .conftest import KERNELS, Observed, boot, guest, or_skip
from .guest.faults import FAULTS, PORTS
from .guest.services import BODIES, NEEDED, SAID, SERVICES, UPLOAD
from .guest.services import PORTS as SERVICE_PORTS
from .guest.stalls import SMALL_PACKETS
from .vsock_test import vsock_test
from .watched import TOLERANCE_NS, Row, Told, Watched, check_stall, ns

pytestmark = pytest.mark.vm

# What each fault raises; whether stalls are among it is looked at by itself.
KINDS: dict[str, set[str]] = {
    "refused": {"refused"},
    "refused-at-host": {"refused"},
    "wrong-type": {"refused"},
    "backlog-full": {"refused"},
    "reuse": {"tuple_reuse"},
    "reuse-server-first": {"tuple_reuse"},
    "shrunk": {"buf_shrunk"},
    "small-200": {"packet_ceiling"},
    "small-messages": {"packet_ceiling"},
    "tiny-buffer": {"packet_ceiling"},
    "receiver-killed": {"unread_close"},
    "message-cut": {"message_unfinished", "unread_close"},
    "unread-close": {"unread_close"},
    "never-accepted": {"unread_close"},
    "close-unanswered": {"shutdown_unanswered"},
}
VERDICTS: dict[str, list[str]] = {
    "nobody": [],
    "refused": ["REJ"],
    "refused-at-host": ["REJ"],
    "wrong-type": ["REJ"],
    "backlog-full": ["SF", "SF", "REJ"],
    "reuse": ["SF"] * 10,
    "reuse-server-first": ["SF"] * 10,
    "stall": ["STALLED"],
    "deadlock": ["STALLED"],
    "receiver-killed": ["STALLED"],
    "message-cut": ["STALLED"],
}


@pytest.fixture(scope="session", params=KERNELS)
def watched(request: pytest.FixtureRequest, out: Path) -> Watched:
    """Boot a kernel once and do everything there while vsockdump captures and follows."""
    folder = out / f"watched-{request.param}"
    script = guest("watched", "/mnt/out", str(vsock_test()))
    return Watched(
        request.param, Observed(folder, boot(request.param, script, folder)), "all.pcapng"
    )


# Packets unread when there are too many, how many may be, and bytes sent: 6.12 joins no messages.
CEILINGS = {"small-messages": (456, 455, 60 * SMALL_PACKETS), "tiny-buffer": (1, 0, 100)}


def truth(watched: Watched, name: str) -> dict[str, Any]:
    seen = {**watched.truth("faults"), **watched.truth("sleepy")}[name]
    assert "broke_off" not in seen, seen["broke_off"]
    return dict(seen)


def told(watched: Watched, name: str) -> Told:
    return watched.at_port(PORTS[name])


def overflows(watched: Watched) -> bool:
    """Whether this kernel resets when packets, not bytes, fill a buffer (6.12.94 and newer)."""
    return watched.suite == "trixie"


def test_the_capture_is_whole(watched: Watched) -> None:
    seen = watched.truth("capture")
    assert (seen["statuses"], seen["dropped"]) == ([0, 0], 0), watched.truth.result.console
    assert seen["captured"] == seen["rx_packets"]
    flows = watched.told.flows
    assert sum(f["packets_fwd"] + f["packets_rev"] for f in flows) == seen["rx_packets"]
    assert all(flow["confidence"] == "sure" for flow in flows)


def test_live_it_says_the_same(watched: Watched) -> None:
    """But for microseconds: each of the two captures has stamps of its own."""
    lines = (watched.truth.folder / "live.jsonl").read_text().splitlines()
    live = [json.loads(line) for line in lines]
    assert comparable(live) == comparable(watched.told.events)


def comparable(events: list[Row]) -> list[tuple[str, int, list[int]]]:
    """Give of events what does not hang on microseconds, as the shortest of stalls do."""
    kept = [e for e in events if (e["kind"], e["severity"]) != ("stall", "note")]
    return sorted((e["kind"], e["flow"], e["packets"]) for e in kept)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_named(watched: Watched, name: str) -> None:
    truth(watched, name)
    kinds = set(KINDS.get(name, ()))
    if name in CEILINGS and overflows(watched):
        kinds.add("reset")
    assert told(watched, name).kinds() - {"stall"} == kinds


@pytest.mark.parametrize("name", FAULTS)
def test_a_connection_gets_its_verdict(watched: Watched, name: str) -> None:
    expected = VERDICTS.get(name, ["SF"])
    if name in CEILINGS and overflows(watched):
        expected = ["RSTR"]
    assert told(watched, name).verdicts() == expected


@pytest.mark.parametrize("name", ["stall", "stalls", "deadlock", "receiver-killed"])
def test_a_stall_is_as_long_as_the_sender_waited(watched: Watched, name: str) -> None:
    seen = truth(watched, name)
    waits = seen.get("waits") or [seen] * (2 if name == "deadlock" else 1)
    # Under way while others were, so that a reader may have been late now and then.
    longest = sorted(told(watched, name).of("stall"), key=lambda e: -e["length_s"])[: len(waits)]
    for event, wait in zip(sorted(longest, key=lambda e: ns(e["time"])), waits, strict=True):
        check_stall(event, wait["began"], wait.get("ended", wait.get("killed")))
        assert event["confidence"] == "sure"


def test_a_stall_that_nothing_lifted(watched: Watched) -> None:
    last = told(watched, "receiver-killed").of("stall")[-1]
    assert not last["lifted"]
    assert last["in_flight"] == truth(watched, "receiver-killed")["unread"]


@pytest.mark.parametrize("name", ["ping-pong", "byte-by-byte", "small-200", "client-half-closes"])
def test_who_never_filled_the_window_never_stalled(watched: Watched, name: str) -> None:
    assert told(watched, name).of("stall") == []


def test_a_shrunk_buffer(watched: Watched) -> None:
    assert truth(watched, "shrunk")["room"] == 0
    event = told(watched, "shrunk").one("buf_shrunk")
    assert (event["before"], event["buf_alloc"], event["in_flight"]) == (262144, 4096, 100_000)


@pytest.mark.parametrize("name", ["unread-close", "receiver-killed"])
def test_bytes_that_nobody_read(watched: Watched, name: str) -> None:
    assert told(watched, name).one("unread_close")["unread"] == truth(watched, name)["unread"]


def test_a_message_that_was_cut_off(watched: Watched) -> None:
    assert truth(watched, "message-cut") == {"first": 200_000, "second": 0}
    # What was left of the window when the sender was killed.
    assert told(watched, "message-cut").one("message_unfinished")["bytes"] == 62_144


def test_a_killed_senders_bytes_all_arrived(watched: Watched) -> None:
    (flow,) = told(watched, "sender-killed").flows
    assert flow["bytes_fwd"] == truth(watched, "sender-killed")["read"]


def test_a_close_that_nobody_answers(watched: Watched) -> None:
    seen = truth(watched, "close-unanswered")
    event = told(watched, "close-unanswered").one("shutdown_unanswered")
    assert event["waited_s"] == 8
    assert abs(ns(event["time"]) - seen["closed"] - 8 * 10**9) < TOLERANCE_NS
    (flow,) = told(watched, "close-unanswered").flows
    assert "timer" in flow["reason"]


@pytest.mark.parametrize("name", CEILINGS)
def test_too_many_packets(watched: Watched, name: str) -> None:
    unread, ceiling, size = CEILINGS[name]
    event = told(watched, name).one("packet_ceiling")
    assert (event["unread"], event["ceiling"]) == (unread, ceiling)
    read = truth(watched, name)["read"]
    assert (read != size) == overflows(watched)
    for reset in told(watched, name).of("reset"):
        assert reset["reset"] == "overflow"


def test_packets_of_a_stream_are_joined(watched: Watched) -> None:
    """Where there are too many, newer kernels make larger ones of them, and older do not mind."""
    assert truth(watched, "small-200")["read"] == 200 * SMALL_PACKETS


def test_refusals_are_what_connect_said(watched: Watched) -> None:
    for name in ("refused", "refused-at-host", "wrong-type", "backlog-full"):
        assert truth(watched, name)["error"] == "ECONNRESET"
    assert truth(watched, "nobody")["error"] == "ENODEV"


SUITE_PORTS = (1234, 1235)

# What the kernel's own tests do on purpose.
PROVOKED: dict[str, set[str]] = {
    "SOCK_STREAM connection reset": {"refused"},
    "SOCK_STREAM bind only": {"refused"},
    "SOCK_STREAM double bind connect": {"tuple_reuse"},
}
# What may come of some: one leaves the last of 131073 bytes unread.
ALWAYS: dict[str, set[str]] = {
    "SOCK_STREAM virtio credit update + low rx_bytes": {"unread_close"},
}
# 6.1 fails the tests of what was mended after it, and a test that fails ends as it is.
FAILED: dict[str, set[str]] = {
    "SOCK_SEQPACKET invalid receive buffer": {"unread_close"},
    "SOCK_STREAM test invalid buffer": {"unread_close"},
    "SOCK_SEQPACKET MSG_PEEK": {"unread_close"},
    # 6.1 does not say that it has read when SO_RCVLOWAT needs more than is left: a real hang.
    "SOCK_STREAM virtio credit update + SO_RCVLOWAT": {"stall"},
}


def test_the_kernels_tests_ran(watched: Watched) -> None:
    ended = {
        name: [code for code, _ in run["ends"]] for name, run in watched.truth("suite").items()
    }
    assert len(ended) >= 26
    if watched.suite == "trixie":
        assert set(map(tuple, ended.values())) == {(0, 0)}, ended


def test_the_kernels_tests_raise_what_they_provoke(watched: Watched) -> None:
    allowed = {**ALWAYS, **(FAILED if watched.suite == "bookworm" else {})}
    for name, run in watched.truth("suite").items():
        events = watched.at_port(*SUITE_PORTS).between(run["began"], run["ended"])
        raised = {e["kind"] for e in events if (e["kind"], e["severity"]) != ("stall", "note")}
        provoked = PROVOKED.get(name, set())
        assert provoked <= raised <= provoked | allowed.get(name, set()), name


def test_a_kernels_hang_is_a_stall(watched: Watched) -> None:
    run = watched.truth("suite")["SOCK_STREAM virtio credit update + SO_RCVLOWAT"]
    events = watched.at_port(*SUITE_PORTS).between(run["began"], run["ended"])
    stalls = [e for e in events if (e["kind"], e["severity"]) == ("stall", "problem")]
    assert len(stalls) == (watched.suite == "bookworm")


WORKED: dict[str, dict[str, object]] = {
    "web": {"bodies": [*BODIES, *BODIES], "uploaded": UPLOAD},
    "login": {"said": SAID, "heard": SAID},
    "disk": {"same": True},
}


@pytest.mark.parametrize("name", SERVICES)
def test_programs_that_work_have_no_problem(watched: Watched, name: str) -> None:
    missing = [package for program, package in NEEDED.items() if not shutil.which(program)]
    or_skip(f"apt-get install {' '.join(missing)}" if missing else None)
    assert watched.truth("services")[name] == WORKED[name]
    seen = watched.at_port(SERVICE_PORTS[name])
    assert seen.kinds() <= {"stall", "tuple_reuse"}
    assert set(seen.verdicts()) <= {"SF", "STALLED"}
