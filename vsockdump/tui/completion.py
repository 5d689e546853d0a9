"""What an expression that is being typed may go on with: words of the filter's language."""

import re
from collections.abc import Sequence

from vsockdump.filters import fields, words
from vsockdump.filters.tokens import FilterError

_LAST = re.compile(r"[A-Za-z_][\w.-]*$")
_BEFORE = re.compile(r"([A-Za-z_][\w.]*)\s*(?:[=!<>]=?|in\s*\{[^}]*)?\s*$")

_JOINTS = ("and", "or", "not")
_SIDES = ("src", "dst", "pair", "has")
_TERMS = tuple(
    sorted(
        {field.name for field in fields.FIELDS}
        | {word.split()[0] for word in words.WORDS}
        | set(words.SUBJECTS)
        | set(_SIDES)
    )
)
_SECOND = {
    first: tuple(word.split()[1] for word in words.WORDS if word.startswith(f"{first} "))
    for first in {word.split()[0] for word in words.WORDS if " " in word}
}


def complete(text: str) -> list[str]:
    """Return the texts that `text` may become with one more word, or the rest of one."""
    last = _LAST.search(text)
    begun = last[0] if last else ""
    if not begun and text[-1:].isalnum():
        return []
    head = text[: len(text) - len(begun)]
    return [head + word for word in _next(head) if word.startswith(begun) and word != begun]


def _next(head: str) -> Sequence[str]:
    """Return the words that may stand behind `head`."""
    before = _BEFORE.search(head)
    name = before[1] if before else ""
    if name in _SECOND:
        return _SECOND[name]
    if name in words.SUBJECTS:
        return ("contains", "matches")
    field = fields.find(name) if name and name not in _JOINTS else None
    if field is not None:
        return sorted(field.names)
    begins = name in _JOINTS or head.rstrip()[-1:] in ("", "(", "!", "&", "|")
    return _TERMS if begins else _JOINTS[:2]


def common(choices: Sequence[str]) -> str:
    """Return what all choices begin with."""
    first, last = min(choices), max(choices)
    same = (at for at in range(len(first)) if at >= len(last) or first[at] != last[at])
    return first[: next(same, len(first))]


def sentence(error: FilterError) -> str:
    """Return what is wrong with an expression, without our name for it."""
    return str(error).removeprefix("filter: ")
