"""The text of every capture, as it was read and found true against pcaps/README.md.

VSOCKDUMP_UPDATE_GOLDENS=1 writes them anew: `git diff` then shows what became of whom.
"""

import os
import time
from contextlib import closing
from pathlib import Path

import pytest

from vsockdump import pipeline
from vsockdump.dissectors.notes import Note
from vsockdump.engine.batch import Batch
from vsockdump.engine.track import Tracker
from vsockdump.sources.savefile import Savefile
from vsockdump.style import Style
from vsockdump.text import Text

PCAPS = Path(__file__).parents[1] / "pcaps"
GOLDENS = Path(__file__).parent / "goldens"
UPDATE = bool(os.environ.get("VSOCKDUMP_UPDATE_GOLDENS"))
CAPTURES = sorted(PCAPS.glob("*.pcap*"))
MOST_LINES = 120
"""Of a longer text the head and the tail are kept."""


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def name(path: Path, verbose: int) -> str:
    """Say where the text of a capture at so many -v is kept."""
    return f"{path.name.split('.pcap')[0]}{'-' if verbose else ''}{'v' * verbose}.txt"


def render(path: Path, verbose: int) -> str:
    tracker = Tracker(steps=True)
    screen = Shown(Text(Style(verbose=verbose), tracker=tracker))
    with closing(Savefile(str(path))) as source:
        pipeline.run(source, [tracker, screen])
    return screen.text.decode()


class Shown:
    """A sink that keeps what is printed."""

    def __init__(self, printer: Text) -> None:
        self.text = b""
        self._printer = printer

    def feed(self, batch: Batch) -> None:
        self.text += self._printer.render(batch)


def shortened(text: str) -> str:
    lines = text.splitlines(keepends=True)
    if len(lines) <= MOST_LINES:
        return text
    half = MOST_LINES // 2
    left = f"... {len(lines) - 2 * half} lines ...\n"
    return "".join([*lines[:half], left, *lines[-half:]])


def counter(size: int) -> bytes:
    return b"".join(number.to_bytes(4, "big") for number in range(size // 4 + 1))[:size]


HELLO = [b"Hello, world!", b"welcome"]
LETTERS = [b"small", b"M" * 10000, b"L" * 70000]

# What pcaps/README.md says was sent, in either direction, and how many packets that took.
TRUTH = {
    "hello.pcap": (9, HELLO),
    "hello-dumpcap.pcapng": (9, HELLO),
    "nested-hello.pcap": (9, HELLO),
    "loopback-to-cid-2.pcap": (9, HELLO),
    "reuse.pcap": (27, HELLO * 3),
    "any-sll1.pcap": (18, [one for one in HELLO for _ in range(2)]),
    "any-sll2.pcap": (18, [one for one in HELLO for _ in range(2)]),
    "refused.pcap": (2, []),
    "backlog-full.pcap": (12, []),
    "half-close.pcap": (9, [b"echo this"] * 2),
    "bulk.pcap.zst": (23, [counter(600_000)]),
    "slow-reader.pcap.zst": (12, [counter(300_000)]),
    "seqpacket.pcap.zst": (20, [*map(counter, (1, 128, 4096, 65536, 65537, 150_000))]),
    "unread-close.pcap": (6, [counter(5000)]),
    "buffer-change.pcap.zst": (12, [counter(100_000), b"room again"]),
    "many-unread.pcap.zst": (606, [counter(120_000)]),
    "split-6.1.pcap.zst": (48, [counter(150_000)]),
    "split-6.12.pcap.zst": (48, [counter(150_000)]),
    "split-seqpacket-6.1.pcap.zst": (32, LETTERS),
    "split-seqpacket-6.12.pcap.zst": (32, LETTERS),
}


@pytest.mark.parametrize("capture", TRUTH)
def test_what_was_sent_is_what_was_captured(capture: str) -> None:
    count, sent = TRUTH[capture]
    found, payload = 0, b""
    with closing(Savefile(str(PCAPS / capture))) as source:
        for batch in source.batches():
            assert batch is not None
            found += batch.count
            payload += b"".join(batch.payload(row) for row in range(batch.count))
    assert (found, payload) == (count, b"".join(sent))


def test_lengths_outlive_a_snaplen() -> None:
    with closing(Savefile(str(PCAPS / "snaplen-96.pcap"))) as source:
        (batch,) = (one for one in source.batches() if one)
        lengths, captured = batch.column("virtio_len"), batch.column("payload_len")
        assert (batch.count, sum(lengths), sum(captured)) == (53, 2_000_000, 31 * 20)
        assert sum(notes == Note.TRUNCATED for notes in batch.column("notes")) == 31


@pytest.mark.parametrize("verbose", range(4))
@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_text(path: Path, verbose: int) -> None:
    golden, text = GOLDENS / name(path, verbose), shortened(render(path, verbose))
    if UPDATE:
        golden.write_text(text)
    assert text == golden.read_text()


def test_no_golden_is_left_over() -> None:
    wanted = {name(path, verbose) for path in CAPTURES for verbose in range(4)}
    assert {path.name for path in GOLDENS.iterdir()} == wanted
