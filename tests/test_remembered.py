"""What is known of processes: kept by connection, bounded, and told again by a capture file."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import captures, frames
from tests.captures import START, Taken
from vsockdump.engine.batch import Batch
from vsockdump.flows import Flow
from vsockdump.remembered import Ends, Known, Pair, Recalled, comment, parse
from vsockdump.sources.owners import Process

PYTHON, SSHD = Process(812, "python3"), Process(99, "sshd")
ENDS = Ends(3, 1024, 2, 1234)
NOBODY = (None, None)
OPEN = Flow._make([0] * len(Flow._fields))._replace(
    src_cid=3, src_port=1024, dst_cid=2, dst_port=1234, start=START
)


def test_the_ends_of_a_flow() -> None:
    assert Ends.of(OPEN) == ENDS
    assert ENDS.reversed == Ends(2, 1234, 3, 1024)


def test_a_connection_is_its_ends_and_its_beginning() -> None:
    known = Known()
    known.put(ENDS, 5, (PYTHON, SSHD))
    known.put(ENDS, 9, (None, PYTHON))
    assert known.process(ENDS, 5) == (PYTHON, SSHD)
    assert known.process(ENDS, 9) == (None, PYTHON)
    assert known.process(ENDS, 7) == NOBODY
    assert known.process(ENDS._replace(src_port=9), 5) == NOBODY
    known.put(ENDS, 5, (SSHD, None))
    assert known.process(ENDS, 5) == (SSHD, None)
    assert len(known) == 2


def test_from_the_other_end() -> None:
    """A flow whose RESPONSE was captured first has the two the other way round."""
    known = Known()
    known.put(ENDS, 5, (PYTHON, None))
    assert known.process(ENDS.reversed, 5) == (None, PYTHON)


def test_as_a_flow_shows_them() -> None:
    known = Known()
    assert known.of(OPEN) == NOBODY
    known.put(ENDS, OPEN.start, (PYTHON, None))
    assert known.of(OPEN) == ("python3[812]", None)
    known.put(ENDS, OPEN.start, (None, SSHD))
    assert known.of(OPEN) == (None, "sshd[99]")
    assert known.of(OPEN._replace(start=1)) == NOBODY


def test_the_oldest_is_forgotten() -> None:
    known = Known(most=3)
    for start in (1, 2, 3, 1, 4):
        known.put(ENDS, start, (PYTHON, SSHD))
    assert len(known) == 3
    found = [start for start in range(5) if any(known.process(ENDS, start))]
    assert found == [1, 3, 4]


# --- comments ---------------------------------------------------------------------------------

COMMENTS: list[tuple[Pair, str]] = [
    ((PYTHON, SSHD), "python3[812] > sshd[99]"),
    ((PYTHON, None), "python3[812] > ?"),
    ((None, SSHD), "? > sshd[99]"),
    ((Process(1, "a > b[2]"), Process(4194304, "]")), "a > b[2][1] > ][4194304]"),
    ((Process(7, "zürich \\x1b"), None), "zürich \\x1b[7] > ?"),
]


@pytest.mark.parametrize(("pair", "text"), COMMENTS, ids=[text for _, text in COMMENTS])
def test_a_comment_and_back(pair: Pair, text: str) -> None:
    assert comment(pair).decode() == text
    assert parse(text) == pair


@pytest.mark.parametrize(
    "text",
    ["", "?", "a[1]", "a[1] > b[2] ", " a[1] > b", "a[1]>b[2]", "[1] > ?", "a[x] > ?", "a[] > ?",
     "a[٣] > ?", f"a[{'1' * 8}] > ?", f"{'a' * 81}[1] > ?", "a[1] > b[2]\n", "a\n[1] > ?"],
)  # fmt: skip
def test_other_comments(text: str) -> None:
    assert parse(text) is None


@given(st.text(max_size=90), st.text(max_size=90))
def test_what_a_file_says_is_safe_to_print(src: str, dst: str) -> None:
    if pair := parse(f"{src}[1] > {dst}[2]"):
        assert all(process is None or process.command.isprintable() for process in pair)


def batch(folder: Path, *said: bytes, op: int = frames.REQUEST, form: str = "pcapng") -> Batch:
    """Return a packet with comments, and one without, of which both could be the first."""
    one = captures.frame(op=op)
    taken = Taken(START, one, len(one))
    if form == "pcap":
        return captures.first_batch(captures.pcap([taken]), folder)
    given = [(2, b"\0\0\0\1"), *((1, text) for text in said)]
    data = captures.section() + captures.interface()
    data += captures.enhanced(taken, given=given if said else ())
    return captures.first_batch(data + captures.enhanced(taken._replace(time=START + 1)), folder)


def recalled(found: Batch) -> Recalled:
    sink = Recalled()
    sink.feed(found)
    return sink


def test_a_file_tells_again(tmp_path: Path) -> None:
    sink = recalled(batch(tmp_path, b"not this", b"python3[812] > sshd[99]"))
    assert sink.available
    assert sink.known.process(ENDS, START) == (PYTHON, SSHD)
    assert sink.known.process(ENDS, START + 1) == NOBODY


def test_the_shortest_comment_is_seen(tmp_path: Path) -> None:
    one = captures.frame(op=frames.REQUEST)
    for size in range(4):  # of padding
        data = captures.section() + captures.interface()
        taken = Taken(START, one + bytes(size), 76 + size)
        data += captures.enhanced(taken, given=[(1, b"a[1] > ?")])
        assert recalled(captures.first_batch(data, tmp_path)).available


def test_what_tells_nothing(tmp_path: Path) -> None:
    said = b"python3[812] > sshd[99]"
    for found in (
        batch(tmp_path, said, op=frames.RW),
        batch(tmp_path, b"hello"),
        batch(tmp_path),
        batch(tmp_path, form="pcap"),
    ):
        sink = recalled(found)
        assert not sink.available
        assert sink.known.process(ENDS, START) == NOBODY
