"""Lines on standard output: bare in a pipe, coloured on a terminal, no import when it matters."""

import sys

import pytest

from vsockdump import paint
from vsockdump.paint import NARROWEST, SHADE, Line, Painter

from .command import run

KINDS = tuple(paint._STYLES)


def be_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.delenv("NO_COLOR", raising=False)


def test_a_pipe_gets_the_text_alone(capsys: pytest.CaptureFixture[str]) -> None:
    painter = Painter()
    painter.put(Line(f"{kind} [b]x[/b]", kind) for kind in KINDS)
    assert not painter.coloured
    assert capsys.readouterr().out == "".join(f"{kind} [b]x[/b]\n" for kind in KINDS)


def test_a_terminal_gets_colours(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    be_terminal(monkeypatch)
    Painter().put([Line("plain"), Line("[b]", "head"), Line("stop", "stall"), Line("x" * 50)])
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "plain"
    assert out[1] == "\x1b[1m[b]\x1b[0m"
    assert f"mstop{' ' * 16}\x1b[0m" in out[2]  # coloured to the edge
    assert out[3:] == ["x" * 50]  # the terminal breaks it, or its user widens it


def test_a_plot_is_coloured_where_it_is_shaded(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    be_terminal(monkeypatch)
    Painter().put([Line(f"ab{SHADE}c", "plot")])
    assert capsys.readouterr().out == f"ab\x1b[31m{SHADE}\x1b[0mc\n"


ALONE = """
import io, sys

class Terminal(io.StringIO):
    def isatty(self): return True

sys.stdout = Terminal()
from vsockdump import paint
painter = paint.Painter()
before = set(sys.modules)
painter.put(paint.Line(f"\u00e9 \u65e5 {paint.SHADE} {kind}", kind) for kind in paint._STYLES)
sys.exit(" ".join(set(sys.modules) - before) or 0)
"""


def test_nothing_is_imported_once_it_is_there() -> None:
    result = run(sys.executable, "-c", ALONE)
    assert (result.returncode, result.stderr) == (0, b"")


@pytest.mark.parametrize(("columns", "width"), [("200", 200), ("100", 100), ("20", NARROWEST)])
def test_width(columns: str, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert paint.width() == width
