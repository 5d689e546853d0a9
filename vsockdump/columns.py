"""The one list of what can be asked of a packet: its names, types, units and values.

JSON, CSV and --field read it, by our names or by Wireshark's (misspelt ones included).
"""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from vsockdump.dissectors import dissect, virtio, vsockmon
from vsockdump.dissectors.notes import describe
from vsockdump.engine.batch import HAS_VIRTIO, HAS_VSOCKMON, Batch
from vsockdump.errors import UsageError

Value = int | str | list[str] | None
Values = Callable[[Batch], Sequence[Value]]


class Column(NamedTuple):
    """One thing to know of a packet; `values(batch)` gives one value a packet.

    A value is None where the packet lacks the header. `wireshark` is tshark's name for it, where it
    has one, and `shown` turns a value into the text that `tshark -T fields` prints. `usual` columns
    are those shown when none is asked for.
    """

    name: str
    type: str
    unit: str
    values: Values
    wireshark: str = ""
    shown: Callable[[Value], str] = str
    usual: bool = True


def of(layer: int, name: str) -> Values:
    """Return the values of one of the engine's columns, None where `layer` (a bit) was not read."""

    def values(batch: Batch) -> Sequence[Value]:
        column: list[int] = batch.column(name).tolist()
        layers = batch.column("layers").tolist()
        return [value if has & layer else None for value, has in zip(column, layers, strict=True)]

    return values


def _monitor(name: str) -> Values:
    return of(HAS_VSOCKMON, name)


def _virtio(name: str) -> Values:
    return of(HAS_VIRTIO, name)


def _always(name: str) -> Values:
    return lambda batch: batch.column(name).tolist()


def _interface(batch: Batch) -> Sequence[Value]:
    if batch.form.partition("/")[0] == "pcap":  # which knows of none
        return [None] * batch.count
    return batch.column("interface").tolist()


def _number(batch: Batch) -> Sequence[Value]:
    return [batch.number(row) for row in range(batch.count)]


def _time(batch: Batch) -> Sequence[Value]:
    return [iso(ns) for ns in batch.column("time")]


def iso(ns: int) -> str:
    """Return a time in UTC with all its nanoseconds; the bare number where no year can hold it."""
    second, fraction = divmod(ns, 1_000_000_000)
    try:
        return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(second))}.{fraction:09d}Z"
    except (OverflowError, ValueError, OSError):
        return f"{second}.{fraction:09d}"


def _word(layer: int, name: str, worded: Callable[[int], str]) -> Values:
    numbers = of(layer, name)
    return lambda batch: [
        worded(value) if isinstance(value, int) else None for value in numbers(batch)
    ]


def _flags(batch: Batch) -> Sequence[Value]:
    columns = (_virtio(name)(batch) for name in ("virtio_op", "virtio_type", "virtio_flags"))
    return [_flag_names(*row) for row in zip(*columns, strict=True)]


def _flag_names(op: Value, kind: Value, flags: Value) -> Value:
    if not (isinstance(op, int) and isinstance(kind, int) and isinstance(flags, int)):
        return None
    return virtio.flag_names(op, kind, flags) if flags else []


def _notes(batch: Batch) -> Sequence[Value]:
    return [describe(notes) if notes else [] for notes in batch.column("notes")]


def _payload(batch: Batch) -> Sequence[Value]:
    return [batch.payload(row).hex() for row in range(batch.count)]


def _address(name: str) -> Values:
    """One address of the virtio header: the monitor's too, but in a frame nobody's kernel made."""

    def value(batch: Batch, row: int) -> Value:
        header = dissect(batch.frame(row), batch.linktype(row)).virtio
        return None if header is None else int(getattr(header, name))

    def values(batch: Batch) -> Sequence[Value]:
        layers = batch.column("layers")
        return [
            value(batch, row) if layers[row] & HAS_VIRTIO else None for row in range(batch.count)
        ]

    return values


def _seconds(value: Value) -> str:
    second, fraction = divmod(value, 1_000_000_000) if isinstance(value, int) else (0, 0)
    return f"{second}.{fraction:09d}"


def _hex32(value: Value) -> str:
    return f"{value:#010x}"


def _reserved(value: Value) -> str:
    return value.to_bytes(2, "little").hex() if isinstance(value, int) else ""


_PROT = "vsock.virtio.{}_prot"  # Wireshark's spelling, kept forever

COLUMNS = (
    Column("number", "int", "", _number, "frame.number"),
    Column("time_ns", "int", "ns since 1970", _always("time"), "frame.time_epoch", _seconds),
    Column("time", "str", "UTC", _time, usual=False),
    Column("interface", "int", "index", _interface, "frame.interface_id"),
    Column("cap_len", "int", "bytes", _always("cap_len"), "frame.cap_len"),
    Column("wire_len", "int", "bytes", _always("wire_len"), "frame.len"),
    Column("src_cid", "int", "", _monitor("src_cid"), "vsock.src_cid"),
    Column("src_port", "int", "", _monitor("src_port"), "vsock.src_port"),
    Column("dst_cid", "int", "", _monitor("dst_cid"), "vsock.dst_cid"),
    Column("dst_port", "int", "", _monitor("dst_port"), "vsock.dst_port"),
    Column("monitor_op", "str", "", _word(HAS_VSOCKMON, "op", vsockmon.op_name)),
    Column("transport", "str", "", _word(HAS_VSOCKMON, "transport", vsockmon.transport_name)),
    Column("op", "str", "", _word(HAS_VIRTIO, "virtio_op", virtio.op_name)),
    Column("type", "str", "", _word(HAS_VIRTIO, "virtio_type", virtio.type_name)),
    Column("len", "int", "bytes", _virtio("virtio_len"), "vsock.virtio.len"),
    Column("flags", "list", "", _flags),
    Column("buf_alloc", "int", "bytes", _virtio("buf_alloc"), "vsock.virtio.buf_alloc"),
    Column("fwd_cnt", "int", "bytes", _virtio("fwd_cnt"), "vsock.virtio.fwd_cnt"),
    Column("payload_len", "int", "bytes", _always("payload_len")),
    Column("notes", "list", "", _notes),
    Column("payload", "str", "hex", _payload, "vsock.payload", usual=False),
    Column("monitor_op_code", "int", "", _monitor("op"), "vsock.op", usual=False),
    Column("transport_code", "int", "", _monitor("transport"), "vsock.trans", usual=False),
    Column("trans_len", "int", "bytes", _monitor("trans_len"), "vsock.trans_len", usual=False),
    Column(
        "reserved", "int", "", _monitor("reserved"), "vsock.reserved", _reserved, usual=False
    ),
    Column("op_code", "int", "", _virtio("virtio_op"), "vsock.virtio.op", usual=False),
    Column("type_code", "int", "", _virtio("virtio_type"), "vsock.virtio.type", usual=False),
    Column(
        "flags_code", "int", "", _virtio("virtio_flags"), "vsock.virtio.flags", _hex32,
        usual=False,
    ),
    Column("virtio_src_cid", "int", "", _address("src_cid"), "vsock.virtio.src_cid", usual=False),
    Column("virtio_dst_cid", "int", "", _address("dst_cid"), "vsock.virtio.dst_cid", usual=False),
    Column("virtio_src_port", "int", "", _address("src_port"), _PROT.format("src"), usual=False),
    Column("virtio_dst_port", "int", "", _address("dst_port"), _PROT.format("dst"), usual=False),
)  # fmt: skip

USUAL = tuple(column for column in COLUMNS if column.usual)

_BY_NAME = {column.name: column for column in COLUMNS}
_BY_WIRESHARK = {column.wireshark: column for column in COLUMNS if column.wireshark}


def find(name: str) -> Column:
    """Return the column of that name, ours or Wireshark's; raises UsageError with a near one.

    By Wireshark's name its values are the texts that tshark prints.
    """
    if name in _BY_NAME:
        return _BY_NAME[name]
    if name in _BY_WIRESHARK:
        return _as_tshark(_BY_WIRESHARK[name])
    import difflib  # noqa: PLC0415 - only for the way out

    near = difflib.get_close_matches(name, [*_BY_NAME, *_BY_WIRESHARK], 1)
    hint = f"; do you mean {near[0]}?" if near else f"; there are {', '.join(_BY_NAME)}"
    raise UsageError(f"no field is called {name}{hint}")


def _as_tshark(column: Column) -> Column:
    def values(batch: Batch) -> Sequence[Value]:
        return [None if value is None else column.shown(value) for value in column.values(batch)]

    return column._replace(name=column.wireshark, type="str", values=values)


def rows(columns: Sequence[Column], batch: Batch) -> Iterable[tuple[Value, ...]]:
    """Yield the values of each packet, in the order of `columns`."""
    return zip(*(column.values(batch) for column in columns), strict=True)
