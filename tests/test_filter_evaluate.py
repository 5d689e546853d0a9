"""Which packets of a capture match: terms that frames tell, and terms that they do not."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import captures
from tests.conversation import Packet, Talk, batches
from tests.frames import RST, RW, Ends, frame
from tests.talks import hello, stalled
from vsockdump import pipeline
from vsockdump.filters.evaluate import Choice, Connections
from vsockdump.filters.followed import Followed
from vsockdump.filters.language import parse
from vsockdump.remembered import Ends as Tuple
from vsockdump.remembered import Known
from vsockdump.sources.owners import Process


def capture() -> Talk:
    """Seven packets of a connection without a problem, twelve of one that stalls."""
    return hello(on=stalled(), port=2048)


STALLED = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]
HELLO = [13, 14, 15, 16, 17, 18, 19]
LEFT = [n for n in STALLED if n != 7]


def numbers(
    expression: str, talk: Talk, *, twice: bool = True, cuts: Sequence[int] = ()
) -> list[int]:
    """Return the numbers of the packets that match."""
    followed = Followed(1000, known(talk))
    choice = Choice(parse(expression), followed)
    if twice:
        followed.learn(batches(talk.packets, cuts=cuts))
    return taken([choice], followed, talk, cuts)


def taken(
    choices: Sequence[pipeline.Choice], followed: Followed, talk: Talk, cuts: Sequence[int] = ()
) -> list[int]:
    """Return the numbers of the packets that are chosen by one after the other."""
    found: list[int] = []
    for batch in batches(talk.packets, cuts=cuts):
        followed.feed(batch)
        for choice in choices:
            batch.select(choice(batch))
        found += [batch.number(row) for row in range(batch.count)]
    return found


def known(talk: Talk) -> Known:
    found = Known()
    start = captures.START + talk.packets[12].time if len(talk.packets) > 12 else 0
    pair = (Process(812, "python3"), None)
    found.put(Tuple(3, 2048, 2, 1234), start, pair)
    return found


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("", STALLED + HELLO),
        ("port 2048", HELLO),
        ("not port 2048", STALLED),
        ("number 3-5", [3, 4, 5]),
        ("number in {18, 2-9, 4, 6-7, 12-13}", [2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 18]),
        ("verdict in {sf, 0-1}", HELLO),
        ("time_ns < 1700000000000150000", [1, 2]),
        ("number > 17 or number != 1 and number < 3", [2]),
        ("number > 17 or (number != 1 and number < 3)", [2, 18, 19]),
        ("flow 2", HELLO),
        ("flow 1 and op rw", [3, 4, 5, 6, 8]),
        ("verdict stalled", STALLED),
        ("verdict sf", HELLO),
        ("verdict in {rej, gap}", []),
        ("state closed", STALLED + HELLO),
        ("problem", STALLED),
        ("not problem", HELLO),
        ("event stall", [7]),
        ("has event", [7]),
        ("stalled", [6, 7]),
        ("free 0", [6]),
        ("free < 262144 and port 2048", [15]),
        ("process python3", HELLO),
        ('process contains "thon"', HELLO),
        ("process matches /^py/", HELLO),
        ("process python", []),
        ("pid 812", HELLO),
        ("pid != 812", []),
        ("payload_len 13", [15]),
        ("has flow", STALLED + HELLO),
        ("op rw or (stalled and not event stall)", [3, 4, 5, 6, 8, 15]),
    ],
)
def test_terms(expression: str, expected: list[int]) -> None:
    assert numbers(expression, capture()) == expected
    assert numbers(expression, capture(), cuts=[1, 2, 6, 7, 13, 15]) == expected


def test_what_is_known_so_far() -> None:
    """Without a first pass a connection is what it was when the batch ended."""
    assert numbers("verdict stalled", capture(), twice=False, cuts=[6]) == STALLED[6:]
    assert numbers("problem", capture(), twice=False, cuts=range(1, 12)) == STALLED[6:]
    assert numbers("flow 2", capture(), twice=False, cuts=[14]) == HELLO


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("op rw and port 2048", HELLO),
        ("event stall", STALLED),
        ("number 3 or number 19", STALLED + HELLO),
        ("verdict stalled and op rst", STALLED),
        ("port 5", []),
    ],
)
@pytest.mark.parametrize("cuts", [[], [3, 14]])
def test_connections_of_which_any_packet_matches(
    expression: str, expected: list[int], cuts: list[int]
) -> None:
    talk = capture()
    followed = Followed(1000)
    choice = Connections(parse(expression), followed)
    followed.learn(batches(talk.packets, cuts=cuts))
    choice.learn(batches(talk.packets, cuts=cuts))
    assert taken([choice], followed, talk, cuts) == expected
    followed.begin()
    assert taken([choice], followed, talk) == expected


@pytest.mark.parametrize("first", ["op rw", "number > 4", "op credit_update|rw and cid 2"])
@pytest.mark.parametrize("then", ["free 0", "event stall", "flow 2", "verdict stalled", "stalled"])
def test_what_was_left_out_is_known(first: str, then: str) -> None:
    talk, followed = capture(), Followed(1000)
    choices = [Choice(parse(one), followed) for one in (first, then)]
    both = set(numbers(first, talk)) & set(numbers(then, talk))
    followed.learn(batches(talk.packets))
    assert taken(choices, followed, talk, cuts=[5]) == sorted(both)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('payload contains "GET"', [3]),
        ('payload contains "\\x00"', [4]),
        ('payload == "GET /"', [3]),
        ("payload matches /^G.T/", [3]),
        ("payload matches /\\x00$/", [4]),
        ("payload matches /./", [3, 4]),
        ("not payload matches /./ and op rw", []),
        ('notes contains "odd flags"', [5]),
        ('notes == "x"', []),
        ("notes matches /odd|cut/", [5]),
    ],
)
def test_texts(expression: str, expected: list[int]) -> None:
    talk = Talk().open().raw(frame(RW, b"GET /")).raw(frame(RW, b"a\n\0"))
    assert numbers(expression, talk.raw(frame(RST, flags=8))) == expected


def test_every_link_type_has_its_program() -> None:
    one = frame(RW, b"x", ends=Ends(src_port=22))
    sll, sll2 = b"\0\4\3\x3a" + bytes(12), bytes(8) + b"\3\x3a\4\0" + bytes(8)
    frames = [(271, one), (113, sll + one), (276, sll2 + one), (1, one), (113, bytes(16) + one)]
    packets = [
        Packet(0, frame, len(frame), interface) for interface, (_, frame) in enumerate(frames)
    ]

    def chosen(expression: str) -> list[int]:
        choice = Choice(parse(expression))
        found = [choice(batch) for batch in batches(packets, [linktype for linktype, _ in frames])]
        return [interface for interface, is_taken in enumerate(b"".join(found)) if is_taken]

    frames += [(linktype, one) for linktype in range(1000, 1030)]
    packets += [Packet(0, one, len(one), interface) for interface in range(5, 35)]
    assert chosen("port 22") == [0, 1, 2]
    assert chosen("not port 22") == [3, 4, *range(5, 35)]
    assert chosen("wire_len > 92") == [1, 2, 4]
    assert chosen("link[0] = 3") == [0, 1, 2]


TERMS = ["op rw", "stalled", "number > 9", "port 2048", "free > 0", "problem", "wire_len > 99"]
SINGLE = {term: set(numbers(term, capture())) for term in TERMS}


@given(st.recursive(
    st.sampled_from(TERMS).map(lambda term: (term, SINGLE[term])),
    lambda parts: st.one_of(
        parts.map(lambda p: (f"not ({p[0]})", set(STALLED + HELLO) - p[1])),
        st.tuples(parts, parts).map(lambda p: (f"({p[0][0]}) and ({p[1][0]})", p[0][1] & p[1][1])),
        st.tuples(parts, parts).map(lambda p: (f"({p[0][0]}) or ({p[1][0]})", p[0][1] | p[1][1])),
    ),
    max_leaves=6,
))  # fmt: skip
def test_terms_together(expected: tuple[str, set[int]]) -> None:
    assert set(numbers(expected[0], capture())) == expected[1]
