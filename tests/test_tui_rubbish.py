"""When Python looks for objects that nobody needs: in pauses."""

import gc
from collections.abc import Iterator

import pytest

from vsockdump.tui import rubbish


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


def due(monkeypatch: pytest.MonkeyPatch, now: float, count: int = 5) -> list[float]:
    """Set the clock and what is due; return where collections will be noted."""
    collected: list[float] = []
    monkeypatch.setattr(rubbish, "monotonic", lambda: now)
    monkeypatch.setattr(gc, "get_count", lambda: (0, 0, count))
    monkeypatch.setattr(gc, "collect", lambda: collected.append(now))
    return collected


def test_waits_for_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    one = rubbish.Rubbish()
    due(monkeypatch, 100.0)
    one.pressed()
    collected = due(monkeypatch, 100.1)
    one.collect()
    assert collected == []
    collected = due(monkeypatch, 101.0)
    one.collect()
    assert collected == [101.0]


def test_does_nothing_where_little_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    collected = due(monkeypatch, 100.0, count=4)
    rubbish.Rubbish().collect()
    assert collected == []


def test_python_itself_does_it_seldom_and_not_for_what_is_there() -> None:
    before = gc.get_freeze_count()
    rubbish.wait()
    assert gc.get_threshold()[2] == 40
    assert gc.get_freeze_count() > before
