"""How a run ends: by signals, in order, from wherever it is waiting."""

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import captures
from tests.command import PCAPS, Waiting
from vsockdump.ending import Ended, interruptible, signals

HELLO = PCAPS / "hello.pcap"
READING = "reading from file -, link-type VSOCK (Linux vsock), snapshot length 262144"
ALL = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


@pytest.fixture(autouse=True)
def untouched() -> Iterator[None]:
    """Whatever is done to signals is undone at the end."""
    before = [signal.getsignal(number) for number in ALL]
    yield
    assert [signal.getsignal(number) for number in ALL] == before


@pytest.mark.parametrize("number", ALL)
def test_what_each_signal_does(number: signal.Signals) -> None:
    heard: list[str] = []
    with signals(lambda: heard.append("stop")) as asked:
        signal.raise_signal(number)
    assert heard == (["stop"] if number in ENDS else [])
    assert (asked.counts, asked.flush) == (number == signal.SIGUSR1, number == signal.SIGUSR2)


def test_a_second_one_is_not_caught() -> None:
    heard: list[str] = []
    with (
        pytest.raises(KeyboardInterrupt),
        signals(lambda: heard.append("stop")),
    ):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
    assert heard == ["stop"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_before_the_run_it_raises(number: signal.Signals) -> None:
    with pytest.raises(Ended), interruptible():
        signal.raise_signal(number)


def test_what_was_ignored_stays_ignored() -> None:
    heard: list[str] = []
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruptible():
            signal.raise_signal(signal.SIGHUP)
        with signals(lambda: heard.append("stop")):
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert heard == []


# --- the whole program ---------------------------------------------------------------------------


ENDS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.mark.parametrize("number", ENDS)
def test_signals_end_a_wait_in_order(number: signal.Signals) -> None:
    waiting = Waiting(data=HELLO.read_bytes()[:-10])
    assert b"REQUEST" in waiting.first_line()
    waiting.process.send_signal(number)
    status, out, said = waiting.end()
    assert (status, out.count(b"\n")) == (0, 7)  # what is in the middle of a record is no damage
    assert said.decode().splitlines() == [READING]


@pytest.mark.parametrize("number", ENDS)
@pytest.mark.parametrize("data", [b"", b"\xd4\xc3", captures.section()])
def test_signals_end_a_wait_for_the_header(number: signal.Signals, data: bytes) -> None:
    waiting = Waiting(data=data)
    wait_for(lambda: handles(waiting.process.pid, number))
    waiting.process.send_signal(number)
    assert waiting.end() == (0, b"", b"")


def handles(pid: int, number: int) -> bool:
    """Whether a process has a handler for a signal (proc(5), SigCgt)."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    (caught,) = (line.split()[1] for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(caught, 16) >> (signal.SIGHUP - 1) & 1 and int(caught, 16) >> (number - 1) & 1)


def wait_for(holds: Callable[[], bool]) -> None:
    for _ in range(2000):
        if holds():
            return
        time.sleep(0.01)
    raise AssertionError("it never came to that")


def test_an_interrupt_ends_what_a_shell_runs_in_the_background() -> None:
    waiting = Waiting(data=HELLO.read_bytes(), before="env --ignore-signal=INT")
    waiting.first_line()
    waiting.process.send_signal(signal.SIGINT)
    assert waiting.end()[0] == 0


def test_an_ignored_hangup_stays_ignored() -> None:
    waiting = Waiting(data=HELLO.read_bytes(), before="env --ignore-signal=HUP")
    waiting.first_line()
    waiting.process.send_signal(signal.SIGHUP)
    waiting.process.send_signal(signal.SIGUSR1)  # it still answers
    waiting.said()
    assert waiting.said() == b"9 packets captured\n"
    waiting.process.send_signal(signal.SIGTERM)
    assert waiting.end()[0] == 0


def test_counts_are_told_when_asked_for() -> None:
    waiting = Waiting(data=HELLO.read_bytes())
    waiting.first_line()
    waiting.said()
    for _ in range(2):
        waiting.process.send_signal(signal.SIGUSR1)
        assert waiting.said() == b"9 packets captured\n"
    waiting.process.send_signal(signal.SIGINT)
    assert waiting.end()[0] == 0


def test_flush_and_end_of_a_file(tmp_path: Path) -> None:
    target = tmp_path / "out.pcap"
    waiting = Waiting("-w", target, "--print", data=HELLO.read_bytes())
    waiting.first_line()
    wait_for(lambda: target.stat().st_size == HELLO.stat().st_size)
    waiting.process.send_signal(signal.SIGUSR2)
    waiting.process.send_signal(signal.SIGTERM)
    assert waiting.end()[0] == 0
    assert target.read_bytes() == HELLO.read_bytes()


@pytest.mark.parametrize("number", ALL)
def test_signals_right_after_the_first_words(tmp_path: Path, number: signal.Signals) -> None:
    """Nothing stands between what says that it has begun and what ends it in order."""
    for attempt in range(5):
        target = tmp_path / f"{attempt}.pcapng"
        waiting = Waiting("-w", target, data=HELLO.read_bytes())
        assert b"reading" in waiting.said()
        waiting.process.send_signal(number)
        if number not in ENDS:
            waiting.process.send_signal(signal.SIGTERM)
        assert waiting.end()[0] == 0
        assert target.stat().st_size > 0
