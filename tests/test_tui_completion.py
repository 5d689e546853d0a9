"""Every word that is offered is one the language knows there."""

from __future__ import annotations

import pytest

from vsockdump.filters.language import parse
from vsockdump.filters.tokens import FilterError
from vsockdump.tui.completion import common, complete, sentence


@pytest.mark.parametrize(
    ("text", "offered"),
    [
        ("por", ["port"]),
        ("verdict sta", ["verdict stalled"]),
        ("op re", ["op request", "op response"]),
        ("port 50 a", ["port 50 and"]),
        ("port 50 and verd", ["port 50 and verdict"]),
        ("not prob", ["not problem"]),
        ("shutdown s", ["shutdown send"]),
        ("payload c", ["payload contains"]),
        ("(op rw or op rs", ["(op rw or op rst"]),
        ("op == r", ["op == request", "op == response", "op == rst", "op == rw"]),
        ("nonsense_", []),
        ("port 180", []),
        ("port 180 ", ["port 180 and", "port 180 or"]),
    ],
)
def test_what_may_follow(text: str, offered: list[str]) -> None:
    assert complete(text) == offered


@pytest.mark.parametrize("head", ["", "op ", "verdict ", "event ", "state ", "flags ", "type "])
def test_what_is_offered_is_right_or_only_the_beginning(head: str) -> None:
    offered = complete(head)
    assert offered
    for text in offered:
        try:
            parse(text)
        except FilterError as error:
            assert error.at == len(text) or not head, text  # what is missing stands behind it


@pytest.mark.parametrize(
    ("choices", "start"), [(["abc", "abd"], "ab"), (["abc"], "abc"), (["ab", "abc"], "ab")]
)
def test_what_they_have_in_common(choices: list[str], start: str) -> None:
    assert common(choices) == start


def test_the_sentence_is_the_errors_alone() -> None:
    with pytest.raises(FilterError) as caught:
        parse("port port")
    assert not sentence(caught.value).startswith("filter")
