"""A real guest, CID 123, and its host, kernel 6.1: what is printed, and defect A1 undone."""

from __future__ import annotations

import pytest

from vsockdump.dissectors import LINKTYPE_VSOCK, dissect
from vsockdump.dissectors.splits import Splits

from .conftest import Observed
from .guest.counter import counter
from .pcap import frames, ports

pytestmark = pytest.mark.vm

GUEST, HOST = "123:19999", "host:9999"
HELLO_LINES = [
    f"{GUEST} > {HOST} REQUEST stream, buf 262144",
    f"{HOST} > {GUEST} RESPONSE stream, buf 262144",
    f"{GUEST} > {HOST} RW 13, free 262131",
    f"{HOST} > {GUEST} CREDIT_UPDATE fwd 13, free 262144",
    f"{HOST} > {GUEST} RW 7, free 262137",
    f"{GUEST} > {HOST} CREDIT_UPDATE fwd 7, free 262144",
    f"{GUEST} > {HOST} SHUTDOWN rcv|send",
    f"{HOST} > {GUEST} RST",
    f"{HOST} > {GUEST} RST",
]


def payloads(second_guest: Observed, source_port: int) -> list[bytes]:
    """Give what each packet from a port of the host carried, as vsockdump reads it."""
    splits = Splits()
    read = []
    for frame in frames(second_guest.folder / "nested.pcap"):
        found = dissect(frame, LINKTYPE_VSOCK, len(frame), splits)
        if ports(frame)[0] == source_port:
            read.append(found.payload)
    return read


def test_the_whole_conversation_is_captured(second_guest: Observed) -> None:
    seen = second_guest("nested")
    assert seen["as_expected"], second_guest.result.console
    assert (seen["statuses"], seen["dropped"]) == ([0, 0], 0), seen["stderr"]
    assert len(frames(second_guest.folder / "nested.pcap")) == seen["rx_packets"]


def test_hello_is_printed_as_it_was_said(second_guest: Observed) -> None:
    second_guest("nested")
    lines = (second_guest.folder / "lines.txt").read_text().splitlines()
    assert [line for line in lines if ":9999 " in f"{line} "] == HELLO_LINES


def test_this_kernel_has_the_defect(second_guest: Observed) -> None:
    """Without it the next tests would show nothing: 150000 bytes stand in far longer frames."""
    second_guest("nested")
    captured = frames(second_guest.folder / "nested.pcap")
    naive = sum(len(frame) - 76 for frame in captured if ports(frame)[0] == 9998)
    assert naive > 1_000_000


def test_a_split_stream_is_restored(second_guest: Observed) -> None:
    second_guest("nested")
    assert b"".join(payloads(second_guest, 9998)) == counter(150_000)


def test_split_messages_are_restored(second_guest: Observed) -> None:
    second_guest("nested")
    expected = b"small" + b"M" * 10_000 + b"L" * 70_000
    assert b"".join(payloads(second_guest, 9997)) == expected
