"""What was found, by packet, by connection and in groups."""

from __future__ import annotations

import pytest

from tests.conversation import Talk, batches, track
from tests.talks import hello, stalled
from vsockdump.browsing import findings
from vsockdump.browsing.findings import Findings
from vsockdump.engine.index import Index
from vsockdump.engine.track import Tracker
from vsockdump.events import Kind, Severity
from vsockdump.quality import Quality


def index(talk: Talk) -> Index:
    made, tracker = Index(), Tracker(steps=True)
    for batch in batches(talk.packets):
        tracker.feed(batch)
        made.append(batch, tracker)
    return made


def two() -> Talk:
    talk = stalled()
    hello(talk, 1025)
    stalled(0.5, talk, 1026)
    return talk


def test_where_they_are_found() -> None:
    talk = two()
    made = index(talk)
    found = Findings(made)
    found.add(track(talk).events)
    assert (found.total, found.problems, found.forgotten) == (2, 1, 0)
    assert [event.flow for event in found.at(7)] == [1]
    assert [event.kind for event in found.of(3)] == [Kind.STALL]
    assert found.at(8) == found.of(2) == []
    assert [made.at(n).severity for n in (6, 7, 8)] == [0, Severity.PROBLEM + 1, 0]
    assert [(group.severity, group.total) for group in found.groups(Quality())] == [
        (Severity.PROBLEM, 1),
        (Severity.WARN, 1),
    ]


def test_more_than_are_kept_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    talk = two()
    found = Findings(index(talk))
    events = track(talk).events
    monkeypatch.setattr(findings, "MOST", 1)
    found.add(events)
    assert (found.total, found.forgotten) == (2, 1)
    assert [len(found.of(flow)) for flow in (1, 3)] == [0, 1]  # the latest is kept
    assert found.at(7) == []
    assert sum(group.total for group in found.groups(Quality())) == 2
