"""An expression's text to its tokens, and what is said of one that is wrong."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from vsockdump.errors import UsageError
from vsockdump.messages import printable

_WIDTH, _BEFORE, _BEHIND = 76, 44, 24  # of a line, and at the most around what is wrong


class FilterError(UsageError):
    """An expression that is none: what is wrong, the expression, and where in it."""

    def __init__(self, text: str, at: int, what: str) -> None:
        """Point at the character `at` of `text`."""
        start = text.rfind("\n", 0, at) + 1
        line = text[start:].partition("\n")[0]
        before, behind = line[: at - start], line[at - start :]
        if len(line) > _WIDTH:  # a terminal would wrap it, and the caret point elsewhere
            before = before if len(before) <= _BEFORE else f"...{before[-_BEFORE:]}"
            behind = behind if len(behind) <= _BEHIND else f"{behind[:_BEHIND]}..."
        super().__init__(f"filter: {what}")
        self.at = at
        shown = printable(before)
        self.below = (f"  {shown}{printable(behind)}", f"  {' ' * len(shown)}^")


class Token(NamedTuple):
    """A piece of the text: a number, name, string, pattern, sign, or the end."""

    kind: str
    text: str
    at: int

    @property
    def end(self) -> int:
        """Where the next may begin."""
        return self.at + len(self.text)


_BLANK = r"(?:\s|\#[^\n]*+(?:\n|\Z))*+"  # what follows a # is a comment, to the end of the line
_TOKEN = re.compile(
    _BLANK
    + r"""(?:
    (?P<number>0[xX][0-9a-fA-F]+|[0-9]+)
    |(?P<name>[A-Za-z_][\w.]*(?:-[A-Za-z_][\w.]*)*)
    |(?P<string>"(?:[^"\\]|\\.)*")
    |(?P<sign>\.\.|&&|\|\||==|!=|<>|<=|>=|<<|>>|[][(){}:,=!<>&|^+*/%~-])
    |(?P<end>$)
    )""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_PATTERN = re.compile(_BLANK + r"(?P<pattern>/(?:[^/\\]|\\.)*/)", re.DOTALL | re.ASCII)
_BYTES = re.compile(r"[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2})+(?![\w.:])", re.ASCII)
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|.)", re.DOTALL)
_BLANKS = re.compile(_BLANK, re.ASCII)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "0": "\0"}


def tokens(text: str) -> list[Token]:
    """Return all tokens, the end last; raises FilterError."""
    try:
        _utf8(text)
    except UnicodeEncodeError as error:
        raise FilterError(text, error.start, f"{text[error.start]!r} is no character") from error
    found = [_next(text, 0, "")]
    while found[-1].kind != "end":
        found.append(_next(text, found[-1].end, found[-1].text))
    return found


def _next(text: str, at: int, before: str) -> Token:
    match = (_PATTERN if before in ("matches", "~") else _TOKEN).match(text, at)
    match = match or _TOKEN.match(text, at)
    if match is None or match.lastgroup is None:
        raise _unreadable(text, at)
    return Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup))


def _unreadable(text: str, at: int) -> FilterError:
    if blanks := _BLANKS.match(text, at):
        at = blanks.end()
    if text[at] == '"':
        return FilterError(text, at, "the quotes are never closed")
    return FilterError(text, at, f"{text[at]!r} means nothing here")


def hex_bytes(text: str, at: int) -> tuple[bytes, int] | None:
    """Return bytes that stand there as 50:52:49, and where they end; None if none do."""
    match = _BYTES.match(text, at)
    return match and (bytes.fromhex(match[0].replace(":", "")), match.end())


def unquoted(text: str) -> bytes:
    r"""Return what stands between quotes: \xHH is a byte, \n \r \t \0 are what they are in C.

    Any other character is itself, also after a \, in UTF-8.
    """
    parts, at, plain = [], 0, text[1:-1]
    for found in _ESCAPE.finditer(plain):
        parts += [_utf8(plain[at : found.start()]), _escaped(found[1])]
        at = found.end()
    return b"".join([*parts, _utf8(plain[at:])])


def _escaped(text: str) -> bytes:
    return bytes.fromhex(text[1:]) if len(text) == 3 else _utf8(_ESCAPES.get(text, text))


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")  # a command line may be any bytes


def near(word: str, known: Iterable[str]) -> str:
    """Return a hint at a known word much like this one; empty if there is none."""
    import difflib  # noqa: PLC0415 - only for what is wrong

    found = difflib.get_close_matches(word, list(known), 1)
    return f"; do you mean {found[0]}?" if found else ""
