"""`vsockdump stats`: the figures of a capture, for people and scripts."""

import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest

from tests import captures
from tests.captures import some
from tests.command import PCAPS, vsockdump
from tests.talks import hello, later, saved
from vsockdump.stats import _file_type, _packing

BULK = PCAPS / "bulk.pcap.zst"


def as_json(*words: str | Path) -> dict[str, Any]:
    done = vsockdump("stats", *words, "--json")
    assert done.returncode == 0
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_sections() -> None:
    assert list(as_json(BULK)) == [
        *("capture", "interfaces", "ops", "sizes", "verdicts", "cids", "ports", "connect"),
        *("connect_histogram", "credit", "credit_histogram", "throughput"),
    ]


def test_figures() -> None:
    found = as_json(BULK)
    expected = {
        "file": str(BULK),
        "file_type": "pcap, microseconds, zstd",
        "encapsulation": "VSOCK (Linux vsock)",
        "file_size": BULK.stat().st_size,
        "packets": 23,
        "frame_bytes": 600_000 + 23 * 76,
        "payload_bytes": 600_000,
        "duration": 0.158082,
    }
    assert found["capture"].items() >= expected.items()
    assert found["ops"] == [
        {"op": op, "packets": count}
        for op, count in [
            *[("REQUEST", 1), ("RESPONSE", 1), ("RST", 2), ("SHUTDOWN", 1)],
            *[("RW", 10), ("CREDIT_UPDATE", 8)],
        ]
    ]
    assert found["sizes"] == [{"up_to": 16384, "packets": 1}, {"up_to": 65536, "packets": 9}]
    assert found["verdicts"] == [{"verdict": "SF", "connections": 1}]


def test_throughput_adds_up() -> None:
    steps = as_json(BULK)["throughput"]
    assert sum(step["packets"] for step in steps) == 23
    assert sum(step["bytes"] for step in steps) == 600_000


def test_connections_that_are_over_before_the_end_count(tmp_path: Path) -> None:
    talk = hello(port=1)
    for port in range(2, 100):
        hello(on=later(talk, 100), port=port)
    found = as_json(saved(talk, tmp_path / "long"))
    assert found["verdicts"] == [{"verdict": "SF", "connections": 99}]
    assert found["connect"]["count"] == 99
    assert found["capture"]["payload_bytes"] == 99 * 13


def test_csv_says_what_json_says() -> None:
    printed = vsockdump("stats", BULK, "--csv").stdout.decode()
    rows = list(csv.DictReader(io.StringIO(printed)))
    assert rows[0] == {"section": "capture", "row": "1", "name": "file", "value": str(BULK)}
    ops = [row["value"] for row in rows if row["section"] == "ops" and row["name"] == "op"]
    assert ops == ["REQUEST", "RESPONSE", "RST", "SHUTDOWN", "RW", "CREDIT_UPDATE"]


def test_text_begins_with_what_the_capture_can_carry(tmp_path: Path) -> None:
    text = vsockdump("stats", saved(hello(), tmp_path / "f", dropped=3)).stdout.decode()
    assert text.startswith(
        "capture: 7 packets, 1 connection, seen from its start; 3 packets lost while"
    )
    assert "  lost            3 packets\n" in text


def test_nothing(tmp_path: Path) -> None:
    path = saved([], tmp_path / "empty")
    text = vsockdump("stats", path).stdout.decode()
    assert "capture: 0 packets, 0 connections" in text
    assert "  file type       pcapng\n" in text
    assert as_json(path)["capture"]["first"] is None


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (captures.pcap(some(2)), "pcap, microseconds"),
        (captures.pcap(some(2), magic=captures.NANO), "pcap, nanoseconds"),
        (captures.pcap(some(2), order=">"), "pcap, the other byte order"),
        (captures.pcapng(some(2)), "pcapng"),
        (gzip.compress(captures.pcapng(some(2))), "pcapng, gzip"),
    ],
)
def test_file_types(tmp_path: Path, data: bytes, kind: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    assert as_json(path)["capture"]["file_type"] == kind


def test_how_a_pipe_is_compressed_is_not_known() -> None:
    assert (_packing("-"), _packing("/no/file"), _packing("/")) == ("", "", "")
    assert (_file_type("ring", ""), _file_type("new", "")) == ("live", "new")
