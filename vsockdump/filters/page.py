"""A page of sections, once as Markdown and once as a manual page for man(1).

`Words between these` are code in the one and bold in the other.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple, TypeAlias


class Items(NamedTuple):
    """Terms, each with what it means; the two columns have titles."""

    titles: tuple[str, str]
    rows: tuple[tuple[str, str], ...]


class Code(NamedTuple):
    """Lines as they are typed."""

    lines: tuple[str, ...]


Block: TypeAlias = str | Items | Code
"""A text is a paragraph."""


class Section(NamedTuple):
    """A part of the page with a title."""

    title: str
    blocks: tuple[Block, ...]


class Page(NamedTuple):
    """A manual page: its name, what it is about in a line, and its sections."""

    name: str
    section: int
    text: str
    source: str
    sections: tuple[Section, ...]


_CODE = re.compile("`([^`]*)`")


def markdown(page: Page) -> str:
    """Return the page for a README.md."""
    parts = [f"# {page.text[0].upper()}{page.text[1:]}"]
    for section in page.sections:
        parts.append(f"## {section.title}")
        parts += map(_block_in_markdown, section.blocks)
    return "\n\n".join(parts) + "\n"


def _block_in_markdown(block: Block) -> str:
    if isinstance(block, Code):
        return "\n".join(["```console", *block.lines, "```"])
    if isinstance(block, Items):
        rows = [block.titles, ("---", "---"), *((_code(term), text) for term, text in block.rows)]
        return "\n".join(f"| {' | '.join(map(_cell, row))} |" for row in rows)
    return block


def _code(text: str) -> str:
    return text if "`" in text else f"`{text}`"


def _cell(text: str) -> str:
    return text.replace("|", r"\|")  # also where it is code


def roff(page: Page) -> str:
    """Return the page for man(1)."""
    name = _escaped(page.name)
    lines = [f'.TH {name.upper()} {page.section} "" "{_escaped(page.source)}"', ".SH NAME"]
    lines.append(f"{name} \\- {_inline(page.text)}")
    for section in page.sections:
        lines.append(f'.SH "{_escaped(section.title.upper())}"')
        for block in section.blocks:
            lines += _block_in_roff(block)
    return "\n".join(lines) + "\n"


def _block_in_roff(block: Block) -> Iterator[str]:
    if isinstance(block, Code):
        yield from (".PP", ".RS 4", ".nf", *map(_line, block.lines), ".fi", ".RE")
    elif isinstance(block, Items):
        for term, text in block.rows:
            yield from (".TP", _line(_code(term)), _line(text))
    else:
        yield from (".PP", _line(block))


def _line(text: str) -> str:
    r"""Return a line of text: one that begins with a dot would be a request."""
    return re.sub(r"^(?=\.)", r"\\&", _inline(text))


def _inline(text: str) -> str:
    """Return text with what is code in bold."""
    parts = _CODE.split(text)
    return "".join(
        f"\\fB{_escaped(part)}\\fR" if at % 2 else _escaped(part) for at, part in enumerate(parts)
    )


def _escaped(text: str) -> str:
    for plain, escaped in (("\\", r"\e"), ("-", r"\-"), ("^", r"\(ha"), ("~", r"\(ti")):
        text = text.replace(plain, escaped)
    return text.replace("'", r"\(aq").replace('"', r"\(dq")
