"""One packet of a Batch as Python objects, made when somebody looks at it."""

from collections.abc import Iterator
from typing import NamedTuple

from vsockdump.dissectors import Layer, dissect
from vsockdump.dissectors.notes import Note
from vsockdump.engine.batch import Batch
from vsockdump.formats import pcapng


class Packet(NamedTuple):
    """A packet, copied out of its batch: it stays valid when the batch does not.

    `time_ns` since 1970; `wire_len` in bytes before any snaplen; `layers` are the headers that were
    understood, outermost first; `payload` what the packet carried, as far as captured; `reason` why
    the dissection stopped before a payload, or empty; `comments` are a pcapng file's.
    """

    number: int
    time_ns: int
    linktype: int
    frame: bytes
    wire_len: int
    layers: tuple[Layer, ...]
    payload: bytes
    notes: Note
    reason: str
    comments: tuple[str, ...]


def packet(batch: Batch, row: int) -> Packet:
    """Return one row of a batch; raises IndexError.

    Payload and notes are the engine's: it has seen the packets before, on which they may depend.
    """
    frame, linktype = batch.frame(row), batch.linktype(row)
    wire_len = batch.column("wire_len")[row]
    found = dissect(frame, linktype, wire_len)
    return Packet(
        number=batch.number(row),
        time_ns=batch.column("time")[row],
        linktype=linktype,
        frame=frame,
        wire_len=wire_len,
        layers=found.layers,
        payload=batch.payload(row),
        notes=Note(batch.column("notes")[row]),
        reason=str(found.error or ""),
        comments=tuple(comments(batch, row)),
    )


def comments(batch: Batch, row: int) -> Iterator[str]:
    """Yield the comments a pcapng file has beside a packet, and what a sink had to say of it."""
    place = batch.place(row)
    if place in batch.comments:
        yield batch.comments[place].decode("utf-8", "replace")
    if batch.form != "pcapng":
        return
    start, size = batch.column("record")[row], batch.column("record_size")[row]
    block = bytes(memoryview(batch.data)[start : start + size])
    order = "<" if int.from_bytes(block[4:8], "little") == size else ">"
    for code, value in pcapng.packet_options(block, order):
        if code == pcapng.COMMENT:
            yield value.decode("utf-8", "replace")
