"""The command line behind `:`, and what there is to say of the source."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from vsockdump.browsing.opened import Opened
from vsockdump.browsing.picked import Picked
from vsockdump.browsing.recording import Recording
from vsockdump.formats import linktypes
from vsockdump.messages import plural

if TYPE_CHECKING:
    from .app import Vsockdump


class Command(NamedTuple):
    """What a word does with what stands behind it."""

    text: str
    run: Callable[["Vsockdump", str], None]
    wrong: Callable[[str], str] = lambda rest: ""
    """Says what is wrong with the rest, empty if nothing is."""


def _filter(app: "Vsockdump", rest: str) -> None:
    wrong = app.wrong_filter(rest)
    if wrong:
        app.say(wrong, wrong=True)
    else:
        app.pick(rest)


def _flow(app: "Vsockdump", rest: str) -> None:
    app.open_flows([int(rest)], "ladder")


def _theme(app: "Vsockdump", rest: str) -> None:
    if rest in app.available_themes:
        app.theme = rest
    else:
        app.say(f"themes: {', '.join(sorted(app.available_themes))}", wrong=bool(rest))


def _help(app: "Vsockdump", rest: str) -> None:
    app.say(", ".join(f"{name} {command.text}".strip() for name, command in COMMANDS.items()))


def _number(rest: str) -> str:
    return "" if rest.isascii() and rest.isdecimal() and len(rest) < 16 else "a number is missing"


def _file(rest: str) -> str:
    return "" if rest else "the name of a file is missing"


def _nothing(rest: str) -> str:
    return f"nothing stands behind it, and not {rest}" if rest else ""


COMMANDS = {
    "filter": Command("EXPRESSION", _filter),
    "flow": Command("NUMBER", _flow, _number),
    "help": Command("", _help, _nothing),
    "packet": Command("NUMBER", lambda app, rest: app.go_to(int(rest)), _number),
    "quit": Command("", lambda app, rest: app.exit(), _nothing),
    "theme": Command("NAME", _theme),
    "write": Command("FILE", lambda app, rest: app.save_shown(rest), _file),
}
"""By their names; the first letters of one will do, and a number alone is a packet."""


def wrong(text: str) -> str:
    """Return what is wrong with a command line, empty if nothing is."""
    name, rest = _parts(text)
    if not text.strip():
        return ""
    if name not in COMMANDS:
        return f"no such command: there are {', '.join(COMMANDS)}, and the number of a packet"
    return COMMANDS[name].wrong(rest)


def run(app: "Vsockdump", text: str) -> None:
    """Do what a right command line says."""
    name, rest = _parts(text)
    if name:
        COMMANDS[name].run(app, rest)


def complete(text: str) -> Sequence[str]:
    """Return the names that a text may be the beginning of."""
    return [name for name in COMMANDS if name.startswith(text) and name != text]


def _parts(text: str) -> tuple[str, str]:
    """Return the whole name of a command, and what stands behind it."""
    name, _, rest = text.strip().partition(" ")
    if name.isascii() and name.isdecimal():
        return "packet", name
    found = [one for one in COMMANDS if name and one.startswith(name)]
    return (found[0] if found else name), rest.strip()


_INTERFACES = 16  # that are listed


def facts(
    opened: Opened, recording: Recording | None, picked: Picked | None
) -> list[tuple[str, str]]:
    """Return what is known of the source, name and value."""
    found = [("file", opened.path), ("state", opened.error or opened.state.value)]
    for index, one in enumerate(opened.interfaces[:_INTERFACES]):
        found.append((f"interface {index}", _interface(one.name, one.linktype, one.snaplen)))
        found += [("capture filter", one.filter)] if one.filter else []
    if len(opened.interfaces) > _INTERFACES:
        found.append(("more", plural(len(opened.interfaces) - _INTERFACES, "interface")))
    if picked is not None:
        found.append(("display filter", f"{picked.text} ({len(picked.numbers)} match)"))
    found.append(("packets", str(opened.count)))
    if opened.first > 1:
        found.append(("let go", f"{plural(opened.first - 1, 'packet')}, the oldest"))
    if opened.findings.forgotten:
        found.append(("findings", f"the oldest {opened.findings.forgotten} are only counted"))
    if recording is not None:
        found += _live(recording)
    return found


def _interface(name: str, linktype: int, snaplen: int) -> str:
    cut = f", snapshot length {snaplen}" if snaplen else ""
    return f"{name or 'no name'}, {linktypes.describe(linktype)}{cut}"


def _live(recording: Recording) -> list[tuple[str, str]]:
    counts = recording.counts
    ended = recording.error or ("under way" if recording.running else "ended")
    return [
        ("capture", ended),
        ("received by filter", str(counts.received)),
        ("dropped by kernel", str(counts.dropped)),
    ]
