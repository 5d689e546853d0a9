"""The tracker, ports that are used again: what is the old connection's, and what the new one's."""

import pytest

from vsockdump.events import Doubt, Kind, Reset, Severity
from vsockdump.flows import End, Verdict
from vsockdump.states import State

from .conversation import MILLI, SECOND, TICK, Talk, expect, found, track

NOTE, WARN, PROBLEM = Severity


def test_ports_that_were_closed_are_used_again() -> None:
    talk = Talk().open().rw("src", 10).update("dst", fwd=10).at(0.5).close()
    seen = track(talk.at(0.7).open().rw("src", 5))
    assert [(f.number, f.generation, f.fwd.bytes) for f in seen.flows] == [(1, 1, 10), (2, 2, 5)]
    assert [f.verdict for f in seen.flows] == [Verdict.SF, Verdict.S1]
    reuse = {"previous": 1, "after_s": 200 * MILLI - TICK, "closed": 1}  # from the first RST on
    assert found(seen.events) == [expect(Kind.TUPLE_REUSE, NOTE, "src", (7, 8), **reuse)]
    assert (seen.events[0].flow, seen.events[0].generation) == (2, 2)


def test_a_port_beside_is_no_reuse() -> None:
    seen = track(Talk((3, 1025), on=Talk().open().close()).open())
    assert [f.generation for f in seen.flows] == [1, 1]
    assert seen.events == []


def test_an_open_connection_is_begun_anew() -> None:
    seen = track(Talk().open().rw("src", 10).at(0.5).open().rw("src", 5))
    reuse = {"previous": 1, "after_s": 500 * MILLI - 2 * TICK, "closed": 0}
    assert found(seen.events) == [expect(Kind.TUPLE_REUSE, WARN, "src", (3, 4), **reuse)]
    assert [(f.generation, f.fwd.tx_cnt) for f in seen.flows] == [(1, 10), (2, 5)]


def test_a_request_again_is_another_try() -> None:
    """Linux sends none twice: its application asks anew, and that is no reuse to speak of."""
    seen = track(Talk().request().request().response())
    assert [(f.generation, f.verdict) for f in seen.flows] == [(1, Verdict.S0), (2, Verdict.S1)]
    assert seen.events == []


def test_a_refused_request_is_tried_again() -> None:
    seen = track(Talk().request().no_socket("dst").at(1).open())
    assert [f.verdict for f in seen.flows] == [Verdict.REJ, Verdict.S1]
    assert [e.kind for e in seen.events] == [Kind.REFUSED]


def test_trailing_resets_are_the_old_ones() -> None:
    """The second RST of a close carries real credit, and comes after the next REQUEST."""
    talk = Talk().open().rw("src", 10).update("dst", fwd=10).shutdown("src", 3).rst("dst")
    talk.request().ends["dst"].fwd = 10
    talk.rst("dst", fwd=10).response(fwd=0).rw("src", 5).update("dst", fwd=5).close()
    seen = track(talk)
    assert [e.kind for e in seen.events] == [Kind.TUPLE_REUSE]
    assert [(f.generation, f.state, f.end) for f in seen.flows] == [
        (1, State.CLOSED, End.HANDSHAKE),
        (2, State.CLOSED, End.HANDSHAKE),
    ]
    assert [f.rev.packets for f in seen.flows] == [4, 4]


@pytest.mark.parametrize(("seconds", "verdicts"), [(0.9, ["SF", "S0"]), (1.1, ["SF", "REJ"])])
def test_a_trailing_reset_comes_within_a_second(seconds: float, verdicts: list[str]) -> None:
    talk = Talk().open().close().at(5).request().at(5 + seconds).rst("dst")
    assert [flow.verdict.name for flow in track(talk).flows] == verdicts


def test_what_trails_an_end_is_no_connection() -> None:
    """Who was not told that it is over reads on, and hears that there is no socket."""
    talk = Talk().open().rw("src", 9).at(2).shutdown("src", 3).at(10.01).rst("src")
    talk.at(60).update("dst", fwd=9).no_socket("src").rst("dst")
    seen = track(talk)
    assert [e.kind for e in seen.events] == [Kind.SHUTDOWN_UNANSWERED]
    assert [(f.verdict, f.fwd.packets, f.rev.packets) for f in seen.flows] == [(Verdict.SF, 5, 3)]


@pytest.mark.parametrize(("seconds", "flows"), [(0.9, 1), (1.1, 2)])
def test_data_long_after_an_end_is_a_connection_whose_beginning_is_missing(
    seconds: float, flows: int
) -> None:
    seen = track(Talk().open().at(1).close().at(1 + TICK / SECOND + seconds).rw("src", 10))
    assert [f.whole for f in seen.flows] == [True, False][:flows]
    assert seen.events == []


def test_a_refusal_on_ports_used_again_is_the_new_ones() -> None:
    seen = track(Talk().open().close().request().no_socket("dst"))
    assert [f.verdict for f in seen.flows] == [Verdict.SF, Verdict.REJ]
    assert [e.kind for e in seen.events] == [Kind.TUPLE_REUSE, Kind.REFUSED]


def test_a_stale_reset_ends_the_younger_one() -> None:
    """It answers the RST of the old connection, and hits the one that has its ports now."""
    talk = Talk().open().close().open().no_socket("src").no_socket("dst")
    events = [e for e in track(talk).events if e.kind is Kind.RESET]
    assert [(e.generation, e.values["reset"], e.doubt) for e in events] == [
        (2, Reset.STALE, Doubt.GUESS)
    ]


@pytest.mark.parametrize(("read", "kind"), [(10, Reset.STALE), (0, Reset.ABORT)])
def test_a_late_reset_with_the_old_ones_credit(read: int, kind: Reset) -> None:
    """It comes when the younger one is answered already: only its count tells whose it was."""
    talk = Talk().open().rw("src", 10).update("dst", fwd=10).close().open()
    events = track(talk.rst("dst", fwd=read)).events
    assert [e.kind for e in events] == [Kind.TUPLE_REUSE, Kind.RESET]
    assert events[-1].values["reset"] == kind


def test_a_reset_with_the_credit_of_both_is_the_younger_ones() -> None:
    """Nothing was read in either: the count tells nothing."""
    events = track(Talk().open().close().open().rst("dst")).events
    assert [e.values["reset"] for e in events if e.kind is Kind.RESET] == [Reset.ABORT]


@pytest.mark.parametrize(("seconds", "kind"), [(0.9, Reset.STALE), (1.1, Reset.NO_SOCKET)])
def test_a_stale_reset_comes_within_a_second(seconds: float, kind: Reset) -> None:
    talk = Talk().open().close().at(5).open().at(5 + seconds).no_socket("dst")
    events = track(talk).events
    assert [e.values["reset"] for e in events if e.kind is Kind.RESET] == [kind]


def test_a_stale_reset_makes_an_opener_give_up() -> None:
    talk = Talk().open().rw("src", 10).update("dst", fwd=10).close().at(1).request()
    talk.rst("dst", fwd=10).at(2.5).response(fwd=0).no_socket("src")
    (event,) = (e for e in track(talk).events if e.kind is Kind.RESET)
    assert (event.generation, event.values["reset"]) == (2, Reset.STALE)


def test_a_connection_that_is_superseded_is_not_waited_for() -> None:
    """Its ports carry another: its stall ends there, and nobody will answer its questions."""
    talk = Talk(buf=1000).open().at(1).rw("src", 1000).ask("src").at(1.2).open()
    Talk((9, 9), (2, 9), on=talk).open().at(60).rw("src", 1)
    stalls = [event for event in track(talk).events if event.kind is not Kind.TUPLE_REUSE]
    assert [(e.kind, e.generation, e.values["lifted"]) for e in stalls] == [(Kind.STALL, 1, 0)]
    assert stalls[0].values["length_s"] == 200_000_000
