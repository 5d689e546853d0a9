"""What the tracker has numbers for, and Python words: the same on both sides."""

import re
from enum import IntEnum
from math import prod
from pathlib import Path

import pytest

from vsockdump import events, flows, leaks, states

ENGINE = Path(__file__).parents[1] / "vsockdump/engine"
CONNECTION, ENDS, FOUND, TRACKING = (
    (ENGINE / f"{name}.pxd").read_text() for name in ("connection", "ends", "found", "tracking")
)

# Names of the tracker's that C has for something else already.
RENAMED = {
    "SURE": "NONE",
    "GAP_BEFORE": "GAP",
    "LOST": "LOSS",
    "STALLED": "STALL",
    "WAS_RESET": "RESET",
    "MISMATCHING": "MISMATCH",
    "REFUSED_END": "REFUSED",
    "RESET_END": "RESET",
}


def numbers(source: str, name: str = "") -> dict[str, int]:
    """Return the plain numbers of an enum; of all that have no name, if that is none."""
    blocks = re.findall(rf"^cdef enum ?{name}:.*\n((?: +.*\n)+)", source, re.M)
    pairs = re.findall(r"^ +(\w+) = (-?\d+)(?: +#.*)?$", "".join(blocks), re.M)
    return {key: int(value) for key, value in pairs}


def words(source: str, name: str) -> dict[str, int]:
    """Return an enum of the tracker's by Python's names."""
    found = numbers(source, name)
    return {RENAMED.get(key, key).removeprefix("MOVE_"): found[key] for key in found}


def nanoseconds(name: str) -> int:
    """Return a length of time that C defines as a product of others."""
    (product,) = re.findall(rf"#define {name} (.*)", CONNECTION)
    factors = re.findall(r"\w+", product.replace("INT64_C", ""))
    return prod(int(one) if one.isdigit() else nanoseconds(one) for one in factors)


@pytest.mark.parametrize(
    "words_of", [events.Severity, events.Doubt, events.Kind, events.Blame, events.Reset]
)
def test_the_tracker_has_all_of_them(words_of: type[IntEnum]) -> None:
    assert words(FOUND, words_of.__name__) == {one.name: one.value for one in words_of}


@pytest.mark.parametrize("words_of", [states.State, states.Move, flows.End])
def test_the_tracker_has_some_of_them(words_of: type[IntEnum]) -> None:
    found = words(ENDS, words_of.__name__)
    assert len(found) >= 4
    assert {name: words_of[name].value for name in found} == found


def test_sides_follow_each_other() -> None:
    """The tracker adds the side to the move of the first."""
    for kind in ("PART", "END"):
        assert states.Move[f"{kind}_DST"] == states.Move[f"{kind}_SRC"] + 1


def test_a_table_has_room_for_all() -> None:
    assert f" moves[{len(states.State)}][{len(states.Move)}] " in TRACKING
    assert max(map(len, events.NUMBERS.values())) == numbers(FOUND)["MOST_NUMBERS"]


def test_other_numbers() -> None:
    assert numbers(CONNECTION)["SIZES"] == flows.SIZES
    assert numbers(ENDS)["LARGEST_SOUND"] == leaks.LARGEST_SOUND
    assert numbers(ENDS)["LEAK"] == events.Defect.B
    assert nanoseconds("STALL_PROBLEM") == flows.STALL_PROBLEM
