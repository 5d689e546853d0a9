"""What a thread does for the view of a connection's bytes: read a part, lay it out, look in it."""

import re
from functools import partial
from typing import NamedTuple

from vsockdump.browsing.opened import Opened
from vsockdump.joined import stretches

from . import followpart
from .followbytes import Mode
from .followpart import Going, Piece, Start
from .followtext import Laid


class Asked(NamedTuple):
    """What is to be read and how it is to be shown."""

    flow: int
    starts: tuple[Start, ...]  # of the part, the last, and of those before it
    before: Piece  # what is known of it
    mode: Mode
    width: int
    side: int | None
    goal: int = 0  # a packet whose part is to be shown instead, 0 for none
    wanted: re.Pattern[bytes] | None = None  # the part in which this is next
    row: int = 0  # from this line on


class Shown(NamedTuple):
    """What came of it."""

    starts: tuple[Start, ...] = (Start(),)
    piece: Piece = Piece()
    laid: Laid = Laid(())
    mode: Mode = Mode.TEXT
    side: int | None = None
    row: int | None = None  # where what was wanted is, -1 for nowhere; None: nothing was


def fetch(opened: Opened, asked: Asked, going: Going) -> Shown:
    """Read, as long as that is wanted; raises ReadError."""
    starts = list(asked.starts)
    if asked.goal:
        followpart.reach(opened, asked.flow, starts, asked.goal, going)
    piece = followpart.read(opened, asked.flow, starts[-1], asked.before)
    shown = _shown(asked, starts, piece)
    if asked.wanted is None:
        return shown
    row = shown.laid.search(asked.wanted, asked.row)
    if row is not None:
        return shown._replace(row=row)
    found = followpart.search(opened, starts, piece, partial(_has, asked, asked.wanted), going)
    if found is None:
        return shown._replace(row=-1)
    shown = _shown(asked, starts, found)
    return shown._replace(row=shown.laid.search(asked.wanted, 0))


def _has(asked: Asked, wanted: re.Pattern[bytes], piece: Piece) -> bool:
    parts = (part for part in piece.parts if asked.side in (None, part.side))
    return any(wanted.search(stretch.data) for stretch in stretches(parts))


def _shown(asked: Asked, starts: list[Start], piece: Piece) -> Shown:
    tally, mode, side = piece.start.tally, asked.mode, asked.side
    laid = Laid(piece.parts, tally, mode=mode, width=asked.width, side=side)
    return Shown(tuple(starts), piece, laid, mode, side)
