"""Capture from a link: whole frames, none lost, and every way a link can behave."""

import itertools
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from vsockdump import privileges
from vsockdump.dissectors import LINKTYPE_VSOCK
from vsockdump.engine.batch import Batch
from vsockdump.errors import DeviceError
from vsockdump.interface import SNAPLEN
from vsockdump.sources import netlink, ring
from vsockdump.sources.live import Live
from vsockdump.sources.standin import MAX_FRAME, Standin

pytestmark = pytest.mark.standin

Run = Callable[[Callable[[], object]], int]
SIZES = (1, 3, 31, 32, 75, 76, 77, 1000, 4096, 65000, MAX_FRAME)
BURST = 200_000
SO_DETACH_FILTER, SO_LOCK_FILTER = 27, 44  # asm-generic/socket.h
PATIENCE = 40  # batches or idle turns


def frame(number: int, size: int = 76) -> bytes:
    """A frame that can be told from every other."""
    return (struct.pack(">I", number) * (size // 4 + 1))[:size]


def frames(batch: Batch) -> Iterator[bytes]:
    return (batch.frame(row) for row in range(len(batch)))


def collect(live: Live) -> list[bytes]:
    """Return the frames until the capture ends."""
    return [one for batch in live.batches() if batch is not None for one in frames(batch)]


def take(batches: Iterator[Batch | None], count: int) -> list[bytes]:
    """Return the next frames, as many as are waited for; more come with their batch."""
    found: list[bytes] = []
    for batch in itertools.islice(batches, PATIENCE):
        found += frames(batch) if batch else ()
        if len(found) >= count:
            break
    return found


def test_frames_arrive_byte_for_byte(standin: Standin) -> None:
    sent = [frame(number, size) for number, size in enumerate(SIZES)]
    with Live(standin.name) as live:
        before = time.time_ns()
        standin.send_all(sent)
        after = time.time_ns()
        live.stop()
        taken: list[bytes] = []
        times: list[int] = []
        for batch in live.batches():
            if batch is not None:
                taken += frames(batch)
                times += batch.column("time")
                assert list(batch.column("cap_len")) == list(batch.column("wire_len"))
        assert taken == sent
        assert [before, *times, after] == sorted([before, *times, after])
        assert len(set(times)) == len(times)  # nanoseconds: microseconds would repeat
    assert live.statistics() == (len(SIZES), 0, 0)
    assert live.ended == ""


def test_interface(standin: Standin) -> None:
    with Live(standin.name, filter_text="port 1") as live:
        (interface,) = live.interfaces
    assert (interface.linktype, interface.name) == (LINKTYPE_VSOCK, standin.name)
    assert (interface.snaplen, interface.filter) == (SNAPLEN, "port 1")
    assert interface.os.startswith(f"Linux {os.uname().release}")


def test_snaplen_cuts_in_the_kernel(standin: Standin) -> None:
    with Live(standin.name, snaplen=96) as live:
        standin.send_all(frame(size, size) for size in SIZES)
        live.stop()
        cut: list[bytes] = []
        lengths: list[int] = []
        for batch in live.batches():  # several, where sending took longer than a block is kept open
            if batch is not None:
                cut += frames(batch)
                lengths += batch.column("wire_len")
    assert cut == [frame(size, size)[:96] for size in SIZES]
    assert lengths == list(SIZES)


def test_a_program_decides(standin: Standin) -> None:
    # ld [0]; jeq #7, 0, 1; ret #40; ret #0
    steps = ((0x20, 0, 0, 0), (0x15, 0, 1, 7), (0x06, 0, 0, 40), (0x06, 0, 0, 0))
    program = b"".join(struct.pack("=HBBI", *step) for step in steps)
    with Live(standin.name, program=program) as live:
        standin.send_all(frame(number) for number in range(10))
        live.stop()
        assert collect(live) == [frame(7)[:40]]
    assert live.statistics() == (1, 0, 0)


def test_a_burst_is_taken_whole(standin: Standin) -> None:
    with Live(standin.name) as live:

        def send() -> None:
            standin.send_all(map(frame, range(BURST)))
            live.stop()

        sender = threading.Thread(target=send)
        sender.start()
        count = 0
        for batch in live.batches():
            for one in frames(batch) if batch else ():
                assert one == frame(count)
                count += 1
        sender.join()
    assert (count, live.statistics()) == (BURST, (BURST, 0, 0))


@pytest.mark.parametrize("immediate", [False, True])
def test_the_last_frames_before_the_end_are_not_lost(standin: Standin, immediate: bool) -> None:
    for count in (0, 1, 2, 3, 7000, 1, 0, 20000, 1):  # 7000 frames leave a block half full
        with Live(standin.name, immediate=immediate) as live:
            standin.send_all(map(frame, range(count)))
            live.stop()
            assert collect(live) == [frame(number) for number in range(count)]


def test_an_end_amid_a_storm_loses_nothing_that_was_counted(standin: Standin) -> None:
    ended = threading.Event()

    def storm() -> None:
        for number in itertools.takewhile(lambda _: not ended.is_set(), itertools.count()):
            standin.send(frame(number))

    with Live(standin.name) as live:
        sender = threading.Thread(target=storm)
        sender.start()
        seen = 0
        for batch in live.batches():
            seen += len(batch) if batch else 0
            if seen > 50_000:
                live.stop()
        received, dropped, _ = live.statistics()
        ended.set()
        sender.join()
    assert seen == received - dropped
    assert live.statistics().received == received  # nothing came in once it had ended


def test_what_a_small_ring_drops_is_counted(standin: Standin) -> None:
    with Live(standin.name, ring_kib=512) as live:
        standin.send_all(frame(number, 1000) for number in range(2000))
        live.stop()
        found = collect(live)
        received, dropped, frozen = live.statistics()
    assert found == [frame(number, 1000) for number in range(len(found))]
    assert (received, len(found) + dropped) == (2000, 2000)
    assert dropped > 0
    assert frozen > 0


def test_the_ring_goes_round(standin: Standin) -> None:
    with Live(standin.name, ring_kib=512) as live:
        batches = live.batches()
        for turn in range(20):  # 2 frames fill a block, so 3 take 2 or 3 of the 4
            sent = [frame(turn * 3 + number, 60_000) for number in range(3)]
            standin.send_all(sent)
            assert take(batches, len(sent)) == sent
        live.stop()
        assert list(batches) == []
    assert live.statistics() == (60, 0, 0)


def test_counts_add_up_over_readings(standin: Standin) -> None:
    with Live(standin.name) as live:
        for turn in range(1, 4):
            standin.send_all([frame(0)] * 5)
            assert live.statistics() == (5 * turn, 0, 0)


def test_without_packets_the_caller_is_woken(standin: Standin) -> None:
    with Live(standin.name) as live:
        batches = live.batches()
        assert [next(batches), next(batches)] == [None, None]
        live.stop()
        assert list(batches) == []


def test_a_link_that_goes_down_is_waited_for(standin: Standin) -> None:
    said: list[str] = []
    with Live(standin.name, say=said.append) as live:
        batches = live.batches()
        standin.send(frame(1))
        assert take(batches, 1) == [frame(1)]
        netlink.set_up(standin.ifindex, False)
        assert next(batches) is None
        assert said == [f"{standin.name}: the link is down; going on when it is up again"]
        netlink.set_up(standin.ifindex, True)
        standin.send(frame(2))
        assert take(batches, 1) == [frame(2)]
        assert said[1:] == [f"{standin.name}: the link is up again"]
        live.stop()
        assert list(batches) == []


def test_a_link_that_is_down_at_first_is_waited_for(standin: Standin) -> None:
    netlink.set_up(standin.ifindex, False)
    said: list[str] = []
    with Live(standin.name, say=said.append) as live:
        batches = live.batches()
        assert next(batches) is None
        netlink.set_up(standin.ifindex, True)
        standin.send(frame(1))
        assert take(batches, 1) == [frame(1)]
    assert [text.split(": ")[1][:14] for text in said] == ["the link is do", "the link is up"]


def test_a_link_that_is_removed_ends_the_capture(tun: None) -> None:
    with Standin() as standin, Live(standin.name) as live:
        standin.send_all(map(frame, range(3)))
        standin.__exit__(None, None, None)
        assert collect(live) == [frame(0), frame(1), frame(2)]
        assert live.ended == f"{standin.name}: the link was removed"
        assert live.statistics() == (3, 0, 0)


def test_a_batch_outlives_the_capture(standin: Standin) -> None:
    with Live(standin.name) as live:
        standin.send(frame(5))
        live.stop()
        (batch,) = [kept for kept in live.batches() if kept is not None]
    assert batch.frame(0) == frame(5)
    assert live.statistics() == (1, 0, 0)


def test_a_stop_after_the_end_reaches_no_other_file(standin: Standin) -> None:
    with Live(standin.name) as live:
        pass
    others = [os.eventfd(0, os.EFD_NONBLOCK) for _ in range(9)]  # they get the numbers it had
    live.stop()
    for other in others:
        with pytest.raises(BlockingIOError):
            os.eventfd_read(other)
        os.close(other)


def test_the_capture_goes_on_without_privileges(standin: Standin, in_child: Run) -> None:
    def act() -> None:
        with Live(standin.name) as live:
            privileges.drop(privileges.target("nobody"))
            with pytest.raises(PermissionError):
                socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            standin.send(frame(1))
            live.stop()
            assert collect(live) == [frame(1)]
            assert live.statistics() == (1, 0, 0)
        with pytest.raises(DeviceError, match=r"CAP_NET_RAW is missing; run as root"):
            live.__enter__()

    assert in_child(act) == 0


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"ring_kib": 1 << 30}, "no memory for a ring of 1073741824 KiB; ask for less with -B"),
        (
            {"program": struct.pack("=HBBI", 0xFFFF, 0, 0, 0)},
            "the kernel refused the filter's program",
        ),
    ],
)
def test_what_the_kernel_refuses_is_said(
    standin: Standin, options: dict[str, int | bytes], why: str
) -> None:
    with pytest.raises(DeviceError, match=why), Live(standin.name, **options):  # type: ignore[arg-type]
        pass


def test_a_program_is_there_for_good(standin: Standin) -> None:
    with Live(standin.name) as live:
        for program in (ring.accept(0), ring.accept(SNAPLEN)):
            with pytest.raises(PermissionError):
                ring.attach(live._socket, program)
        with pytest.raises(PermissionError):
            live._socket.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)
        with pytest.raises(PermissionError):
            live._socket.setsockopt(socket.SOL_SOCKET, SO_LOCK_FILTER, 0)
        standin.send(frame(1))
        live.stop()
        assert collect(live) == [frame(1)]


def test_a_program_beyond_the_kernels_memory(standin: Standin) -> None:
    # 4095 times ld [0], each of which the kernel makes several instructions of its own
    program = struct.pack("=HBBI", 0x20, 0, 0, 0) * 4095 + ring.accept(1)
    with pytest.raises(DeviceError) as raised, Live(standin.name, program=program):
        pass
    assert str(raised.value) == (
        "vsockmon0: the filter's program of 4096 instructions is larger than net.core.optmem_max"
        " allows; raise that, or ask for less"
    )


def test_a_link_that_does_not_exist(namespace: None) -> None:
    with pytest.raises(DeviceError, match=r"^nosuch0: no such link exists"), Live("nosuch0"):
        pass


@pytest.mark.parametrize(
    ("kib", "blocks"),
    [
        (65536, (1 << 18, 256)),
        (1 << 20, (1 << 18, 4096)),
        (2048, (1 << 18, 8)),
        (2047, (1 << 18, 7)),
        (512, (1 << 17, 4)),
        (1, (1 << 17, 4)),
        (0, (1 << 17, 4)),
    ],
)
def test_shape(kib: int, blocks: tuple[int, int]) -> None:
    assert ring.shape(kib) == blocks
