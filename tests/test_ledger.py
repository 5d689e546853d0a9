"""The ledger: what a packet spends and gives, in lines and in fields."""

import pytest

from vsockdump.events import Event
from vsockdump.ledger import FIELDS, WIDE, Entries, Entry, Ledger
from vsockdump.paint import NARROWEST, Line
from vsockdump.steps import Packet
from vsockdump.values import Value

from .captures import START
from .conversation import SECOND, Talk
from .test_steps import happened, sentence, stalled


def name(cid: int, port: int) -> str:
    return f"{cid}:{port}\x1b"


def lines(talk: Talk, width: int = NARROWEST, flow: int = 1) -> list[Line]:
    ledger = Ledger(name, width)
    return [line for found in happened(talk, flow) for line in ledger.take(found)]


def test_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Event, "text", sentence)
    assert lines(stalled()) == [
        Line(r"connection 1: 3:1024\x1b → 2:1234\x1b, stream"),
        Line("from 2023-11-14T22:13:20.000000000Z"),
        Line(
            "      time     # packet                   tx_cnt   fwd_cnt in flight      free", "head"
        ),
        Line("  0.000000     1 → REQUEST           ←         0         0         0    100000"),
        Line("  0.000100     2 ← RESPONSE          →         0         0         0    100000"),
        Line(
            "  0.000200     3 → RW 100000         →    100000         0    100000         0 ░",
            "full",
        ),
        Line(
            r"      ░░░░░░░░░░ STALL of 3:1024\x1b and 2:1234\x1b, in more words than a narrow",
            "stall",
        ),
        Line("      ░░░░░░░░░░ line has room for", "stall"),
        Line("  1.000000     5 ← CREDIT_UPDATE     →    100000    100000         0    100000"),
        Line("  5.000000     6 → RW 10             →    100010    100000        10     99990"),
        Line("  5.000100     7 → SHUTDOWN rcv|send"),
        Line("  5.000200     8 ← RST"),
        Line(
            r"                 problem: UNREAD_CLOSE of 3:1024\x1b and 2:1234\x1b, in more",
            "problem",
        ),
        Line("                 words than a narrow line has room for", "problem"),
        Line("  5.000300     9 ← RST"),
    ]


def test_a_wide_line_has_the_window() -> None:
    talk = Talk(buf=100).open().rw("src", 40).update("dst", buf=30)
    head, *_, last = (
        line.text.split() for line in lines(talk, WIDE)[2:] if "←" in line.text or "#" in line.text
    )
    assert head[3:] == ["tx_cnt", "fwd_cnt", "in", "flight", "window", "free"]
    assert last[4:] == ["→", "40", "0", "40", "30", "0", "░"]


def test_data_both_ways_shows_what_each_gives_the_other() -> None:
    talk = Talk().open().rw("src", 5).rw("dst", 7, fwd=5).rw("src", 1, fwd=7)
    assert [line.text[16:].split() for line in lines(talk)[5:]] == [
        ["→", "RW", "5", "→", "5", "0", "5", "262139"],
        ["←", "RW", "7", "←", "7", "0", "7", "262137"],
        ["→", "5", "5", "0", "262144"],
        ["→", "RW", "1", "→", "6", "5", "1", "262143"],
        ["←", "7", "7", "0", "262144"],
    ]


def test_what_is_not_known_yet() -> None:
    first = lines(Talk().rw("src", 5))[3].text
    assert first.split()[5:] == ["→", "5", "0", "5", "?"]


def test_who_opened_stands_first_though_the_other_was_seen_first() -> None:
    found = lines(Talk().response())
    assert found[0].text.startswith(r"connection 1: 3:1024\x1b → 2:1234\x1b,")
    assert found[3].text.split()[2:4] == ["←", "RESPONSE"]


@pytest.mark.parametrize("width", [80, 100, 200])
def test_lines_keep_to_their_width(width: int) -> None:
    assert max(len(line.text) for line in lines(stalled(), width)) <= width


# --- fields -----------------------------------------------------------------------------------


def entries(talk: Talk, flow: int = 1) -> list[Entry]:
    gathered = Entries()
    return [
        *(entry for found in happened(talk, flow) for entry in gathered.take(found)),
        *gathered.flush(),
    ]


def row(entry: Entry) -> dict[str, Value]:
    return {field.name: field.value(entry) for field in FIELDS}


def test_fields() -> None:
    found = entries(stalled())
    assert row(found[3]) == {
        "number": 5,
        "time_ns": START + SECOND,
        "since_s": SECOND,
        "flow": 1,
        "direction": "rev",
        "op": "CREDIT_UPDATE",
        "len": 0,
        "flags": "",
        "buf_alloc": 100_000,
        "fwd_cnt": 100_000,
        "tx_cnt_fwd": 100_000,
        "fwd_cnt_fwd": 100_000,
        "in_flight_fwd": 0,
        "window_fwd": 100_000,
        "free_fwd": 100_000,
        "tx_cnt_rev": 0,
        "fwd_cnt_rev": 0,
        "in_flight_rev": 0,
        "window_rev": 100_000,
        "free_rev": 100_000,
        "events": "stall",
    }
    assert [row(one)["events"] for one in found] == [
        *("", "", "", "stall", "", "", "unread_close", "")
    ]
    assert row(entries(Talk().open().shutdown("src", 3))[2])["flags"] == "rcv|send"


def test_an_entry_waits_for_the_events_at_its_packet() -> None:
    gathered = Entries()
    taken = [
        [entry.packet.number for entry in gathered.take(one)] for one in happened(stalled(), 1)
    ]
    packets = [one for one in happened(stalled(), 1) if isinstance(one, Packet)]
    assert taken[:5] == [[], [1], [2], [], [3]]
    assert [entry.packet for entry in gathered.flush()] == [packets[-1]]
    assert list(gathered.flush()) == []
