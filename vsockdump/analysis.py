"""The frame of the commands that follow connections: their common options, and their run."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from vsockdump import options, parser
from vsockdump.arguments import Group, Parser, positive
from vsockdump.errors import UsageError
from vsockdump.events import Name
from vsockdump.following import Following, Report
from vsockdump.messages import say
from vsockdump.options import Options
from vsockdump.quality import Quality

if TYPE_CHECKING:
    from vsockdump.engine.track import Tracker

HEADERS = 128
"""Bytes of a frame that are captured live: all headers, which cost the sender least."""


class Wanted(Options):
    """What was asked of a command; each adds its own, with their defaults."""

    snaplen = HEADERS
    json = False
    csv = False


_CONNECTIONS = "take only connections with packets that match"

W = TypeVar("W", bound=Wanted)
O = TypeVar("O", bound=Options)  # noqa: E741


def parse(
    argv: Sequence[str], name: str, wanted: W, add: Callable[[Group], None] = lambda group: None
) -> W:
    """Fill `wanted` from a command line of the command `name`; `add` adds its own options.

    Raises UsageError for what contradicts itself. --help exits.
    """

    def add_all(group: Group) -> None:
        add(group)
        _add_forms(group)

    parse_input(argv, name, wanted, add_all)
    if wanted.json and wanted.csv:
        raise UsageError("--json and --csv: give one of them")
    wanted.whole_for = f"vsockdump {name}"
    return wanted


def parse_input(
    argv: Sequence[str],
    name: str,
    wanted: O,
    add: Callable[[Group], None],
    takes: str = _CONNECTIONS,
) -> O:
    """Fill `wanted` from a command line that names a file or a link; see `parse`."""
    usage = f"vsockdump {name} [FILE | -i LINK] [options] [EXPRESSION]"
    made = Parser(f"vsockdump {name}", usage, _sentence(parser.COMMANDS[name]))
    _add_input(Group(made, "where packets come from"), takes)
    output = Group(made, "what is shown")
    add(output)
    _add_names(output)
    parser.add_help(made)
    made.parse_intermixed_args(argv, wanted)
    if not wanted.interface:
        wanted.read, *wanted.expression = wanted.words or [""]
    else:
        wanted.expression = wanted.words
    for wrong, sentence in _contradictions(wanted, name):
        if wrong:
            raise UsageError(sentence)
    return wanted


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _add_input(group: Group, takes: str) -> None:
    group.words(
        "words",
        "FILE",
        "a pcap or pcapng file, also .gz and .zst; - is stdin; after it, or with -i, an EXPRESSION:"
        f" {takes}, such as 'cid 3 and port 1024'",
    )
    group.value("-i --interface", "interface", "LINK", "capture from this link")
    group.flag("--follow", "follow", "at the end of the file wait for more")
    parser.add_filter(group)
    group.number("-c", "limit", "COUNT", "end after COUNT packets", positive)
    parser.add_max_flows(group)
    parser.add_ring(group)
    parser.add_user(group)


def _add_forms(group: Group) -> None:
    group.flag("--json", "json", "print JSON, one object a line")
    group.flag("--csv", "csv", "print CSV, names first")


def _add_names(group: Group) -> None:
    group.flag("-n", "numeric", "numbers for CIDs, no names")
    parser.add_names(group)


def _contradictions(wanted: Options, name: str) -> tuple[tuple[object, str], ...]:
    return (
        *options.filter_contradictions(wanted),
        (
            not (wanted.interface or wanted.read),
            f"name a file, - for stdin, or a link with -i; see 'vsockdump {name} --help'",
        ),
        (wanted.follow and not wanted.read, "--follow goes with a file"),
    )


def run(wanted: Options, tracker: "Tracker", report: Report) -> None:
    """Feed the tracker what `wanted` names, and the report with it, to the end.

    Raises what `runs` does, after the report of what came before.
    """
    follow(wanted, Following(tracker, report))


def follow(wanted: Options, following: Following) -> None:
    """Feed what `wanted` names to whatever follows it; see `run`."""
    from vsockdump import runs  # noqa: PLC0415 - not before the options are known to be right

    if wanted.read:
        return runs.read(wanted.read, wanted, following)
    return runs.capture(wanted, following)


def endpoints(wanted: Options) -> Name:
    """Return what words a CID and a port; raises UsageError for a file of names that is none."""
    return options.names(wanted).endpoint


def warn(quality: Quality) -> None:
    """Say on stderr what is missing from the capture, where the report itself does not."""
    if not quality.whole:
        say(quality.line())
