"""Things put aside: all of them, in their order, in memory and beyond it."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.test_events import event
from vsockdump import spool
from vsockdump.errors import WriteError
from vsockdump.events import Event, Kind
from vsockdump.spool import Spool

Make = Callable[[], Spool[Event]]


@pytest.fixture
def spooled() -> Iterator[Make]:
    """Make spools, and close them in the end."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(closing(Spool()))


@pytest.mark.parametrize("memory", [1 << 23, 100])
def test_what_is_put_aside_comes_back(
    monkeypatch: pytest.MonkeyPatch, spooled: Make, memory: int
) -> None:
    monkeypatch.setattr(spool, "IN_MEMORY", memory)
    kept = spooled()
    events = [event(Kind.REFUSED, number) for number in range(50)]
    for one in events:
        kept.append(one)
    assert len(kept) == 50
    assert list(kept) == events
    assert list(kept) == events  # and once more


def test_nothing(spooled: Make) -> None:
    assert list(spooled()) == []


def test_a_full_disk(monkeypatch: pytest.MonkeyPatch, spooled: Make) -> None:
    with Path("/dev/full").open("r+b", buffering=0) as full:
        monkeypatch.setattr(tempfile, "SpooledTemporaryFile", lambda size: full)
        kept = spooled()
        with pytest.raises(WriteError, match="No space left on device"):
            kept.append(event(Kind.REFUSED, 1))
