"""The terminal interface before ten million packets: its first screen, its keys, its memory."""

from __future__ import annotations

import os
import random
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from . import generate
from .files import make, vsockdump
from .live import Sending, sending
from .measure import Cost, Program, compare
from .report import Figure, amount
from .screen import HEIGHT, QUIET_S, WIDTH, Answer, Terminal

START_BAR_S, KEY_BAR_MS, PACKET_BAR = 1.0, 50, 60
RATE, LIVE_S = 100_000, 25  # packets a second on a link, and for how long
LEFT = 10  # columns with numbers and the cursor: what changes there is the answer to a key
PAGE_DOWN = "\x1b[6~"
FILTER = "op credit_update"


class Key(NamedTuple):
    """A key, what is pressed before it each time, and how many columns it changes for certain."""

    name: str
    key: str
    before: str = ""
    columns: int = LEFT
    presses: int = 40
    quiet: float = QUIET_S


LIST = (Key("j", "j"), Key("k", "k", "j"), Key("PgDn", PAGE_DOWN))
ENDS = (Key("G", "G", "gg", presses=10), Key("gg", "g", "Gg", presses=10))
# Of a view that is shown the first paint counts: what threads find out comes when it comes.
TABS = tuple(
    Key(f"tab {key}", key, "6" if key != "6" else "2", WIDTH - 1, 16, 0.008) for key in "1234567"
)


class Session(NamedTuple):
    """A program that shows a capture."""

    terminal: Terminal

    @property
    def status(self) -> str:
        return self.terminal.line(HEIGHT - 1)

    @property
    def reading(self) -> bool:
        return "reading" in self.status

    def first_screen(self) -> float:
        """Wait for tabs, the first rows and the status line; return seconds since the start."""
        terminal = self.terminal
        return terminal.until(
            lambda: (
                "7 Info" in terminal.line(0)
                and " packets" in self.status
                and any(char.isdigit() for char in terminal.line(3))
            )
        )

    def read(self) -> float:
        """Wait until all is read; return seconds since the start."""
        return self.terminal.until(lambda: " packets" in self.status and not self.reading)

    def press(self, key: Key, *, while_reading: bool) -> list[Answer]:
        """Press a key again and again, at no time in particular."""
        answers = []
        for _ in range(key.presses):
            for each in key.before:
                self.terminal.press(each)
            self.terminal.settle()
            end = time.perf_counter() + random.uniform(0, 0.07)
            while (left := end - time.perf_counter()) > 0:
                self.terminal.read(left)
            if while_reading and not self.reading:
                break
            answers.append(self.terminal.press(key.key, key.columns, key.quiet))
        return answers

    def type(self, text: str) -> None:
        for each in text:
            self.terminal.press(each)


def show(*words: str | Path) -> Terminal:
    return Terminal([vsockdump(), "tui", *words])


def measure(folder: Path, quick: bool, repetitions: int) -> list[Figure]:
    make(folder, quick)
    large = folder / f"{generate.shapes(quick)[2].name}.pcap"
    return [
        *started(large, repetitions),
        *answered(large),
        *remembered(large, folder / "ten.pcap", folder / f"{generate.crowds(quick)[2].name}.pcap"),
        *watched(folder / "live.pcapng"),
    ]


# --- time until something is there ----------------------------------------------------------------


def started(file: Path, repetitions: int) -> list[Figure]:
    """Give the time to the first screen, and to the end of the index."""
    version, flows, count = compare(
        [
            Program("vsockdump", [vsockdump(), "--version"]),
            Program("vsockdump", [vsockdump(), "flows", "--top", "10", file]),
            Program("tcpdump", ["tcpdump", "-r", file, "--count"]),
        ],
        repetitions,
    )
    first, read, cpu = zip(*(opened(file) for _ in range(repetitions)), strict=True)
    bare = statistics.median(bare_start() for _ in range(repetitions))
    shown, whole = statistics.median(first), statistics.median(read)
    what = f"tui, {file.stem}"
    return [
        held(f"{what}, first screen", shown, "--version", version, START_BAR_S),
        seconds(f"{what}, first screen", shown, "a bare Textual application", bare),
        held(f"{what}, all read", whole, "vsockdump flows", flows),
        held(f"{what}, all read", whole, "tcpdump --count", count),
        held(f"{what}, CPU until then", statistics.median(cpu), "vsockdump flows", flows),
    ]


def opened(file: Path) -> tuple[float, float, float]:
    with show(file) as terminal:
        session = Session(terminal)
        return session.first_screen(), session.read(), terminal.cpu_now


def bare() -> Terminal:
    return Terminal([Path(sys.executable), "-m", "tests.bench.bare"])


def bare_start() -> float:
    with bare() as terminal:
        return terminal.until(lambda: "0" in terminal.line(1))


def held(what: str, ours: float, name: str, theirs: Cost, bar: float | None = None) -> Figure:
    if theirs.failed:
        return Figure(what, f"{ours:.2f} s", name, skipped=theirs.failed)
    return seconds(what, ours, name, theirs.wall_s, bar)


def seconds(what: str, ours: float, name: str, theirs: float, bar: float | None = None) -> Figure:
    limit, met = ("", None) if bar is None else (f"<= {bar:g} s", ours <= bar)
    return Figure(what, f"{ours:.2f} s", name, f"{theirs:.2f} s", ours / theirs, limit, met)


# --- keys -----------------------------------------------------------------------------------------


def answered(file: Path) -> Iterator[Figure]:
    """Give the time from a key to the last byte of what it changes."""
    with bare() as terminal:
        terminal.until(lambda: "0" in terminal.line(1))
        usual = milliseconds(Session(terminal).press(Key("j", "j"), while_reading=False))
    sort = Key("s", "s", presses=14)
    yield from while_read(file, "flows", "1", (*LIST, sort), usual)
    yield from while_read(file, "packets", "2", (*LIST, *ENDS), usual)
    yield from while_read(file, "tabs", "1", TABS, usual)
    with show(file) as terminal:
        session = Session(terminal)
        session.read()
        cpu = terminal.cpu_now
        yield from pressed(session, "flows", "1", (*LIST, *ENDS, sort), usual)
        yield from pressed(session, "packets", "2", (*LIST, *ENDS), usual)
        yield from pressed(session, "tabs", "2", TABS, usual)
        session.type(f"2/{FILTER}\r")
        yield from pressed(session, "filtered packets", "2", (*LIST, *ENDS), usual)
        yield from pressed(session, "filtered flows", "1", LIST, usual)
        print(f"  CPU of all keys: {terminal.cpu_now - cpu:.1f} s", flush=True)


def while_read(
    file: Path, view: str, tab: str, keys: Sequence[Key], usual: Sequence[float]
) -> Iterator[Figure]:
    """Open the file anew for each key: it is soon read."""
    for key in keys:
        with show(file) as terminal:
            session = Session(terminal)
            session.first_screen()
            session.type(tab)
            answers = session.press(key, while_reading=True)
        yield figure(f"tui, {view} while reading", key, answers, usual)


def pressed(
    session: Session, view: str, tab: str, keys: Sequence[Key], usual: Sequence[float]
) -> Iterator[Figure]:
    for key in keys:
        session.type(tab)
        yield figure(f"tui, {view}", key, session.press(key, while_reading=False), usual)


def milliseconds(answers: Sequence[Answer]) -> list[float]:
    return sorted(each.last * 1000 for each in answers if each.changed)


def p95(values: Sequence[float]) -> float:
    return values[min(round(len(values) * 0.95), len(values) - 1)]


def figure(where: str, key: Key, answers: Sequence[Answer], usual: Sequence[float]) -> Figure:
    found = milliseconds(answers)
    what = f"{where}: {key.name}"
    if not found:
        return Figure(what, skipped=f"{len(answers)} presses, and nothing changed")
    worst, median = p95(found), statistics.median(found)
    print(f"  {what}: {len(found)} of {len(answers)}: {median:.0f}, {worst:.0f} ms", flush=True)
    return Figure(
        f"{what}, median and p95",
        f"{median:.0f} and {worst:.0f} ms",
        "a bare Textual application",
        f"{statistics.median(usual):.0f} and {p95(usual):.0f} ms",
        median / statistics.median(usual),
        f"p95 <= {KEY_BAR_MS} ms",
        worst <= KEY_BAR_MS,
    )


# --- memory ---------------------------------------------------------------------------------------


def remembered(large: Path, ten: Path, crowd: Path) -> Iterator[Figure]:
    """Give what a packet costs in memory, and what a connection does."""
    nothing, _ = held_in_memory(ten)
    whole, packets = held_in_memory(large)
    crowded, others = held_in_memory(crowd)
    each = (whole - nothing) * 1024 / packets
    connections = generate_connections(crowd)
    found = Cost(0, 0, whole / 1024)
    yield amount(f"tui, memory, {large.stem}", found, whole / 1024, "MiB")
    yield amount("tui, memory, 10 packets", found, nothing / 1024, "MiB")
    yield amount("tui, memory, a packet", found, each, "bytes", PACKET_BAR)
    more = ((crowded - nothing) * 1024 - each * others) / connections
    yield amount(f"tui, memory, {crowd.stem}", found, crowded / 1024, "MiB")
    yield amount("tui, memory, a connection besides", found, more, "bytes")


def generate_connections(crowd: Path) -> int:
    return int(crowd.stem.removeprefix("crowd-").partition("x")[0])


def held_in_memory(file: Path) -> tuple[int, int]:
    """Return KiB when all is read and both lists were looked at, and how many packets there are."""
    with show(file) as terminal:
        session = Session(terminal)
        session.first_screen()
        session.read()
        session.type("2Gggj1Gggj")
        terminal.settle(0.5, 5)
        packets = int(session.status.partition(" packets")[0].split()[-1])
        return terminal.rss_kib, packets


# --- live -----------------------------------------------------------------------------------------


def watched(file: Path) -> Iterator[Figure]:
    """Watch a link while packets come, saved in a file and kept in memory alone."""
    if os.geteuid() != 0 or not Path("/dev/net/tun").exists():
        yield Figure("tui, live", skipped="needs root and /dev/net/tun")
        return
    with sending() as sender:
        for words in (("-w", file), ("--no-spool",)):
            command = ("-i", sender.link, "-Z", "root", *words)
            with show(*command) as terminal:
                yield from live(Session(terminal), sender, f"tui, live {words[0]}")
    file.unlink(missing_ok=True)


def live(session: Session, sender: Sending, what: str) -> Iterator[Figure]:
    terminal, rss = session.terminal, 0
    terminal.until(lambda: " packets" in session.status)
    session.type("2")
    cpu, sent = terminal.cpu_now, RATE * LIVE_S
    answers: list[Answer] = []
    with ThreadPoolExecutor() as pool:
        sends = pool.submit(sender.send, sent, RATE)
        while not sends.done():
            answers += session.press(Key("j", "j", presses=5), while_reading=False)
            rss = max(rss, terminal.rss_kib)
        rate = sends.result()
    took = terminal.cpu_now - cpu
    terminal.settle(0.5, 2.5)
    print(f"  {what}: {session.status.strip()}", flush=True)
    shown = f"{rate:,.0f}/s: {session.status.strip().partition(' · ')[2].removesuffix(' · ? help')}"
    lost = "dropped" in session.status or f"{sent} packets" not in session.status
    yield Figure(what, shown, bar="all of them", met=not lost)
    found = Cost(0, took, rss / 1024)
    yield amount(f"{what}, CPU a packet", found, took / sent * 1e6, "us")
    yield amount(f"{what}, memory", found, rss / 1024, "MiB")
    if changed := milliseconds(answers):
        yield amount(f"{what}, key to paint, p95", found, p95(changed), "ms", KEY_BAR_MS)
