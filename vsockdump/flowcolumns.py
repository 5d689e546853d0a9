"""The one list of what can be asked of a connection: its names, types, units and values."""

from collections.abc import Callable
from typing import NamedTuple

from vsockdump.dissectors.virtio import type_name
from vsockdump.events import Doubt
from vsockdump.flows import Flow, Verdict
from vsockdump.values import Field


class Record(NamedTuple):
    """One connection, and the processes at its ends where they are known."""

    flow: Flow
    process_src: str | None = None
    process_dst: str | None = None


_SAID = {(Verdict.OTH, Doubt.MID_STREAM), (Verdict.GAP, Doubt.GAP)}  # by the verdict's sentence


def reason(flow: Flow) -> str:
    """Return the verdict's sentence, and why it cannot be trusted fully where it cannot."""
    if (flow.verdict, flow.doubt) in _SAID:
        return flow.reason
    return flow.doubt.behind(flow.reason)


def _int(name: str, value: Callable[[Flow], int | None], unit: str = "") -> Field[Record]:
    return Field(name, "int", unit, lambda record: value(record.flow))


def _str(name: str, value: Callable[[Flow], str]) -> Field[Record]:
    return Field(name, "str", "", lambda record: value(record.flow))


def _seconds(name: str, value: Callable[[Flow], int | None]) -> Field[Record]:
    return Field(name, "seconds", "s", lambda record: value(record.flow))


COLUMNS: tuple[Field[Record], ...] = (
    _int("flow", lambda flow: flow.number),
    _int("generation", lambda flow: flow.generation),
    _int("src_cid", lambda flow: flow.src_cid),
    _int("src_port", lambda flow: flow.src_port),
    _int("dst_cid", lambda flow: flow.dst_cid),
    _int("dst_port", lambda flow: flow.dst_port),
    _str("type", lambda flow: type_name(flow.type)),
    _str("state", lambda flow: flow.state.name.lower()),
    _str("verdict", lambda flow: flow.verdict.name),
    _str("reason", reason),
    Field("start", "time", "UTC", lambda record: record.flow.start),
    _seconds("duration", lambda flow: flow.duration),
    _str("confidence", lambda flow: flow.confidence.name.lower()),
    _seconds("connect_s", lambda flow: flow.connect),
    _int("packets_fwd", lambda flow: flow.fwd.packets),
    _int("packets_rev", lambda flow: flow.rev.packets),
    _int("bytes_fwd", lambda flow: flow.fwd.bytes, "bytes"),
    _int("bytes_rev", lambda flow: flow.rev.bytes, "bytes"),
    _int("min_free_fwd", lambda flow: flow.fwd.min_free, "bytes"),
    _int("min_free_rev", lambda flow: flow.rev.min_free, "bytes"),
    _seconds("stalled_s_fwd", lambda flow: flow.fwd.stalled),
    _seconds("stalled_s_rev", lambda flow: flow.rev.stalled),
    _int("problems", lambda flow: flow.problems),
    Field("process_src", "str", "", lambda record: record.process_src),
    Field("process_dst", "str", "", lambda record: record.process_dst),
)


def least_free(flow: Flow) -> int | None:
    """Return the least credit that either side had."""
    fwd, rev = flow.fwd.min_free, flow.rev.min_free
    if fwd is None or rev is None:
        return rev if fwd is None else fwd
    return min(fwd, rev)


def stalled(flow: Flow) -> int:
    """Return how long its sides could not send, in nanoseconds."""
    return flow.fwd.stalled + flow.rev.stalled


# What can be sorted by besides: both ways together.
TOTALS: tuple[Field[Record], ...] = (
    _int("packets", lambda flow: flow.fwd.packets + flow.rev.packets),
    _int("bytes", lambda flow: flow.fwd.bytes + flow.rev.bytes, "bytes"),
    _int("min_free", least_free, "bytes"),
    _seconds("stalled_s", stalled),
)
