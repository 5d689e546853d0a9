"""Saves packets of an opened capture to a file of their own."""

import os
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress

from vsockdump.engine.batch import Batch
from vsockdump.errors import OpenError, ReadError, WriteError
from vsockdump.sources.savefile import Savefile
from vsockdump.writers.capture import (
    PCAPNG_SUFFIXES,
    CopyWriter,
    PcapngWriter,
    PcapWriter,
    Writer,
)
from vsockdump.writers.output import Output, ReaderGone

from .opened import Opened

Progress = Callable[[int, int], None]
"""Hears how many packets were looked at, and of how many."""

MICROSECONDS = 6
"""An interface's time resolution, as pcapng has it (if_tsresol), that pcap has room for."""


def save(
    opened: Opened,
    numbers: "array[int] | None",
    path: str,
    progress: Progress = lambda done, total: None,
) -> int:
    """Write packets, whose numbers rise, or all that there are by now; return how many.

    The format is as the name says, pcapng or pcap. What is copied from pcapng to pcapng keeps every
    block. Raises OpenError, WriteError or ReadError.
    """
    path = target(opened, path)
    with closed(Output(path)) as output:
        writer = _writer(opened, output)
        count = 0
        for batch in _batches(opened, numbers, isinstance(writer, CopyWriter), progress):
            if batch.blocks:
                writer.pass_on(batch.blocks)
            writer.write(batch, 0, batch.count)
            count += batch.count
        writer.finish([], 0)
    return count


def target(opened: Opened, path: str) -> str:
    """Return where to write what somebody named so; raises OpenError for the file that is read."""
    path = os.path.expanduser(path)  # noqa: PTH111
    if path == "-":
        raise OpenError("-: standard output is the screen's; name a file")
    with suppress(OSError):
        if os.path.samestat(os.fstat(opened.source.raw.fileno()), os.stat(path)):  # noqa: PTH116
            raise OpenError(f"{path}: this is the file that is read")
    return path


@contextmanager
def closed(output: Output) -> Iterator[Output]:
    """Close a file behind what is in `with`, whatever that came to."""
    try:
        yield output
    except ReaderGone as error:
        raise WriteError(str(error)) from error
    finally:
        output.close()


def _writer(opened: Opened, output: Output) -> Writer:
    pcapng = output.name.endswith(PCAPNG_SUFFIXES)
    interfaces = list(opened.interfaces)
    if not pcapng:
        return PcapWriter(output, interfaces, nano=_is_fine(opened))
    if opened.source.is_pcapng and _again_from(opened):
        return CopyWriter(output)
    return PcapngWriter(output, interfaces)


def _again_from(opened: Opened) -> str:
    """Return a path by which all of what is read can be read once more; empty if there is none.

    Some of it may have been let go, and who gave up privileges may not open the file again.
    """
    path = f"/proc/self/fd/{opened.fd}"
    return path if opened.first == 1 and os.access(path, os.R_OK) else ""


def _is_fine(opened: Opened) -> bool:
    """Whether its times are finer than microseconds."""
    if opened.source.is_pcapng:
        return any(one.tsresol != MICROSECONDS for one in opened.interfaces)
    return bool(opened.count) and opened.batch(opened.first)[0].form == "pcap/1"


def _batches(
    opened: Opened, numbers: "array[int] | None", copied: bool, progress: Progress
) -> Iterator[Batch]:
    """Yield what is wanted, nothing else in the batches."""
    total, path = opened.count, _again_from(opened)
    if path and (numbers is None or copied):
        for batch in _again(opened, path, total):
            first, count = batch.first, batch.count
            batch.select(_mask(first, count, numbers))
            batch.head(max(total + 1 - first, 0) if numbers is None else batch.count)
            yield batch
            progress(min(first + count - 1, total), total)
    elif numbers is None:
        yield from _still(opened, total)
    else:
        done = 0
        for batch in opened.only(numbers):
            done += batch.count
            yield batch
            progress(done, len(numbers))


def _still(opened: Opened, total: int) -> Iterator[Batch]:
    """Yield what was not let go, up to a packet or a little more."""
    for batch in opened.batches():
        if batch is None:
            return
        last = batch.number(batch.count - 1)
        yield batch
        if last >= total:
            return


def _mask(first: int, count: int, numbers: Sequence[int] | None) -> bytes:
    """Return a byte a packet of a batch, 1 for those that are wanted."""
    if numbers is None:
        return bytes([1]) * count
    mask = bytearray(count)
    begin = bisect_left(numbers, first)
    for number in numbers[begin : bisect_left(numbers, first + count, begin)]:
        mask[number - first] = 1
    return bytes(mask)


def _again(opened: Opened, path: str, total: int) -> Iterator[Batch]:
    """Yield all batches up to a packet once more; of a capture that ended, what is behind it, too.

    What is damaged behind the packets that were read has been said when it was read.
    """
    ended, came = opened.ended, 0
    with closing(Savefile(path)) as source:
        source.name = opened.path
        try:
            for batch in source.batches():
                if batch is not None:
                    batch.first = came + 1
                    came += batch.count
                    yield batch
                if came >= total and not ended:
                    return
        except ReadError:
            if came < total:
                raise
        if came < total:
            raise ReadError(f"{opened.path}: the file has become shorter")
