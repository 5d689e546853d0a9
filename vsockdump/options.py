"""What was asked for: the options, what contradicts itself, and what they mean to a run."""

import argparse
import re
from collections.abc import Sequence

from vsockdump.errors import UsageError
from vsockdump.names import Names, choose
from vsockdump.parser import MAX_FLOWS, RING_KIB, parser
from vsockdump.style import Style
from vsockdump.writers.rotation import Rotation


class Options(argparse.Namespace):
    """What was asked for. Texts that were not given are empty, numbers 0."""

    interface = ""
    read = ""
    follow = False
    create = False
    limit = 0
    direction = "inout"
    snaplen = 0
    buffer = RING_KIB
    immediate = False
    snap_payload = -1
    words: Sequence[str] = ()
    """Of a command, before they are told apart: a file, and an expression."""
    expression: Sequence[str] = ()
    expression_file = ""
    capture_filter = ""
    display = ""
    dump = 0
    whole_for = ""
    """What needs all packets of a connection or none."""
    write = ""
    print = False
    count = False
    size = ""
    seconds = 0
    files = 0
    command = ""
    user = ""
    format = "text"
    field = ""
    numeric = False
    names = ""
    no_flow = False
    problems = False
    max_flows = MAX_FLOWS
    quick = False
    verbose = 0
    link = False
    hex = 0
    hex_ascii = 0
    ascii = 0
    numbers = False
    lengths = False
    times = 0
    nano = False
    tui = False
    no_spool = False
    list_interfaces = False
    list_linktypes = False


def parse(argv: Sequence[str]) -> Options:
    """Return the options; raises UsageError for what contradicts itself. --help and such exit."""
    found = parser().parse_intermixed_args(argv, Options())
    for wrong, sentence in _contradictions(found):
        if wrong:
            raise UsageError(sentence)
    rotation(found)
    if found.problems:
        found.whole_for = "--problems"
    if found.field and found.format == "text":
        found.format = "fields"
    return found


def _contradictions(found: Options) -> tuple[tuple[object, str], ...]:
    return (
        *filter_contradictions(found),
        (found.interface and found.read, "-i captures and -r reads a file: give one of them"),
        (found.times > 5, "-t can be given five times at the most"),
        (found.follow and not found.read, "--follow goes with -r"),
        (found.format == "fields" and not found.field, "--format fields goes with --field"),
        (
            found.write
            and found.format not in ("text", "tcpdump")
            and not (found.print or found.problems),
            f"--format {found.format} says how to print, and -w only saves: give --print too",
        ),
        (found.format == "tcpdump" and found.field, "--field does not go with --format tcpdump"),
        (
            found.field and not found.field.strip(","),
            f"--field {found.field}: it names no field",
        ),
        (
            found.write == "-" and (found.print or found.count),
            "-w - fills standard output: --print and --count have no place there",
        ),
        (
            found.problems and (found.count or found.print or found.no_flow or found.write == "-"),
            "--problems prints what goes wrong: --count, --print, --no-flow and -w - do not go with"
            " it",
        ),
        (
            found.problems and (found.field or found.format not in ("text", "jsonl", "csv")),
            "--problems goes with --format text, jsonl and csv only, and not with --field",
        ),
        (
            found.problems and found.direction != "inout",
            "--problems needs both directions: -Q does not go with it",
        ),
        (found.files and not (found.size or found.seconds), "-W goes with -C or -G"),
        (
            found.problems and found.display,
            "--problems prints what goes wrong: -Y, which chooses packets, does not go with it",
        ),
        (
            found.display and found.write and not (found.print or found.count),
            "-Y says which packets are printed, and none are: -w saves all, --print prints too",
        ),
    )


def filter_contradictions(found: Options) -> tuple[tuple[object, str], ...]:
    """Return what is wrong with the ways expressions are given, each with its sentence."""
    ways = (found.expression, found.expression_file, found.capture_filter)
    return (
        (
            sum(map(bool, ways)) > 1,
            "an expression was given more than once: name it, or give -f or -F",
        ),
        (found.snap_payload >= 0 and found.read, "--snap-payload goes with -i"),
        (
            found.snap_payload >= 0 and found.snaplen,
            "-s and --snap-payload both say what is captured of a packet: give one of them",
        ),
    )


def check_tui(found: Options) -> None:
    """Raise UsageError for what has no place on the whole screen."""
    contradictions = (
        (found.read and found.write, "-w saves what is captured: in a screen on a file, w saves"),
        (found.write == "-", "-w - is the screen's: name a file"),
        (found.no_spool and found.write, "--no-spool saves nothing, and -w does"),
        (found.read and (found.snaplen or found.snap_payload >= 0), "-s goes with -i"),
        (
            found.count or found.print or found.problems or found.format != "text",
            "--tui shows packets on the whole screen: --count, --print, --problems and --format do"
            " not go with it",
        ),
        (found.size or found.seconds, "files do not rotate under a screen: -C and -G"),
        (found.direction != "inout", "-Q does not go with --tui; say 'g2h' or 'h2g'"),
    )
    for wrong, sentence in contradictions:
        if wrong:
            raise UsageError(sentence)


def chooses(options: Options) -> bool:
    """Tell whether any packets may be left out by an expression, or a part of them."""
    given = (options.expression, options.expression_file, options.capture_filter, options.display)
    return any(given) or options.snap_payload >= 0


def style(options: Options) -> Style:
    """Return how text is to look."""
    return Style(
        verbose=options.verbose,
        quick=options.quick,
        numeric=options.numeric,
        link=options.link,
        lengths=options.lengths,
        numbers=options.numbers,
        times=options.times,
        nano=options.nano,
        hex=options.hex,
        hex_ascii=options.hex_ascii,
        ascii=options.ascii,
        tcpdump=options.format == "tcpdump",
    )


def prints(options: Options) -> bool:
    """Tell whether packets are to be printed."""
    return not options.count and (options.print or not options.write)


def comments(options: Options) -> bool:
    """Tell whether what is said of packets is to be printed below them."""
    return prints(options) and options.format == "text" and options.verbose > 1


def names(options: Options) -> Names:
    """Return what addresses are called; live the guests of this machine have names, too.

    Raises UsageError for a file of names that is none.
    """
    found = choose(options.names, options.numeric)
    if options.numeric or options.read:
        return found
    from vsockdump.sources.guests import guests  # noqa: PLC0415 - a file's guests are elsewhere

    return found.with_guests(guests())


def rotation(options: Options) -> Rotation:
    """Return when the next file begins; raises UsageError for a size or command that is none."""
    match = re.fullmatch(r"([0-9]{1,9})([kmg]?)b?", options.size.lower() or "0")
    if not match or (options.size and not int(match[1])):
        raise UsageError(f"-C {options.size}: not a size such as 100, 512k or 2g")
    unit = {"": 1_000_000, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}[match[2]]
    size, command = int(match[1]) * unit, _command(options.command)
    return Rotation(size, options.seconds, options.files, command)


def _command(text: str) -> tuple[str, ...]:
    """Return the words of -z, as a shell splits them."""
    if not text:
        return ()
    import shlex  # noqa: PLC0415 - few ask for it

    try:
        words = tuple(shlex.split(text))
    except ValueError as error:
        raise UsageError(f"-z {text}: {str(error).lower()}") from error
    if not words:
        raise UsageError(f"-z {text}: no command")
    return words
