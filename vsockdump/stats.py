"""`vsockdump stats`: what a capture adds up to."""

import csv
import json
import os
import sys
from collections.abc import Sequence
from itertools import chain

from vsockdump import analysis
from vsockdump.engine.batch import Batch
from vsockdump.engine.track import Tracker
from vsockdump.following import Following
from vsockdump.formats import linktypes
from vsockdump.paint import Painter
from vsockdump.quality import Quality
from vsockdump.remarks import quality_line, room, wrapped
from vsockdump.series import Series
from vsockdump.sources.stream import GZIP, ZSTD
from vsockdump.summary import FACTS, INTERFACES, STEPS, Facts, Section, Shape, Totals, times
from vsockdump.summarytext import text
from vsockdump.values import as_text, json_object


def main(argv: Sequence[str]) -> int:
    """Print the summary of a capture; return 0."""
    wanted = analysis.parse(argv, "stats", analysis.Wanted())
    following = Following(Tracker(most=wanted.max_flows, keep=False, events=False))
    following.report = _Stats(wanted, following)
    analysis.follow(wanted, following)
    return 0


class _Stats:
    """The report: counts of its own for what connections do not tell."""

    def __init__(self, wanted: analysis.Wanted, following: Following) -> None:
        self._wanted = wanted
        self._following = following
        self._tracker = following.tracker
        self._name = analysis.endpoints(wanted)
        self._painter = Painter()
        self._packing = _packing(wanted.read)
        self._form = ""
        self._frames = self._captured = 0
        self._series = Series()
        self._totals = Totals()

    def feed(self, batch: Batch) -> None:
        """Count the packets of a batch, and the connections that are over."""
        self._form = self._form or batch.form
        self._frames += sum(batch.column("wire_len"))
        self._captured += sum(batch.column("cap_len"))
        self._series.feed(batch)
        for flow in self._tracker.ended():
            self._totals.add(flow)

    def end(self, quality: Quality) -> None:
        """Count the other connections, and print."""
        for flow in chain(self._tracker.ended(), self._tracker.flows()):
            self._totals.add(flow)
        sections = self._sections(quality)
        if self._wanted.json:
            print_json(sections)
        elif self._wanted.csv:
            print_csv(sections)
        else:
            most = room(self._painter)
            self._painter.put(wrapped(quality_line(quality), most))
            self._painter.put(text(sections, self._name, most))

    def _sections(self, quality: Quality) -> list[Section]:
        steps = list(self._series.steps())
        interfaces = list(enumerate(self._following.interfaces))
        return [
            Section("capture", Shape.FACTS, FACTS, [self._facts(quality)]),
            Section("interfaces", Shape.TABLE, INTERFACES, interfaces),
            *self._totals.sections(),
            *times("connect", self._tracker.connect_times()),
            *times("credit", self._tracker.credit_times()),
            Section("throughput", Shape.STEPS, STEPS, steps),
        ]

    def _facts(self, quality: Quality) -> Facts:
        linktype = {i.linktype: "" for i in self._following.interfaces}
        return Facts(
            file=self._wanted.read or self._wanted.interface,
            type=_file_type(self._form, self._packing),
            encapsulation=", ".join(map(linktypes.describe, linktype)),
            size=_size(self._wanted.read),
            counts=self._tracker.counts,
            quality=quality,
            frames=self._frames,
            captured=self._captured,
            payload=self._totals.payload,
        )


_TYPES = {
    "pcapng": "pcapng",
    "pcap/1000": "pcap, microseconds",
    "pcap/1": "pcap, nanoseconds",
    "pcap": "pcap, the other byte order",
    "ring": "live",
    "": "no packets",
}
_PACKINGS = {GZIP: "gzip", ZSTD: "zstd"}


def _file_type(form: str, packing: str) -> str:
    return f"{_TYPES.get(form, form)}{packing and f', {packing}'}"


def _packing(path: str) -> str:
    """Tell how a regular file is compressed: of a pipe only its reader knows."""
    if not os.path.isfile(path):  # noqa: PTH113 - no pathlib here
        return ""
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            head = file.read(4)
    except OSError:  # which the run will say
        return ""
    return next((name for magic, name in _PACKINGS.items() if head.startswith(magic)), "")


def _size(path: str) -> int | None:
    return os.stat(path).st_size if os.path.isfile(path) else None  # noqa: PTH113, PTH116


def print_json(sections: Sequence[Section]) -> None:
    """Print one object, with a member a section: an object, or a list of them."""
    members = (f"{json.dumps(section.name)}:{_json(section)}" for section in sections)
    sys.stdout.write(f"{{{','.join(members)}}}\n")


def _json(section: Section) -> str:
    objects = [
        json_object((field.name, field.type, field.value(row)) for field in section.fields)
        for row in section.rows
    ]
    return objects[0] if section.shape is Shape.FACTS else f"[{','.join(objects)}]"


def print_csv(sections: Sequence[Section]) -> None:
    """Print a line a value: its section, its row there (from 1), its name, itself."""
    write = csv.writer(sys.stdout, lineterminator="\n").writerow
    write(("section", "row", "name", "value"))
    for section in sections:
        for number, row in enumerate(section.rows, 1):
            for field in section.fields:
                value = as_text(field.type, field.value(row))
                write((section.name, number, field.name, value))
