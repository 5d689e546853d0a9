"""The terms that no frame tells: of a packet's record, its payload's text, its connection."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence

from vsockdump.columns import COLUMNS
from vsockdump.dissectors.notes import describe
from vsockdump.engine.batch import Batch
from vsockdump.flows import Flow

from . import masks
from .fields import BY_NAME, Where
from .followed import Knowing
from .masks import Choose, Mask
from .patterns import compiled
from .tree import Member, Name, Number, Present, Range, Relation, Search, Tree, Word, disjoint

_COLUMNS = {column.name: column.values for column in COLUMNS}


def tester(term: Tree, followed: Knowing | None) -> Choose:
    """Return what tells which packets a term is true of; `followed` knows the connections."""
    match term:
        case Search("payload" | "notes", how, text):
            return _text(term.subject, how, text)
        case Member(name, ranges):
            return _values(name, _within(ranges), followed)
        case Relation(sign, Name(name), Number(k)):
            return _values(name, _compared(sign, k), followed)
        case Present(name):
            return _values(name, lambda value: True, followed)
    if followed is None:
        raise TypeError(f"{term}: nobody follows connections")
    return _of_connection(term, followed)


def _of_connection(term: Tree, followed: Knowing) -> Choose:
    match term:
        case Word("problem"):
            return followed.judged(lambda flow: flow.problems > 0)
        case Word("stalled"):
            return _row_by_row(followed.is_stalled)
        case Search("process", how, text):
            find = _finder(how, text)
            return followed.judged(
                lambda flow: any(find(p.command.encode()) for p in followed.processes(flow))
            )
    raise TypeError(f"{term}: no such term")


def _row_by_row(test: Callable[[int], bool]) -> Choose:
    return lambda batch, wanted: masks.where(batch, wanted, test)


# --- numbers ----------------------------------------------------------------------------------


def _values(name: str, test: Callable[[int], bool], followed: Knowing | None) -> Choose:
    if BY_NAME[name].where is not Where.CONNECTION:
        return _of_column(name, test)
    if followed is None:
        raise TypeError(f"{name}: nobody follows connections")
    if name in _OF_PACKET:
        values = _OF_PACKET[name]
        return _row_by_row(lambda row: any(map(test, values(followed, row))))
    of_flow = _OF_FLOW[name]
    return followed.judged(lambda flow: any(map(test, of_flow(followed, flow))))


def _of_column(name: str, test: Callable[[int], bool]) -> Choose:
    def choose(batch: Batch, wanted: Mask) -> Mask:
        values = _COLUMNS[name](batch)
        return masks.where(
            batch, wanted, lambda row: isinstance(value := values[row], int) and test(value)
        )

    return choose


# Both return the values, none where it is not known.
_OF_PACKET: dict[str, Callable[[Knowing, int], Iterable[int]]] = {
    "flow": lambda followed, row: filter(None, [followed.numbers[row]]),
    "free": lambda followed, row: (v for v in [followed.free(row)] if v is not None),
    "event": lambda followed, row: followed.events(row),
}
_OF_FLOW: dict[str, Callable[[Knowing, Flow], Iterable[int]]] = {
    "verdict": lambda followed, flow: [int(flow.verdict)],
    "state": lambda followed, flow: [int(flow.state)],
    "pid": lambda followed, flow: [process.pid for process in followed.processes(flow)],
}


def _within(ranges: Sequence[Range]) -> Callable[[int], bool]:
    found = disjoint(ranges)
    firsts = [first for first, _ in found]  # there may be thousands, and millions of packets

    def within(value: int) -> bool:
        at = bisect_right(firsts, value)
        return at > 0 and value <= found[at - 1][1]

    return within


def _compared(sign: str, k: int) -> Callable[[int], bool]:
    return {
        "!=": lambda value: value != k,
        "<": lambda value: value < k,
        "<=": lambda value: value <= k,
        ">": lambda value: value > k,
        ">=": lambda value: value >= k,
    }[sign]


# --- texts ------------------------------------------------------------------------------------


def _finder(how: str, text: bytes) -> Callable[[bytes], bool]:
    if how == "matches":
        pattern = compiled(text)
        return lambda found: pattern.search(found) is not None
    return text.__eq__ if how == "is" else lambda found: text in found


def _text(subject: str, how: str, text: bytes) -> Choose:
    if subject == "payload" and how == "contains":
        return lambda batch, wanted: masks.both(wanted, batch.contains(text))
    find = _finder(how, text)
    if subject == "payload":
        return lambda batch, wanted: masks.where(batch, wanted, lambda r: find(batch.payload(r)))
    return lambda batch, wanted: masks.where(batch, wanted, lambda row: find(_notes(batch, row)))


def _notes(batch: Batch, row: int) -> bytes:
    return ", ".join(describe(batch.column("notes")[row])).encode()
