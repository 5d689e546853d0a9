"""What the tables of the language say, as parts of its manual."""

from collections.abc import Iterable, Mapping

from .fields import FIELDS, Field, Where
from .page import Items, Section
from .words import BINDING, SYNONYMS, WORDS

_WHERE = {
    Where.MONITOR: (
        "Fields of the monitor's header",
        "Every packet begins with it. The first two are of both sides: they match if either does.",
    ),
    Where.VIRTIO: (
        "Fields of the virtio header",
        "A packet has it if its transport is virtio and all 44 bytes of it were captured.",
    ),
    Where.FRAME: ("Fields of the frame", ""),
    Where.CAPTURE: ("Fields of the packet's record", "This is known once a packet was taken."),
    Where.CONNECTION: (
        "Fields of the connection",
        "This is known from following connections. Of a file, which is read twice, `verdict` and"
        " `state` are those at the end of the capture; live, and of a pipe, those so far. Who is at"
        " the ends (`pid`, `process`) is known only live, a moment after a connection is opened,"
        " and of pcapng files that vsockdump captured.",
    ),
}


def fields(where: Where) -> Section:
    """Return the fields of one header, or of what else has to be known."""
    title, text = _WHERE[where]
    rows = tuple((field.name, _of_field(field)) for field in FIELDS if field.where is where)
    return Section(title, (*([text] if text else []), Items(("field", "what it is"), rows)))


def _of_field(field: Field) -> str:
    sentences = [field.text]
    if field.either:
        sentences.append(f"any of {codes(field.either)}")
    if field.wireshark:
        sentences.append(f"Wireshark's `{field.wireshark}`")
    if field.names:
        values = (f"`{name}` {value}" for name, value in field.names.items())
        sentences.append(", ".join(values))
    return "; ".join(sentences)


def _of_word(name: str) -> str:
    expression, text = WORDS[name]
    return f"the packet {text}{expression and f': `{expression}`'}"


def spelt(table: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return what is printed, and beside it all that means it."""
    printed = dict.fromkeys(table.values())
    return tuple((one, codes(k for k, v in table.items() if v == one)) for one in printed)


def codes(texts: Iterable[str]) -> str:
    """Return texts as code, in a list."""
    return ", ".join(f"`{text}`" for text in texts)


def levels() -> str:
    """Return the signs that reckon, those that bind tightest first."""
    levels = sorted(set(BINDING.values()), reverse=True)
    return "; ".join(codes(s for s, level in BINDING.items() if level == at) for at in levels)


def others() -> str:
    """Return the words that stand for others."""
    return "; ".join(f"`{word}` for `{meant}`" for word, meant in SYNONYMS.items())


def words() -> Items:
    """Return all words, each with its text and what it stands for."""
    return Items(("word", "what it means"), tuple((word, _of_word(word)) for word in WORDS))
