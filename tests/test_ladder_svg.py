"""The diagram as SVG: whole, harmless whatever it is given, and all of it on the page."""

import re
from collections.abc import Sequence
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vsockdump.events import Event
from vsockdump.ladder_svg import ENDS, draw
from vsockdump.rungs import Row

from . import test_ladder_text
from .conversation import Talk
from .test_ladder_text import ROWS
from .test_rungs import gather
from .test_steps import sentence, stalled

SPACE = "{http://www.w3.org/2000/svg}"
ELEMENTS = {"svg", "title", "style", "rect", "text", "line", "path", "g"}
ATTRIBUTES = {
    *("viewBox", "width", "height", "role", "class", "rx", "d"),
    *("x", "y", "x1", "y1", "x2", "y2"),
}
HOSTILE = (
    "</text><script>alert(1)</script>",
    '" onload="alert(1)',
    "<image href='http://x'/>",
    "&xxe; ]]> <!--",
    "\x00\x1b[31m\ud800\ufffe\u202e",
    "x" * 500,
)


def name(cid: int, port: int) -> str:
    return f"{cid}:{port}"


def svg(talk: Talk, left_out: str = "") -> str:
    rungs = gather(talk, ends=ENDS)
    return draw(rungs.ends, rungs.rows, name, "a title", left_out)


def parse(text: str) -> list[ElementTree.Element]:
    """Return all elements of a drawing, which has none but those known to be harmless."""
    found = list(ElementTree.fromstring(text.encode()).iter())
    for one in found:
        assert one.tag.removeprefix(SPACE) in ELEMENTS
        assert set(one.attrib) <= ATTRIBUTES
    return found


def texts(found: Sequence[ElementTree.Element]) -> list[str]:
    return [one.text or "" for one in found if one.tag == f"{SPACE}text"]


def test_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Event, "text", sentence)
    said = texts(parse(svg(stalled(), "2 more packets")))
    assert said[:4] == ["a title", "3:1024", "2:1234", "4:9"]
    assert said[4:8] == ["1", "0.000000", "+0.000000", "REQUEST stream, buf 100000"]
    assert "STALL of 3:1024 and 2:1234, in more words than a narrow line has room for" in said
    assert any(text.startswith("problem: UNANSWERED of 4:9 and 2:1234,") for text in said)
    assert "4.000 s without a packet" in said
    assert said[-1] == "2 more packets"


def test_an_arrow_says_its_packets_to_who_points_at_it() -> None:
    found = parse(svg(Talk().open().rw("src", 1).rw("src", 2)))
    titles = [one.text for one in found if one.tag == f"{SPACE}title"]
    assert titles == [
        *("a title", "packet 1, connection 1", "packet 2, connection 1"),
        "packet 3 to 4, connection 1",
    ]


def test_arrows_point_where_packets_go() -> None:
    found = parse(svg(Talk().open()))
    heads = [one.attrib["d"] for one in found if one.tag == f"{SPACE}path"]
    rails = [int(one.attrib["x1"]) for one in found if one.attrib.get("class") == "rail"]
    there, back = (re.match(r"M(\d+) \d+l(-?)9 ", head) for head in heads)
    assert there is not None
    assert back is not None
    assert (int(there[1]), there[2]) == (rails[1], "-")  # its base lies to the left
    assert (int(back[1]), back[2]) == (rails[0], "")


def test_names_stand_below_a_long_diagram_too() -> None:
    talk = Talk().open()
    for _ in range(20):
        talk.rw("src", 1).rw("dst", 1)
    assert texts(parse(svg(talk))).count("3:1024") == 2
    assert texts(parse(svg(stalled()))).count("3:1024") == 1


def test_light_and_dark_and_light_on_paper() -> None:
    assert "@media screen and (prefers-color-scheme: dark) {" in svg(Talk().request())


@pytest.mark.parametrize("hostile", HOSTILE)
def test_nothing_hostile_gets_in(hostile: str) -> None:
    rungs = gather(stalled(), ends=ENDS)
    text = draw(rungs.ends, rungs.rows, lambda cid, port: hostile, hostile, hostile)
    assert "<script" not in text
    parse(text)


@given(
    st.lists(ROWS, max_size=9),
    st.lists(st.text(st.characters(codec=None)), min_size=8, max_size=8),
    st.integers(3, ENDS),
    st.text(),
)
def test_any_rows_and_names(rows: list[Row], names: list[str], count: int, title: str) -> None:
    ends = test_ladder_text.ENDS[:count]
    text = draw(ends, rows, lambda cid, port: names[cid - 1], title, title)
    found = parse(text)
    assert not re.search(r"href|url\(|javascript|@import|&(?!amp;|lt;|gt;|quot;|#x27;)", text)
    width, height = (int(found[0].attrib[one]) for one in ("width", "height"))
    for one in found:
        assert 0 <= int(one.attrib.get("x", 0)) <= width
        assert all(0 <= int(one.attrib.get(key, 0)) <= width for key in ("x1", "x2"))
        assert all(0 <= int(one.attrib.get(key, 0)) <= height for key in ("y", "y1", "y2"))


@given(st.lists(ROWS, max_size=9), st.text("a", min_size=1, max_size=99))
def test_no_text_is_wider_than_its_place(rows: list[Row], called: str) -> None:
    ends = test_ladder_text.ENDS[:3]
    found = parse(draw(ends, rows, lambda cid, port: called, "title"))
    width = int(found[0].attrib["width"])
    for one in found:
        if one.tag == f"{SPACE}text" and "right" not in one.attrib["class"]:
            half = "middle" in one.attrib["class"]
            wide = len(one.text or "") * 7.25 * (0.5 if half else 1)
            assert int(one.attrib["x"]) + wide <= width + 1
            assert not half or int(one.attrib["x"]) - wide >= 0
