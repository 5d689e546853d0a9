"""Who decides what of an expression."""

import pytest

from vsockdump.filters.language import parse
from vsockdump.filters.plan import follows, in_frame, keeps_whole, names_processes, split
from vsockdump.filters.tree import EVERYTHING


@pytest.mark.parametrize(
    ("expression", "kernel", "rest"),
    [
        ("", "", ""),
        ("cid 3 and op rw", "cid 3 and op rw", ""),
        ("op rw or cid 3", "op rw or cid 3", ""),
        ('op rw and payload contains "x"', "op rw", 'payload contains "x"'),
        ('op rw or payload contains "x"', "", 'op rw or payload contains "x"'),
        ("not number 3", "", "not number 3"),
        # Connections are followed of what the kernel leaves: it must leave them whole.
        ("op rw and cid 3 and stalled", "cid 3", "op rw and stalled"),
        ("src port 3 and flow 1", "", "src_port 3 and flow 1"),
        ("port 3 and not (problem or op rw)", "port 3", "not (problem or op rw)"),
        ("g2h and verdict sf", "", "g2h and verdict sf"),
    ],
)
def test_the_kernel_decides_what_it_can(expression: str, kernel: str, rest: str) -> None:
    plan = split(parse(expression))
    assert (str(plan.kernel), str(plan.rest)) == (kernel, rest)
    assert plan.tree == parse(expression)


def test_connections_that_are_followed_are_left_whole() -> None:
    plan = split(parse("op rw and port 3"), whole=True)
    assert (str(plan.kernel), str(plan.rest)) == ("port 3", "op rw")
    assert split(parse("cid 3"), whole=True).rest == EVERYTHING


@pytest.mark.parametrize(
    ("expression", "frame", "followed"),
    [
        ("link[0] = 1 and data[0:4] != 3", True, False),
        ("sibling and wire_len > 3 and 3:4 and pair 3:4 *:5", True, False),
        ("not flags eom", True, False),
        ("number 3 or cid 3", False, False),
        ("payload_len > 3", False, False),
        ('notes contains "x"', False, False),
        ("free < 3", False, True),
        ("op rw and not (cid 3 or stalled)", False, True),
        ("process x", False, True),
        ("has flow", False, True),
        ("event stall", False, True),
    ],
)
def test_what_has_to_be_known(expression: str, frame: bool, followed: bool) -> None:
    tree = parse(expression)
    assert (in_frame(tree), follows(tree)) == (frame, followed)


@pytest.mark.parametrize(
    ("expression", "whole"),
    [
        ("", True),
        ("cid 3 and port 4 or not 3:4", True),
        ("pair 3:4 5:6 and stream", True),
        ("port > 1023 and cid != 3", True),
        ("loopback or sibling", True),
        ("verdict stalled or problem or process x or pid 3 or flow 4", True),
        ("src cid 3", False),
        ("src 3:4", False),
        ("op rw", False),
        ("g2h", False),
        ("cid 3 and not len 0", False),
        ("stalled", False),
        ("free < 3", False),
        ("port == len", False),
        ("link[0] = 3", False),
        ('payload contains "x"', False),
        ("number 3", False),
        ("has op", False),
    ],
)
def test_what_leaves_connections_whole(expression: str, whole: bool) -> None:
    assert keeps_whole(parse(expression)) == whole


def test_who_asks_for_processes() -> None:
    for expression in ("process x", "op rw and not (cid 3 or pid 4)", "pid > 3"):
        assert names_processes(parse(expression))
    assert not names_processes(parse("op rw and not (cid 3 or flow 4)"))
