"""States: every move out of every state, spelt out."""

import pytest

from vsockdump.states import MOVES, Move, State

# A row a state: where RESPONSE, CARRY, PART_SRC, PART_DST, END_SRC, END_DST and RST lead to; a dot
# for nowhere else. It is not the table's form, so that both have to be changed on purpose.
TABLE = """
OPENING   OPEN OPEN HALF_SRC HALF_DST CLOSING CLOSING CLOSED
OPEN      .    .    HALF_SRC HALF_DST CLOSING CLOSING CLOSED
HALF_SRC  .    .    .        CLOSING  CLOSING CLOSING CLOSED
HALF_DST  .    .    CLOSING  .        CLOSING CLOSING CLOSED
CLOSING   .    .    .        .        .       .       CLOSED
CLOSED    .    .    .        .        .       .       .
"""
ROWS = {State[row[0]]: row[1:] for row in map(str.split, TABLE.strip().splitlines())}
CELLS = [
    (state, move, state if to == "." else State[to])
    for state, row in ROWS.items()
    for move, to in zip(Move, row, strict=True)
]


@pytest.mark.parametrize(("state", "move", "to"), CELLS)
def test_every_move(state: State, move: Move, to: State) -> None:
    assert MOVES[state].get(move, state) is to


def test_every_state_has_its_row() -> None:
    assert list(MOVES) == list(State) == list(ROWS)
    assert len(CELLS) == len(State) * len(Move)


@pytest.mark.parametrize("state", State)
def test_no_move_leads_back(state: State) -> None:
    """States are numbered by how far a connection has come; the two halves stand side by side."""
    for to in MOVES[state].values():
        assert to >= state
        assert (state, to) not in {(State.HALF_SRC, State.HALF_DST)}


@pytest.mark.parametrize("state", [state for state in State if state is not State.CLOSED])
def test_an_rst_closes_whatever_is_not_closed(state: State) -> None:
    assert MOVES[state][Move.RST] is State.CLOSED


def swapped(name: str) -> str:
    """Name the same with the two sides the other way round."""
    return name.replace("SRC", "?").replace("DST", "SRC").replace("?", "DST")


@pytest.mark.parametrize(("state", "move", "to"), CELLS)
def test_neither_side_is_preferred(state: State, move: Move, to: State) -> None:
    mirrored = State[swapped(state.name)]
    assert MOVES[mirrored].get(Move[swapped(move.name)], mirrored) is State[swapped(to.name)]
