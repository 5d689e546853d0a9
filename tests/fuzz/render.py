"""What is fuzzed: any bytes as a capture file, read and rendered in every way there is."""

import os
from contextlib import closing
from pathlib import Path

from vsockdump.columns import COLUMNS
from vsockdump.errors import ReadError
from vsockdump.screen import Printer
from vsockdump.sources import stream
from vsockdump.sources.savefile import Savefile
from vsockdump.style import Style
from vsockdump.tables import Csv, Fields, Jsonl
from vsockdump.text import Text

PCAPS = Path(__file__).parents[2] / "pcaps"
LONGEST = 1 << 13
"""Bytes of an input at the most: what is behind them in a capture is more of the same."""

STYLES = (
    Style(),
    Style(verbose=1, link=True, numbers=True, lengths=True, numeric=True, times=2, nano=True),
    Style(verbose=3, times=3),
    Style(tcpdump=True, verbose=2, times=4, hex_ascii=2),
    Style(quick=True, times=5, ascii=1),
)


def render(data: bytes) -> int:
    """Read `data` as a capture file and print it; return how many packets it held.

    Anything that comes out of it but ReadError is a fault.
    """
    file = os.memfd_create("capture")
    try:
        os.write(file, data)
        return _render(f"/proc/self/fd/{file}")
    finally:
        os.close(file)


def _render(path: str) -> int:
    count = 0
    tables: list[Printer] = [Jsonl(COLUMNS), Csv(COLUMNS), Fields(COLUMNS)]
    printers = [*map(Text, STYLES), *tables]
    try:
        with closing(Savefile(path)) as source:
            for batch in source.batches():
                assert batch is not None, "only a file that is followed has to be waited for"
                count += batch.count
                for printer in printers:
                    assert printer.render(batch).decode().count("\n") >= batch.count
    except ReadError as error:
        assert str(error), "a fault without a word"
    return count


def seeds() -> dict[str, bytes]:
    """Return the heads of the project's captures by their names, decompressed."""
    found = {}
    for path in sorted(PCAPS.glob("*.pcap*")):
        with closing(stream.open_raw(str(path))) as raw:
            found[path.name] = stream.window(raw)[0].fill_to(LONGEST)
    return found
