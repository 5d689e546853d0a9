"""Events: every kind has its numbers, its sentence and its mark, whatever the numbers say."""

import re

import pytest

from vsockdump import events
from vsockdump.events import (
    DOUBTS,
    NUMBERS,
    Blame,
    Confidence,
    Defect,
    Doubt,
    Event,
    Kind,
    Reset,
    Severity,
)

S, MS = 1_000_000_000, 1_000_000
ANN, BOB = (3, 1024), (2, 1234)


def event(kind: Kind, *numbers: int, actor: int = 0, doubt: Doubt = Doubt.NONE) -> Event:
    return Event(kind, Severity.NOTE, doubt, 1, 1, *ANN, *BOB, actor, S, (1, 2), numbers)


def name(cid: int, port: int) -> str:
    return {ANN: "ann", BOB: "bob"}[cid, port]


SWAPPED = {"ann": "bob", "bob": "ann"}
UNDER_WAY = "(4096 bytes under way, 4096 allowed)"
RESET_BY = "ann reset the connection"

# The kind, its numbers, the sentence where the opening side is its subject, the mark. What a
# packet's notes say is no mark.
TABLE: list[tuple[Kind, tuple[int, ...], str, str]] = [
    (
        Kind.REFUSED,
        (120_000,),
        "bob refused ann after 0.120 ms: nobody listens there, for this socket type, or the backlog"
        " is full",
        "refused",
    ),
    (
        Kind.UNANSWERED,
        (2500 * MS,),
        "bob has not answered ann for 2.500 s: Linux gives up after 2 s",
        "unanswered",
    ),
    (
        Kind.LATE_RESPONSE,
        (2500 * MS,),
        "ann answered bob only after 2.500 s: Linux gives up after 2 s",
        "late 2.500s",
    ),
    (Kind.SLOW_CONNECT, (150 * MS,), "ann took 0.150 s to answer bob", "slow 0.150s"),
    (
        Kind.STALL,
        (1203 * MS, 4096, 4096, Blame.NOT_READING, 1),
        f"ann could not send for 1.203 s: bob did not read, or did not say so {UNDER_WAY}",
        "stalled 1.203s",
    ),
    (
        Kind.STALL,
        (12 * MS, 4096, 4096, Blame.NO_UPDATE, 1),
        f"ann could not send for 0.012 s: bob had read, but did not say so {UNDER_WAY}",
        "stalled 0.012s",
    ),
    (
        Kind.STALL,
        (9 * S, 4096, 4096, Blame.REQUEST_UNANSWERED, 0),
        f"ann could not send for the last 9.000 s: bob did not answer a CREDIT_REQUEST {UNDER_WAY}",
        "stalled 9.000s",
    ),
    (
        Kind.OVERRUN,
        (5000, 4096, 904),
        "ann sent 904 bytes more than bob has room for (5000 under way, 4096 allowed)",
        "overrun 904",
    ),
    (
        Kind.FWD_CNT_AHEAD,
        (101, 100, 1),
        "ann says it has read 101 bytes, 1 more than bob has sent",
        "fwd_cnt ahead 1",
    ),
    (
        Kind.FWD_CNT_BACK,
        (100, 40),
        "ann had read 100 bytes and now says 40: its count went back",
        "fwd_cnt back",
    ),
    (
        Kind.BUF_SHRUNK,
        (262144, 4096, 100_000),
        "ann made its buffer smaller, from 262144 to 4096 bytes, while 100000 were under way to it",
        "buffer shrunk to 4096",
    ),
    (
        Kind.PACKET_CEILING,
        (456, 455, 262144),
        "ann has 456 packets to read: some kernels since 6.12.94 take only 455 with a"
        " buffer of 262144, and then reset",
        "456 packets unread",
    ),
    (Kind.RESET, (Reset.ABORT, 0, S), f"{RESET_BY} without closing it", "reset: abort"),
    (
        Kind.RESET,
        (Reset.MID_BURST, 1, S),
        f"{RESET_BY} with 1 byte to it under way",
        "reset: mid burst",
    ),
    (
        Kind.RESET,
        (Reset.OVERFLOW, 5000, S),
        f"{RESET_BY} because bob had sent more than it takes (5000 bytes under way)",
        "reset: overflow",
    ),
    (
        Kind.RESET,
        (Reset.NO_SOCKET, 0, S),
        f"{RESET_BY}: it has no such socket (any more)",
        "reset: no socket",
    ),
    (
        Kind.RESET,
        (Reset.STALE, 0, S),
        "ann reset this connection with an RST meant for the one before it",
        "reset: stale",
    ),
    (
        Kind.HALF_CLOSE_IGNORED,
        (10, 300 * MS),
        "ann sent 10 bytes 0.300 s after bob had said that it receives no more",
        "half close ignored",
    ),
    (
        Kind.SHUTDOWN_UNANSWERED,
        (8 * S,),
        "bob has not answered ann's SHUTDOWN for 8.000 s: Linux resets after 8 s",
        "shutdown unanswered",
    ),
    (
        Kind.DATA_AFTER_SHUTDOWN,
        (10, 300 * MS),
        "ann sent 10 bytes 0.300 s after it had said that it sends no more",
        "data after shutdown",
    ),
    (
        Kind.UNREAD_CLOSE,
        (5000,),
        "ann closed without reading the last 5000 bytes of bob, which was told nothing",
        "5000 unread",
    ),
    (
        Kind.MESSAGE_UNFINISHED,
        (1,),
        "ann did not end its last message, of 1 byte so far",
        "message unfinished",
    ),
    (
        Kind.MESSAGE_TOO_LARGE,
        (300_000, 262144),
        "ann sent a message of more than 262144 bytes, all the room that bob has",
        "message too large",
    ),
    (
        Kind.UPDATE_STORM,
        (65, 1, 5000),
        "ann sent 65 CREDIT_UPDATEs for 1 packet of data (5000 bytes)",
        "update storm",
    ),
    (
        Kind.TUPLE_REUSE,
        (2, 3 * MS, 1),
        "ann used its port again 3.000 ms after connection 2 was closed",
        "reuse",
    ),
    (
        Kind.TUPLE_REUSE,
        (2, 3 * MS, 0),
        "ann began anew with bob although nobody had closed connection 2",
        "reuse",
    ),
    (
        Kind.MISMATCH,
        (),
        "a packet of ann contradicts itself in its addresses or op: no Linux kernel sends that",
        "",
    ),
    (
        Kind.GAP,
        (100_000,),
        "100000 bytes from ann to bob are missing from the capture, although bob got them",
        "gap 100000",
    ),
    *(
        (
            Kind.KERNEL_DEFECT,
            (defect,),
            f"the kernel put too many bytes into frames (defect {defect.name}); the right ones"
            " were taken",
            "",
        )
        for defect in (Defect.A, Defect.A1, Defect.A2)
    ),
    (
        Kind.KERNEL_DEFECT,
        (Defect.B,),
        "the payload of large packets may be the kernel's memory, not what was sent",
        "",
    ),
    (
        Kind.CREDIT_REQUEST_UNANSWERED,
        (1500 * MS,),
        "bob has not answered ann's CREDIT_REQUEST for 1.500 s",
        "credit request unanswered",
    ),
]


@pytest.mark.parametrize(("kind", "numbers", "text", "mark"), TABLE)
def test_its_words(kind: Kind, numbers: tuple[int, ...], text: str, mark: str) -> None:
    assert event(kind, *numbers).text(name) == text
    assert event(kind, *numbers).mark == mark


@pytest.mark.parametrize(("kind", "numbers", "text", "mark"), TABLE)
def test_the_other_side_has_the_same_words(
    kind: Kind, numbers: tuple[int, ...], text: str, mark: str
) -> None:
    other = event(kind, *numbers, actor=1)
    assert other.text(name) == re.sub("ann|bob", lambda m: SWAPPED[m[0]], text)
    assert other.mark == mark


def test_every_kind_and_every_number_of_an_enum_has_words() -> None:
    assert list(NUMBERS) == list(Kind)
    assert {kind for kind, *_ in TABLE} == set(Kind)
    for named, enum in (("blame", Blame), ("reset", Reset), ("defect", Defect)):
        said = {event(kind, *n).values[named] for kind, n, *_ in TABLE if named in NUMBERS[kind]}
        assert said == set(enum)


@pytest.mark.parametrize("kind", Kind)
def test_names_of_numbers(kind: Kind) -> None:
    names = NUMBERS[kind]
    assert len(set(names)) == len(names)
    assert event(kind, *range(len(names))).values == {n: i for i, n in enumerate(names)}
    with pytest.raises(ValueError, match="zip"):
        _ = event(kind, *range(len(names) + 1)).values


@pytest.mark.parametrize(
    ("doubt", "confidence"),
    [
        (Doubt.NONE, Confidence.SURE),
        (Doubt.GUESS, Confidence.LIKELY),
        (Doubt.MID_STREAM, Confidence.LIKELY),
        (Doubt.GAP, Confidence.UNSURE),
        (Doubt.LOSS, Confidence.UNSURE),
    ],
)
def test_a_doubt_lowers_the_confidence(doubt: Doubt, confidence: Confidence) -> None:
    assert event(Kind.MISMATCH, doubt=doubt).confidence is confidence
    assert list(DOUBTS) == list(Doubt)
    assert bool(DOUBTS[doubt]) == (confidence is not Confidence.SURE)


def test_a_sentence_says_what_is_in_doubt() -> None:
    sure = event(Kind.UNREAD_CLOSE, 5000).text(name)
    doubted = event(Kind.UNREAD_CLOSE, 5000, doubt=Doubt.GUESS).text(name)
    assert doubted == f"{sure} (likely: the packets allow another explanation)"


@pytest.mark.parametrize(
    ("ns", "words"),
    [
        (0, "0.000 ms"),
        (999, "0.001 ms"),
        (9_999_000, "9.999 ms"),
        (10_000_000, "0.010 s"),
        (S, "1.000 s"),
        (3600 * S, "3600.000 s"),
    ],
)
def test_seconds(ns: int, words: str) -> None:
    assert events.seconds(ns) == words
