"""Which way a packet goes, by CIDs."""

from pathlib import Path

import pytest

from tests import captures
from tests.captures import START, Taken
from vsockdump import direction

ENDS = [(3, 2), (2, 3), (1, 1), (3, 4), (1, 3), (2**32 + 2, 2)]


@pytest.mark.parametrize(
    ("way", "own", "expected"),
    [
        ("in", {1, 2}, [1, 0, 1, 0, 0, 1]),
        ("out", {1, 2}, [0, 1, 1, 0, 1, 0]),
        ("in", {1, 3}, [0, 1, 1, 0, 1, 0]),
        ("out", {1, 3}, [1, 0, 1, 1, 1, 0]),
    ],
)
def test_choice(tmp_path: Path, way: str, own: set[int], expected: list[int]) -> None:
    frames = [captures.frame(src=(src, 1), dst=(dst, 2)) for src, dst in ENDS]
    packets = [Taken(START, frame, len(frame)) for frame in frames]
    batch = captures.first_batch(captures.pcap(packets), tmp_path)
    assert list(direction.choose(way, frozenset(own))(batch)) == expected


@pytest.mark.parametrize(
    ("cid", "own"), [(7, {1, 7}), (2, {1, 2}), (1, {1}), (0xFFFF_FFFF, {1, 2}), (None, {1, 2})]
)
def test_own_cids(monkeypatch: pytest.MonkeyPatch, cid: int | None, own: set[int]) -> None:
    def ask() -> int:
        if cid is None:
            raise FileNotFoundError
        return cid

    monkeypatch.setattr(direction, "local_cid", ask)
    assert direction.own_cids() == own
