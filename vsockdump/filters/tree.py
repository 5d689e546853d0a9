"""The tree that an expression is: terms under and, or and not. `str` prints it back.

A term is true or false of a packet. One about a header or byte that a frame does not have is
false, and its negation true. A field of both sides is compared as either of them.
"""

from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

from .fields import BY_NAME

Range = tuple[int, int]
"""The first value and the last."""


class Number(NamedTuple):
    """A constant."""

    value: int

    def __str__(self) -> str:
        return str(self.value)


class Text(NamedTuple):
    """Bytes that stand in quotes."""

    value: bytes

    def __str__(self) -> str:
        return quoted(self.value)


class Name(NamedTuple):
    """A field's value."""

    name: str

    def __str__(self) -> str:
        return self.name


class Load(NamedTuple):
    """Bytes of a frame, from its monitor header on ("link"), or of its payload ("data").

    As a number they are big-endian, and 1, 2 or 4 of them.
    """

    base: str
    offset: int
    size: int

    def __str__(self) -> str:
        return f"{self.base}[{self.offset}:{self.size}]"


class Sum(NamedTuple):
    """Two values of 32 bits, reckoned modulo 2^32."""

    op: str  # + - * / % & | ^ << >>
    left: "Value"
    right: "Value"

    def __str__(self) -> str:
        return f"({self.left} {self.op} {self.right})"


Value: TypeAlias = Number | Text | Name | Load | Sum


class Relation(NamedTuple):
    """Two values compared; both have to be there. A constant is at the right."""

    op: str  # == != < <= > >=
    left: Value
    right: Value

    def __str__(self) -> str:
        return f"{self.left} {self.op} {self.right}"


class Member(NamedTuple):
    """A field's value is one of these, which are in order."""

    field: str
    ranges: tuple[Range, ...]

    def __str__(self) -> str:
        words = {value: word for word, value in BY_NAME[self.field].names.items()}
        values = [_range(first, last, words) for first, last in self.ranges]
        if len(values) == 1:
            return f"{self.field} {values[0]}"
        return f"{self.field} in {{{', '.join(values)}}}"


class Present(NamedTuple):
    """The packet has the header, or the connection, that the field is of."""

    field: str

    def __str__(self) -> str:
        return f"has {self.field}"


class Endpoint(NamedTuple):
    """One end of a connection; None is any. `side` is src, dst, or empty for either."""

    side: str
    cid: int | None
    port: int | None

    def __str__(self) -> str:
        cid, port = ("*" if part is None else part for part in (self.cid, self.port))
        return f"{self.side} {cid}:{port}".lstrip()


class Pair(NamedTuple):
    """The two ends of a connection, in any order."""

    one: Endpoint
    other: Endpoint

    def __str__(self) -> str:
        return f"pair {self.one} {self.other}"


class Word(NamedTuple):
    """A word that stands for an expression, or that only the tracker can tell."""

    name: str

    def __str__(self) -> str:
        return self.name


class Search(NamedTuple):
    """Bytes in a text: `contains` them, `matches` a regular expression, `is` just that.

    A regular expression is printable ASCII.
    """

    subject: str
    how: str
    text: bytes

    def __str__(self) -> str:
        if self.how == "is":
            return f"{self.subject} == {quoted(self.text)}"
        if self.how == "matches":
            return f"{self.subject} matches /{self.text.decode().replace('/', _SLASH)}/"
        return f"{self.subject} {self.how} {quoted(self.text)}"


class Not(NamedTuple):
    """The other packets."""

    part: "Tree"

    def __str__(self) -> str:
        return f"not {_in_parentheses(self.part)}"


class And(NamedTuple):
    """All parts are true; none: everything."""

    parts: tuple["Tree", ...]

    def __str__(self) -> str:
        return " and ".join(map(_in_parentheses, self.parts))


class Or(NamedTuple):
    """At least one part is true."""

    parts: tuple["Tree", ...]

    def __str__(self) -> str:
        return " or ".join(map(_in_parentheses, self.parts))


Term: TypeAlias = Relation | Member | Present | Endpoint | Pair | Word | Search
Tree: TypeAlias = Term | Not | And | Or

_SLASH = r"\/"  # a slash between slashes

EVERYTHING = And(())


def joined(kind: type[And] | type[Or], left: Tree, right: Tree) -> Tree:
    """Return both under one node, without another of its kind right below."""
    parts = [part.parts if isinstance(part, kind) else (part,) for part in (left, right)]
    return kind((*parts[0], *parts[1]))


def depth(part: Tree | Value) -> int:
    """Return how many parentheses and negations stand inside each other when it is printed."""
    match part:
        case Sum(_, left, right):
            return 1 + max(depth(left), depth(right))
        case Relation(_, left, right):
            return max(depth(left), depth(right))
        case Not(inner):
            return 1 + _inside(inner)
        case And(parts) | Or(parts):
            return max(map(_inside, parts), default=0)
    return 0


def _inside(part: Tree) -> int:
    return depth(part) + isinstance(part, And | Or)


def member(field: str, ranges: list[Range]) -> Member:
    """Return the term with its ranges in order, those that touch made one, but for named values."""
    found = sorted(ranges) if BY_NAME[field].names else disjoint(ranges)
    return Member(field, tuple(dict.fromkeys(found)))


def disjoint(ranges: Iterable[Range]) -> list[Range]:
    """Return ranges in order, those that touch made one."""
    found: list[Range] = []
    for first, last in sorted(ranges):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(last, found[-1][1]))
        else:
            found.append((first, last))
    return found


def quoted(text: bytes) -> str:
    r"""Return bytes as they stand in an expression: "GET \x00"."""
    return f'"{"".join(map(_character, text))}"'


def _character(byte: int) -> str:
    if byte in b'"\\':
        return f"\\{byte:c}"
    return chr(byte) if 0x20 <= byte < 0x7F else f"\\x{byte:02x}"


def _range(first: int, last: int, words: dict[int, str]) -> str:
    if first == last:
        return words.get(first) or str(first)
    return f"{first}-{last}"


def _in_parentheses(part: Tree) -> str:
    return f"({part})" if isinstance(part, And | Or) else str(part)
