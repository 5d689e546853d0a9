"""The command line: tcpdump's options with tcpdump's meanings, and a few of our own."""

import argparse

from vsockdump import __version__
from vsockdump.arguments import Group, Parser, connections, number, positive
from vsockdump.interface import SNAPLEN

RING_KIB = 65536
"""64 MiB: what a burst of 200 ms at full speed needs."""

FORMATS = ("text", "tcpdump", "jsonl", "csv", "fields")

MAX_FLOWS = 1_000_000
"""Connections that are followed at a time."""

COMMANDS = {
    "tui": "look at packets, connections, credit and problems on the whole screen",
    "flows": "list the connections: what each carried, and what became of it",
    "problems": "say what is wrong, in words, the worst first",
    "stats": "count: operations, sizes, addresses, times",
    "credit": "show the credit of connections, packet by packet",
    "ladder": "draw connections as sequence diagrams",
    "filter": "say what an expression means, and who decides it: the kernel or we",
    "demo": "show decoded packets with the best means this machine has",
    "doctor": "say what this machine can see of vsock, and why not more",
}

_DESCRIPTION = "Capture and decode VM sockets (AF_VSOCK): tcpdump for vsockmon."
_USAGE = """vsockdump [-i LINK | -r FILE] [-w FILE] [options] [EXPRESSION]
       vsockdump COMMAND [options]"""
_EPILOG = "commands:\n" + "\n".join(
    f"  vsockdump {name:10}{text}" for name, text in COMMANDS.items()
)


def parser() -> argparse.ArgumentParser:
    """Return what takes a command line apart; it raises UsageError, and --help exits."""
    made = Parser("vsockdump", _USAGE, _DESCRIPTION, _EPILOG)
    _add_input(Group(made, "where packets come from"))
    _add_choice(Group(made, "which packets"))
    _add_output(Group(made, "where packets go"))
    _add_text(Group(made, "how packets look"))
    _add_times(made.add_argument_group("how times look"))
    _add_rest(Group(made, "more"))
    version = f"vsockdump {__version__}"
    add_help(made).add_argument(
        "--version", action="version", version=version, help="print it and end"
    )
    made.set_defaults(buffer=RING_KIB, max_flows=MAX_FLOWS, snap_payload=-1)
    return made


def _add_input(group: Group) -> None:
    group.value(
        "-i --interface",
        "interface",
        "LINK",
        "capture from this link; a missing vsockmon link is made, and removed at the end",
    )
    group.value("-r", "read", "FILE", "read a pcap or pcapng file, also .gz and .zst; - is stdin")
    group.flag("--follow", "follow", "with -r: at the end of the file wait for more")
    group.flag("--create", "create", "with -i: make a missing link whatever its name")
    group.number("-c", "limit", "COUNT", "end after COUNT packets", positive)
    add_snaplen(group)
    add_ring(group)
    group.flag("--immediate-mode", "immediate", "hand packets over within a millisecond, not ten")


def _add_choice(group: Group) -> None:
    group.words(
        "expression",
        "EXPRESSION",
        "take only packets that match, such as 'cid 3 and port 1024'; live, the kernel looks: see"
        " 'vsockdump filter --manual'",
    )
    add_filter(group)
    add_display(group)
    group.choice(
        "-Q --direction",
        "direction",
        ("in", "out", "inout"),
        "inout",
        "only packets to (in) or from (out) this machine's CIDs; with -r: the host's",
    )
    group.count("-d", "dump", "print the expression's program and end; -dd in C, -ddd in numbers")


def _add_output(group: Group) -> None:
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
        number,
    )
    group.number(
        "-W",
        "files",
        "COUNT",
        "with -C: COUNT files in a ring; with -G: end after COUNT files",
        positive,
    )
    group.value(
        "-z --postrotate-command",
        "command",
        "COMMAND",
        "run COMMAND FILE on each file that another follows",
    )
    add_user(group)
    group.flag(
        "-U --packet-buffered", "_unbuffered", "nothing: packets are always saved as they come"
    )
    group.flag("-l --line-buffered", "_unbuffered", "nothing: they are always printed as they come")


def _add_text(group: Group) -> None:
    group.flag("--tui", "tui", "look at them on the whole screen, as 'vsockdump tui' does")
    add_no_spool(group)
    group.choice("--format", "format", FORMATS, "text", "what to print, default text")
    group.value(
        "--field", "field", "NAME,...", "print only these columns, by our names or tshark's"
    )
    group.flag("-n", "numeric", "numbers for CIDs, no names")
    add_names(group)
    group.flag("--no-flow", "no_flow", "do not follow connections: no free credit, no marks")
    group.flag("--problems", "problems", "print what goes wrong as it happens, and no packets")
    add_max_flows(group)
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


def _add_rest(group: Group) -> None:
    group.flag("-D --list-interfaces", "list_interfaces", "list the vsockmon links")
    group.flag("-L --list-data-link-types", "list_linktypes", "list the link types")
    group.flag("-K --dont-verify-checksums", "_ignored", "nothing: vsock has no checksums")
    group.flag(
        "-S --absolute-tcp-sequence-numbers", "_ignored", "nothing: vsock has no sequence numbers"
    )
    group.flag("-p --no-promiscuous-mode", "_ignored", "nothing: vsockmon has no promiscuous mode")


def add_help(made: Parser) -> argparse._ArgumentGroup:
    """Add --help, which every command line has, in a section of its own."""
    group = made.add_argument_group("about vsockdump")
    group.add_argument("-h", "--help", action="help", help="print this and end")
    return group


def add_filter(group: Group) -> None:
    """Add the ways to give an expression besides naming it."""
    group.value("-f", "capture_filter", "EXPRESSION", "the same")
    group.value("-F", "expression_file", "FILE", "read the expression from FILE")


def add_snaplen(group: Group) -> None:
    """Add -s and --snap-payload."""
    group.number(
        "-s --snapshot-length",
        "snaplen",
        "BYTES",
        "capture so much of each frame: 76 is all headers, 0 (default) everything",
        _snaplen,
    )
    group.number(
        "--snap-payload",
        "snap_payload",
        "BYTES",
        "capture all headers, and so many bytes of payload; costs a busy sender least",
        _snaplen,
    )


def add_display(group: Group) -> None:
    """Add -Y."""
    group.value(
        "-Y --display-filter",
        "display",
        "EXPRESSION",
        "show only packets that match; -w saves all",
    )


def add_no_spool(group: Group) -> None:
    """Add --no-spool."""
    group.flag(
        "--no-spool",
        "no_spool",
        "on the whole screen, with -i: keep only the latest packets, in memory",
    )


def add_ring(group: Group) -> None:
    """Add -B."""
    text = f"size of the capture ring, default {RING_KIB}"
    group.number("-B --buffer-size", "buffer", "KIB", text, positive)


def add_user(group: Group) -> None:
    """Add -Z."""
    group.value(
        "-Z --relinquish-privileges",
        "user",
        "USER",
        "once all is open become USER; else who called sudo, or nobody; root stays root",
    )


def add_names(group: Group) -> None:
    """Add --names."""
    text = 'names for CIDs and ports: TOML, such as 42 = "db" below [cid]'
    group.value("--names", "names", "FILE", text)


def add_max_flows(group: Group) -> None:
    """Add --max-flows."""
    group.number(
        "--max-flows",
        "max_flows",
        "N",
        f"follow so many connections at a time, default {MAX_FLOWS}",
        connections,
    )


def _snaplen(text: str) -> int:
    if number(text) > SNAPLEN:
        raise argparse.ArgumentTypeError(f"{text} is more than {SNAPLEN}, the longest there is")
    return number(text)


def _precision(text: str) -> bool:
    if text not in ("micro", "nano"):
        raise argparse.ArgumentTypeError(f"{text!r} is neither micro nor nano")
    return text == "nano"
