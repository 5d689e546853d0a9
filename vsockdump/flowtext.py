"""Connections as people read them: the cells of their table."""

from functools import lru_cache

from vsockdump.aligned import Head, Row
from vsockdump.events import Name
from vsockdump.flowcolumns import Record, least_free, reason
from vsockdump.flows import Verdict
from vsockdump.messages import printable
from vsockdump.stamps import stamps
from vsockdump.states import State

_VERDICTS = {
    "S0": "red", "REJ": "yellow", "SF": "green", "S1": "cyan", "RSTO": "yellow", "RSTR": "yellow",
    "OTH": "dim", "STALLED": "bold red", "GAP": "magenta", "OVERRUN": "bold red",
}  # fmt: skip

HEADS = (
    Head("flow", right=True),
    Head("start", spare=3),
    Head("connection"),
    Head("verdict", styles=_VERDICTS),
    Head("state", spare=9),
    Head("packets", right=True, spare=7),
    Head("bytes", right=True, spare=1),
    Head("duration", right=True, spare=2),
    Head("connect", right=True, spare=6),
    Head("min free", right=True, spare=5),
    Head("stalled", right=True, spare=4),
    Head("reason"),
)
"""Both ways are written src/dst; times are seconds; a dash is what is not known."""


_STATES = {state: state.name.lower() for state in State}
_WORDS = {verdict: verdict.name for verdict in Verdict}


class Cells:
    """Words a connection, a text a column; there may be millions of them."""

    def __init__(self, name: Name) -> None:
        """Have ends worded by `name`."""
        self._name = name

    def __call__(self, record: Record) -> Row:
        """Return the cells of a row."""
        flow, src, dst = record
        fwd, rev = flow.fwd, flow.rev
        stalled = fwd.stalled + rev.stalled
        return (
            str(flow.number),
            clock(flow.start),
            f"{self._name(flow.src_cid, flow.src_port)}{_process(src)}"
            f" > {self._name(flow.dst_cid, flow.dst_port)}{_process(dst)}",
            _WORDS[flow.verdict],
            _STATES[flow.state],
            f"{fwd.packets}/{rev.packets}",
            f"{fwd.bytes}/{rev.bytes}",
            length(flow.duration),
            length(flow.connect),
            _number(least_free(flow)),
            length(stalled) if stalled else "-",
            reason(flow),
        )


def _process(name: str | None) -> str:
    return f" {printable(name)}" if name else ""


def clock(ns: int) -> str:
    """Return a time as packet lines have it: of the local day, to a microsecond."""
    second, fraction = divmod(ns, 1_000_000_000)
    return f"{_stamp(second)}.{fraction // 1000:06d}"


@lru_cache(maxsize=64)
def _stamp(second: int) -> str:
    stamp = stamps(0, nano=False).stamp
    return stamp(second, False).decode() if stamp else ""


def length(ns: int | None) -> str:
    """Return a length of time to a microsecond, as a number that can be sorted."""
    return "-" if ns is None else f"{ns / 1e9:.6f}"


def _number(value: int | None) -> str:
    return "-" if value is None else str(value)
