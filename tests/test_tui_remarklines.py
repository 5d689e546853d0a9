"""What is wrong as lines: the same sentences as `problems` prints, and what each is about."""

from pathlib import Path

from tests.command import PCAPS
from tests.conversation import Talk
from tests.looking import opened
from tests.talks import saved, stalled
from vsockdump import remarks
from vsockdump.events import Kind, Severity
from vsockdump.names import Names
from vsockdump.paint import Line
from vsockdump.quality import Quality
from vsockdump.remarks import Group
from vsockdump.tui.remarklines import Told, lines

NAME = Names().endpoint
WHOLE = Quality(packets=9, flows=1)


def groups_of(path: Path) -> tuple[list[Group], Quality]:
    with opened(path) as found:
        return found.findings.groups(found.quality), found.quality


def refused(folder: Path, count: int) -> tuple[list[Group], Quality]:
    talk = stalled()
    for port in range(count):
        Talk((3, port), (2, 99), on=talk).request().rst("dst")
    return groups_of(saved(talk, folder / "refused"))


def texts(told: list[Told]) -> list[str]:
    return [line.text for line in told]


def test_they_say_what_problems_says(tmp_path: Path) -> None:
    groups, quality = refused(tmp_path, 2)
    said = [line.text for line in remarks.report(groups, quality, NAME)]
    assert [text.removeprefix("▾ ") for text in texts(lines(groups, quality, NAME, 1000))] == said


def test_each_knows_what_it_is_about(tmp_path: Path) -> None:
    groups, quality = refused(tmp_path, 2)
    refusal, stall = (Severity.PROBLEM, Kind.REFUSED), (Severity.PROBLEM, Kind.STALL)
    told = lines(groups, quality, NAME, 1000)
    assert [(line.key, line.event and line.event.flow) for line in told] == [
        (None, None),
        (None, None),
        (refusal, None),
        (refusal, 2),
        (refusal, 3),
        (None, None),
        (stall, None),
        (stall, 1),
    ]
    assert told[2].ink == "problem"


def test_sentences_are_wrapped(tmp_path: Path) -> None:
    groups, quality = refused(tmp_path, 1)
    wide = [line for line in lines(groups, quality, NAME, 1000) if line.event]
    told = [line for line in lines(groups, quality, NAME, 50) if line.event]
    assert max(len(line.text) for line in told) <= 50
    assert len({line.subject for line in told}) == len(wide) == 2
    first = [line for line in told if line.subject == wide[0].subject]
    assert [line.part for line in first] == list(range(len(first)))
    assert " ".join(line.text.strip() for line in first) == wide[0].text.strip()


def test_of_a_closed_group_only_the_head_is_left(tmp_path: Path) -> None:
    groups, quality = refused(tmp_path, 2)
    told = lines(groups, quality, NAME, 1000, {(Severity.PROBLEM, Kind.REFUSED)})
    assert texts(told)[2:4] == ["▸ problem: refused, 2 times", ""]
    assert told[-1].event is not None
    assert told[-1].event.kind is Kind.STALL


def test_of_many_the_first_are_told(tmp_path: Path) -> None:
    groups, quality = refused(tmp_path, 3)
    few = [group._replace(events=group.events[:1]) for group in groups]
    told = lines(few, quality, NAME, 1000)
    assert told[4].text == "  ... and 2 more: `vsockdump problems --json` has all"
    assert told[-1].event is not None
    closed = lines(few, quality, NAME, 1000, {(Severity.PROBLEM, Kind.REFUSED)})
    assert not any("more" in line.text for line in closed)


def test_nothing_is_wrong() -> None:
    assert texts(lines([], WHOLE, NAME, 100))[1:] == ["", "nothing is wrong"]
    lossy = lines([], WHOLE._replace(lost=1), NAME, 200)
    assert texts(lossy)[1:] == ["", "nothing is wrong in what was captured"]
    assert lossy[0].ink == "warn"


def test_what_a_name_holds_is_escaped(tmp_path: Path) -> None:
    groups, quality = refused(tmp_path, 1)
    told = lines(groups, quality, lambda cid, port: "\x1b[31m[red]", 1000)
    assert not any("\x1b" in line.text for line in told)
    assert any("[red]" in line.text for line in told)


def test_an_event_is_the_same_whatever_is_lost_meanwhile() -> None:
    groups, quality = groups_of(PCAPS / "slow-reader.pcap.zst")
    (before,) = [line for line in lines(groups, quality, NAME, 1000) if line.event]
    judged = [quality._replace(lost=3).judged(event) for event in groups[0].events]
    (after,) = [
        line
        for line in lines([groups[0]._replace(events=judged)], quality, NAME, 1000)
        if line.event
    ]
    assert before.event != after.event
    assert before.subject == after.subject
    assert Line(before.text) != Line(after.text)
