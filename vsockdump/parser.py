"""The command line: tcpdump's options with tcpdump's meanings, and a few of our own."""

import argparse
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import NoReturn

from vsockdump import __version__
from vsockdump.errors import UsageError
from vsockdump.interface import SNAPLEN

RING_KIB = 65536
"""64 MiB: what a burst of 200 ms at full speed needs."""

FORMATS = ("text", "tcpdump", "jsonl", "csv", "fields")

COMMANDS = {
    "demo": "show decoded packets with the best means this machine has",
    "doctor": "say what this machine can see of vsock, and why not more",
}

_DESCRIPTION = "Capture and decode VM sockets (AF_VSOCK): tcpdump for vsockmon."
_EPILOG = "commands:\n" + "\n".join(
    f"  vsockdump {name:8}{text}" for name, text in COMMANDS.items()
)


def parser() -> argparse.ArgumentParser:
    """Return what takes a command line apart; it raises UsageError, and --help exits."""
    made = _Parser(
        prog="vsockdump",
        usage="vsockdump [-i LINK | -r FILE] [-w FILE] [options]\n"
        "       vsockdump COMMAND [options]",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        # Every add_argument() makes one: of a width given, it does not ask the terminal each time.
        formatter_class=partial(argparse.RawDescriptionHelpFormatter, width=80),
        allow_abbrev=False,
        add_help=False,
    )
    _add_input(_Group(made, "where packets come from"))
    _add_output(_Group(made, "where packets go"))
    _add_text(_Group(made, "how packets look"))
    _add_times(made.add_argument_group("how times look"))
    _add_rest(_Group(made, "more"))
    _add_ends(made.add_argument_group("about vsockdump"))
    made.add_argument("expression", nargs="*", help=argparse.SUPPRESS)
    made.set_defaults(buffer=RING_KIB)
    return made


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence; tcpdump's exit status for it is 1."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message.removeprefix('argument ')}; see 'vsockdump --help'")

    def format_help(self) -> str:
        from rich_argparse import RawDescriptionRichHelpFormatter  # noqa: PLC0415 - 20 ms

        self.formatter_class = RawDescriptionRichHelpFormatter
        return super().format_help()


class _Group:
    """One section of the help: options that are flags, counts of a letter, or take a value."""

    def __init__(self, parser: argparse.ArgumentParser, title: str) -> None:
        self._add = parser.add_argument_group(title).add_argument

    def flag(self, names: str, name: str, text: str) -> None:
        self._add(*names.split(), dest=name, action="store_true", help=text)

    def count(self, letter: str, name: str, text: str) -> None:
        self._add(letter, dest=name, action="count", default=0, help=text)

    def value(self, names: str, name: str, metavar: str, text: str, default: str = "") -> None:
        self._add(*names.split(), dest=name, metavar=metavar, default=default, help=text)

    def number(
        self, names: str, name: str, metavar: str, text: str, kind: Callable[[str], int]
    ) -> None:
        self._add(*names.split(), dest=name, metavar=metavar, type=kind, default=0, help=text)

    def choice(
        self, names: str, name: str, choices: Sequence[str], default: str, text: str
    ) -> None:
        self._add(*names.split(), dest=name, choices=choices, default=default, help=text)


def _add_input(group: _Group) -> None:
    group.value(
        "-i --interface",
        "interface",
        "LINK",
        "capture from this link; a missing vsockmon link is made, and removed at the end",
    )
    group.value("-r", "read", "FILE", "read a pcap or pcapng file, also .gz and .zst; - is stdin")
    group.flag("--follow", "follow", "with -r: at the end of the file wait for more")
    group.flag("--create", "create", "with -i: make a missing link whatever its name")
    group.number("-c", "limit", "COUNT", "end after COUNT packets", _positive)
    group.choice(
        "-Q --direction",
        "direction",
        ("in", "out", "inout"),
        "inout",
        "only packets to (in) or from (out) this machine's CIDs; with -r: the host's",
    )
    group.number(
        "-s --snapshot-length",
        "snaplen",
        "BYTES",
        "capture so much of each frame: 76 is all headers, 0 (default) everything",
        _snaplen,
    )
    group.number(
        "-B --buffer-size",
        "buffer",
        "KIB",
        f"size of the capture ring, default {RING_KIB}",
        _positive,
    )
    group.flag("--immediate-mode", "immediate", "hand packets over within a millisecond, not ten")
    group.value(
        "-F", "expression_file", "FILE", "read the filter expression from FILE (not understood yet)"
    )


def _add_output(group: _Group) -> None:
    group.value(
        "-w",
        "write",
        "FILE",
        "save packets: as pcapng if FILE ends in .pcapng, else as pcap; - is stdout",
    )
    group.flag("--print", "print", "with -w: print packets as well")
    group.flag("--count", "count", "print how many packets there were, and nothing else")
    group.value("-C", "size", "SIZE", "next file after SIZE million bytes; k, m, g count in 1024")
    group.number(
        "-G",
        "seconds",
        "SECONDS",
        "next file after so long; FILE may hold strftime's marks, such as %%H",
        _number,
    )
    group.number(
        "-W",
        "files",
        "COUNT",
        "with -C: COUNT files in a ring; with -G: end after COUNT files",
        _positive,
    )
    group.value(
        "-z --postrotate-command",
        "command",
        "COMMAND",
        "run COMMAND FILE on each file that another follows",
    )
    group.value(
        "-Z --relinquish-privileges",
        "user",
        "USER",
        "once all is open become USER; else who called sudo, or nobody; root stays root",
    )
    group.flag(
        "-U --packet-buffered", "_unbuffered", "nothing: packets are always saved as they come"
    )
    group.flag("-l --line-buffered", "_unbuffered", "nothing: they are always printed as they come")


def _add_text(group: _Group) -> None:
    group.choice("--format", "format", FORMATS, "text", "what to print, default text")
    group.value(
        "--field", "field", "NAME,...", "print only these columns, by our names or tshark's"
    )
    group.flag("-n", "numeric", "numbers for CIDs, no names")
    group.flag("-q --quiet --quick", "quick", "say less")
    group.count("-v", "verbose", "say more; -vv the layers as a tree, -vvv the payload too")
    group.flag("-e", "link", "show the monitor's own header")
    group.count("-x", "hex", "dump the frame behind the monitor's header in hex; -xx all of it")
    group.count("-X", "hex_ascii", "the same, with ASCII beside")
    group.count("-A", "ascii", "the same, as text")
    group.flag("-# --number", "numbers", "number the packets")
    group.flag("--lengths", "lengths", "show the frame's captured and original length")


def _add_times(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "-t", dest="times", action="count", default=0,
        help="none; -tt seconds since 1970, -ttt since the packet before, -tttt with the date,"
        " -ttttt since the first packet",
    )  # fmt: skip
    add = group.add_argument
    add("--micro", dest="nano", action="store_false", default=False, help="microseconds (default)")
    add("--nano", dest="nano", action="store_true", help="nanoseconds, also in pcap files written")
    add(
        "--time-stamp-precision",
        dest="nano",
        type=_precision,
        metavar="micro|nano",
        help="the same",
    )


def _add_ends(group: argparse._ArgumentGroup) -> None:
    version = f"vsockdump {__version__}"
    group.add_argument("-h", "--help", action="help", help="print this and end")
    group.add_argument("--version", action="version", version=version, help="print it and end")


def _add_rest(group: _Group) -> None:
    group.flag("-D --list-interfaces", "list_interfaces", "list the vsockmon links")
    group.flag("-L --list-data-link-types", "list_linktypes", "list the link types")
    group.flag("-K --dont-verify-checksums", "_ignored", "nothing: vsock has no checksums")
    group.flag(
        "-S --absolute-tcp-sequence-numbers", "_ignored", "nothing: vsock has no sequence numbers"
    )
    group.flag("-p --no-promiscuous-mode", "_ignored", "nothing: vsockmon has no promiscuous mode")


def _number(text: str) -> int:
    if not re.fullmatch("[0-9]{1,10}", text) or int(text) >= 1 << 32:
        raise argparse.ArgumentTypeError(f"{text!r} is no number below 2^32")
    return int(text)


def _positive(text: str) -> int:
    if not _number(text):
        raise argparse.ArgumentTypeError("0 makes no sense")
    return _number(text)


def _snaplen(text: str) -> int:
    if _number(text) > SNAPLEN:
        raise argparse.ArgumentTypeError(f"{text} is more than {SNAPLEN}, the longest there is")
    return _number(text)


def _precision(text: str) -> bool:
    if text not in ("micro", "nano"):
        raise argparse.ArgumentTypeError(f"{text!r} is neither micro nor nano")
    return text == "nano"
