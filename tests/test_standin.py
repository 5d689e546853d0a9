"""The stand-in looks and sounds like vsockmon."""

import errno
import itertools
import os
import socket
import threading
from collections.abc import Callable

import pytest

from vsockdump.errors import DeviceError
from vsockdump.sources import netlink
from vsockdump.sources.live import Live
from vsockdump.sources.standin import MAX_FRAME, Standin

pytestmark = pytest.mark.standin

Run = Callable[[Callable[[], object]], int]
GAP_NS = 20_000_000
CLOCK_STEP_NS = 1_000_000  # stamps are of the wall clock, which is kept right by small steps


def test_it_is_a_link_of_vsockmons_type(standin: Standin) -> None:
    found = netlink.find(standin.name)
    assert found is not None
    assert (found.name, found.ifindex) == ("vsockmon0", standin.ifindex)
    assert (found.arphrd, found.mtu, found.is_up) == (826, MAX_FRAME, True)


def test_a_sniffer_sees_what_it_would_see_of_vsockmon(standin: Standin) -> None:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as sniffer:
        standin.send(b"frame")
        data, (name, protocol, packet_type, hatype, address) = sniffer.recvfrom(100)
    assert (data, name, protocol) == (b"frame", standin.name, 0)
    assert (packet_type, hatype, address) == (4, 826, b"")  # PACKET_OUTGOING, ARPHRD_VSOCKMON


def test_it_is_gone_at_the_end(tun: None) -> None:
    with Standin("tap5") as standin:
        assert netlink.find("tap5") is not None
    assert netlink.find(standin.name) is None


def test_a_name_that_is_taken(standin: Standin) -> None:
    busy = os.strerror(errno.EBUSY)
    with pytest.raises(DeviceError, match=f"^cannot make a stand-in with /dev/net/tun: {busy}"):
        Standin(standin.name).__enter__()
    assert [link.name for link in netlink.links()] == ["lo", standin.name]


def test_too_large_a_frame(standin: Standin) -> None:
    with pytest.raises(OSError, match="too long") as raised:
        standin.send(bytes(MAX_FRAME + 5))
    assert raised.value.errno == errno.EMSGSIZE


def test_a_replay_keeps_order_and_gaps(standin: Standin) -> None:
    start = 1_700_000_000_000_000_000
    sent = [(start, b"a"), (start + 2 * GAP_NS, b"b"), (start + 2 * GAP_NS, b"c"), (start, b"d")]
    with Live(standin.name) as live:
        assert standin.replay(sent, speed=2) == 4
        live.stop()
        rows = [
            (batch.frame(row), batch.column("time")[row])
            for batch in live.batches()
            if batch is not None
            for row in range(len(batch))
        ]
    found, times = zip(*rows, strict=True)
    assert found == (b"a", b"b", b"c", b"d")
    assert times[1] - times[0] >= GAP_NS - CLOCK_STEP_NS


def test_a_replay_ends_with_the_link(tun: None) -> None:
    counts: list[int] = []
    with Standin() as standin:
        endless = ((number * 60_000_000_000, b"x") for number in itertools.count())
        replay = threading.Thread(target=lambda: counts.append(standin.replay(endless)))
        replay.start()
    replay.join()
    assert counts in ([0], [1])


def test_a_full_queue_is_emptied_and_the_frame_sent(
    standin: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full:
        """As the socket is when the device has stopped its queue."""

        sent: tuple[bytes, ...] = ()
        refusals = 1

        def send(self, data: bytes) -> None:
            if self.refusals:
                self.refusals -= 1
                raise OSError(errno.ENOBUFS, "full")
            self.sent += (data,)

    standin.send_all([b"queued"] * 10)
    full = Full()
    monkeypatch.setattr(standin, "_socket", full)
    standin.send(b"frame")
    assert (full.sent, full.refusals) == ((b"frame",), 0)


def test_a_user_may_not_make_one(tun: None, in_child: Run) -> None:
    def act() -> None:
        os.setresuid(65534, 65534, 65534)
        with pytest.raises(DeviceError, match=r"^cannot make a stand-in"):
            Standin().__enter__()

    assert in_child(act) == 0
