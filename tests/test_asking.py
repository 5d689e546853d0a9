"""Whether a run asks for processes: only where that is shown or saved."""

from contextlib import ExitStack

import pytest

from vsockdump import asking, processes
from vsockdump.engine.track import Tracker
from vsockdump.following import Following
from vsockdump.options import parse
from vsockdump.remembered import Known


class Asked:
    """Stands for Processes: counts how many there are, and which are closed."""

    made = closed = 0

    def __init__(self, own: frozenset[int]) -> None:
        self.known = Known()
        Asked.made += 1

    def ask(self, flows: object) -> None:
        pass

    def close(self) -> None:
        Asked.closed += 1


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "Processes", Asked)
    Asked.made = Asked.closed = 0


def count(words: str, following: Following | None = None) -> int:
    with ExitStack() as stack:
        found = asking.live(stack, parse(words.split()), following, frozenset({1}))
        assert (found is not None, Asked.closed) == (Asked.made, 0)
    assert Asked.closed == Asked.made
    return Asked.made


@pytest.mark.parametrize(
    ("words", "times"),
    [
        ("-i link", 0),
        ("-i link -w f.pcap", 0),
        ("-i link -w f.pcapng", 1),
        ("-i link -w f.pcapng --no-flow", 0),
        ("-i link -vv", 1),
        ("-i link -vv --count", 0),
        ("-i link -vv --format jsonl", 0),
        ("-i link -Y pid<9", 1),
        ("-i link pid<9", 1),
        ("-i link -Y port<9", 0),
    ],
)
def test_plain_runs(words: str, times: int) -> None:
    assert count(words) == times


@pytest.mark.parametrize("asks", [True, False])
def test_reports(asks: bool) -> None:
    following = Following(Tracker(), asks=asks)
    assert count("-i link --count", following) == asks
    assert (following.known is not None) == asks


def test_files() -> None:
    assert asking.recalled(None) == []
    assert asking.recalled(Following(Tracker())) == []
    following = Following(Tracker(), asks=True)
    assert len(asking.recalled(following)) == 1
    assert following.known is not None
    assert Asked.made == 0
