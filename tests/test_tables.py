"""JSON lines, CSV and fields, read back by the standard library's readers."""

import csv
import io
import json
from pathlib import Path

import pytest

from tests import captures
from tests.captures import START, Taken
from tests.command import PCAPS, vsockdump
from vsockdump import columns, tables
from vsockdump.columns import COLUMNS, USUAL
from vsockdump.errors import UsageError

SEQ = captures.frame(b'"a,\n\x1b', flags=3, kind=2)
EVERY = [column.name for column in COLUMNS]


@pytest.fixture
def data() -> bytes:
    return captures.pcap([Taken(START, SEQ, 81), Taken(START, SEQ[:10], 81)])


def test_json_lines(tmp_path: Path, data: bytes) -> None:
    batch = captures.first_batch(data, tmp_path)
    found = tables.table("jsonl", EVERY).render(batch)
    first, second = (json.loads(line) for line in found.decode("ascii").splitlines())
    assert list(first) == EVERY
    assert (first["flags"], first["payload"], first["src_cid"]) == (
        ["EOM", "EOR"],
        SEQ[76:].hex(),
        3,
    )
    assert (second["flags"], second["src_cid"], second["notes"]) == (None, None, ["truncated"])
    rows = columns.rows(COLUMNS, batch)
    assert [tuple(first.values()), tuple(second.values())] == list(rows)


def test_csv(tmp_path: Path, data: bytes) -> None:
    batch = captures.first_batch(data, tmp_path)
    table = tables.table("csv", EVERY)
    text = (table.render(batch) + table.render(batch)).decode("ascii")
    found = list(csv.DictReader(io.StringIO(text)))
    assert len(found) == 4  # under one header
    assert list(found[0]) == EVERY
    assert (found[0]["flags"], found[0]["payload"]) == ("EOM|EOR", SEQ[76:].hex())
    assert (found[1]["flags"], found[1]["src_cid"]) == ("", "")


def test_fields_have_no_header(tmp_path: Path, data: bytes) -> None:
    batch = captures.first_batch(data, tmp_path)
    assert tables.table("fields", ["src_cid", "len"]).render(batch) == b"3\t5\n\t\n"


def test_the_usual_columns() -> None:
    done = vsockdump("-r", PCAPS / "hello.pcap", "--format", "jsonl")
    first = json.loads(done.stdout.splitlines()[0])
    assert list(first) == [column.name for column in USUAL]
    assert (first["number"], first["op"], first["src_port"]) == (1, "REQUEST", 15001)
    done = vsockdump("-r", PCAPS / "hello.pcap", "--format", "csv")
    assert len(list(csv.DictReader(io.StringIO(done.stdout.decode())))) == 9


def test_an_unknown_column() -> None:
    with pytest.raises(UsageError, match="do you mean src_cid"):
        tables.table("csv", ["src_cidd"])


def test_every_csv_row_is_as_long_as_its_header() -> None:
    done = vsockdump("-r", PCAPS / "crafted-edge-cases.pcap", "--format", "csv")
    found = list(csv.reader(io.StringIO(done.stdout.decode())))
    assert {len(row) for row in found} == {len(USUAL)}
    assert "kernel defect A, uncertain" in [row[-1] for row in found]
