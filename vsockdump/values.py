"""Values as scripts read them: CSV's texts and JSON, exact to the nanosecond."""

import json
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Generic, NamedTuple, TypeVar

from vsockdump.columns import iso
from vsockdump.messages import printable

Value = int | float | str | list[int] | None
Member = tuple[str, str, Value]
"""Of a JSON object: name, type, value."""

T = TypeVar("T")


class Field(NamedTuple, Generic[T]):
    """One thing to know of something; the value is None where it is unknown or does not apply.

    `type` is int, float, bool, str, list, time or seconds: the last two are nanoseconds, since 1970
    and long.
    """

    name: str
    type: str
    unit: str
    value: Callable[[T], Value]


def seconds(ns: int) -> str:
    """Return nanoseconds as seconds, to the last of them."""
    sign = "-" if ns < 0 else ""
    whole, rest = divmod(abs(ns), 1_000_000_000)
    return f"{sign}{whole}.{rest:09d}"


_TEXTS: dict[str, Callable[..., str]] = {
    "int": str,
    "float": lambda number: f"{number:.3f}",
    "bool": lambda truth: "true" if truth else "false",
    "str": printable,
    "list": lambda numbers: " ".join(map(str, numbers)),
    "time": iso,
    "seconds": seconds,
}


def as_text(kind: str, value: Value) -> str:
    """Return a value of a type as CSV has it; nothing for None."""
    return "" if value is None else _TEXTS[kind](value)


@lru_cache(maxsize=256)
def _quoted(text: str) -> str:
    """Encode a text: most are words that come again and again."""
    return json.dumps(text)


_JSON: dict[str, Callable[..., str]] = {
    **_TEXTS,
    "str": _quoted,
    "list": json.dumps,
    "time": lambda ns: f'"{iso(ns)}"',
}


def as_json(kind: str, value: Value) -> str:
    """Return a value of a type in JSON; a number of seconds has nine decimals."""
    return "null" if value is None else _JSON[kind](value)


def json_object(members: Iterable[Member]) -> str:
    """Return one object, in a line."""
    pairs = [f"{_quoted(name)}:{as_json(kind, value)}" for name, kind, value in members]
    return f"{{{','.join(pairs)}}}"
