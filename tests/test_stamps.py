"""Times as tcpdump writes them, at every level and precision."""

import time
from collections.abc import Iterator

import pytest

from vsockdump.stamps import stamps


@pytest.fixture(autouse=True)
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Local time an hour and a half east of Greenwich."""
    monkeypatch.setenv("TZ", "XYZ-01:30")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("level", "second", "negative", "text", "since"),
    [
        (0, 0, False, b"01:30:00", ""),
        (2, 1_700_000_000, False, b"1700000000", ""),
        (2, -5, False, b"-5", ""),
        (3, 0, False, b" 00:00:00", "previous"),
        (3, 3661, False, b" 01:01:01", "previous"),
        (3, -3661, True, b"-01:01:01", "previous"),
        (3, 0, True, b"-00:00:00", "previous"),
        (3, 360_000, False, b" 100:00:00", "previous"),
        (4, 1_700_000_000, False, b"2023-11-14 23:43:20", ""),
        (4, -1, False, b"1970-01-01 01:29:59", ""),
        (5, 59, False, b" 00:00:59", "first"),
        (0, 1 << 62, False, b"4611686018427387904", ""),
    ],
)
def test_levels(level: int, second: int, negative: bool, text: bytes, since: str) -> None:
    found = stamps(level, nano=False)
    assert found.stamp is not None
    assert (found.stamp(second, negative), found.since, found.digits) == (text, since, 6)


def test_no_times_at_all() -> None:
    assert stamps(1, nano=True).stamp is None


@pytest.mark.parametrize(("nano", "digits"), [(False, 6), (True, 9)])
def test_precision(nano: bool, digits: int) -> None:
    assert stamps(0, nano).digits == digits
