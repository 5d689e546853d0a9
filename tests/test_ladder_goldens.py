"""The ladder and the ledger of every capture, as they were read and found true.

VSOCKDUMP_UPDATE_GOLDENS=1 writes them anew: `git diff` then shows what became of whom.
"""

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vsockdump.creditplot import Plots
from vsockdump.ladder_svg import draw
from vsockdump.ladder_text import Diagram
from vsockdump.ledger import Ledger

from .command import lines, vsockdump
from .conversation import Talk
from .test_goldens import CAPTURES, UPDATE, name, shortened
from .test_rungs import gather
from .test_steps import happened

GOLDENS = Path(__file__).parent / "ladders"
COMMANDS = ("ladder", "credit")


def golden(path: Path, command: str) -> Path:
    """Say where what a command prints of a capture is kept."""
    return GOLDENS / f"{command}-{name(path, 0)}"


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_text(path: Path, command: str) -> None:
    result = vsockdump(command, path)
    said = "".join(f"{line}\n" for line in lines(result))
    text = shortened(result.stdout.decode()) + said
    assert result.returncode == 0
    if UPDATE:
        golden(path, command).write_text(text)
    assert text == golden(path, command).read_text()


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_every_packet_stands_in_its_ledger(path: Path) -> None:
    """Every number of a connection's packets, and no other."""
    ladder = vsockdump("ladder", path, "--flow", "1", "--all", "--csv").stdout.decode()
    drawn = re.findall("^packet,([0-9]+),", ladder, re.M)
    ledger = vsockdump("credit", path, "--flow", "1", "--csv").stdout.decode()
    assert re.findall("^([0-9]+),", ledger, re.M) == drawn
    assert drawn


def test_no_golden_is_left_over() -> None:
    wanted = {golden(path, command) for path in CAPTURES for command in COMMANDS}
    assert set(GOLDENS.iterdir()) == wanted


# --- anything at all --------------------------------------------------------------------------

PACKETS = st.tuples(
    st.sampled_from(["src", "dst"]),
    st.integers(0, 9),  # op
    st.integers(0, 2**32 - 100),  # len
    st.integers(0, 2**32 - 1),  # fwd_cnt
    st.sampled_from([0, 128, 262144, 2**32 - 1]),  # buf_alloc
    st.integers(0, 2**32 - 1),  # flags
    st.sampled_from([0.0, 0.001, 1.5, 9.0]),  # seconds since the packet before
)


@given(st.lists(PACKETS, max_size=12), st.sampled_from([80, 120]))
def test_any_conversation_is_printed(packets: list[tuple[Any, ...]], wide: int) -> None:
    talk, now = Talk(), 0.0
    for who, op, size, fwd, buf, flags, pause in packets:
        now += pause
        talk.at(now).packet(who, op, size, fwd=fwd, buf=buf, flags=flags, held=0)
    found = happened(talk, 1)
    rungs = gather(talk)
    ledger, plots = Ledger(address, wide), Plots(address)
    printed = [line.text for one in found for line in ledger.take(one)]
    for one in found:
        plots.take(one)
    printed += [line.text for line in plots.lines(wide)]
    if rungs.ends:
        diagram = Diagram(rungs.ends, address, wide, rungs.start)
        printed += [line.text for line in diagram.lines(rungs.rows)]
    assert all(text.isprintable() for text in printed)
    ElementTree.fromstring(draw(rungs.ends, rungs.rows, address, "title"))


def address(cid: int, port: int) -> str:
    return f"{cid}:{port}"
