"""The manual of the filter language, vsockdump-filter(7), out of the tables that it is read by."""

from vsockdump import __version__

from . import page, reference
from .examples import EXAMPLES
from .fields import Where
from .page import Code, Items, Page, Section
from .reference import codes, spelt
from .words import JOINTS, LOADS, NEGATIONS, RELATIONS, SUBJECTS


def markdown() -> str:
    """Return the manual as README.md has it."""
    return f"<!-- Written by manual.py: edit that. -->\n\n{page.markdown(PAGE)}"


def roff() -> str:
    """Return the manual as man(1) takes it."""
    return page.roff(PAGE)


_SECTIONS = (
    Section(
        "Where it is given",
        (
            Code(
                (
                    "$ vsockdump -i vsockmon0 cid 3 and port 1024",
                    "$ vsockdump -r trouble.pcapng 'op rst or len > 4096'",
                    "$ vsockdump flows trouble.pcapng cid 3",
                    "$ vsockdump -i vsockmon0 -w all.pcapng --print -Y 'payload contains \"GET \"'",
                    "$ vsockdump filter 'cid 3 and verdict stalled'",
                )
            ),
            "An expression behind the options, after `-f`, or in a file named by `-F`, says which"
            " packets are taken: live the kernel leaves the others out, of a file they are passed"
            " over. After `-Y` it says which packets are shown of those that were taken. Most"
            " expressions need quotes against the shell. `vsockdump filter` explains an expression,"
            " says what of it the kernel decides, and with `-d` prints the program for that.",
            "An empty expression takes everything. `#` begins a comment, which ends with the line."
            " CIDs and ports may be named as `--names FILE` says, CIDs also by the names of running"
            " guests.",
        ),
    ),
    Section(
        "Terms and what joins them",
        (
            "A term is a field and its value, a word, an address, a comparison, or a text that is"
            " searched. Terms are joined by these:",
            Items(
                ("joint", "may be written"),
                (*spelt(JOINTS), (NEGATIONS[0], codes(NEGATIONS)), ("( )", "for groups")),
            ),
            "`not` binds tightest. `and` and `or` bind alike and are read from the left, as by"
            " tcpdump: `a or b and c` is `(a or b) and c`.",
            "A value alone belongs to the field before it: `port 22 or 23` is `port 22 or port 23`,"
            " and `src cid 3 or 4` is `src cid 3 or src cid 4`.",
        ),
    ),
    Section(
        "Values",
        (
            "Numbers are decimal or, behind `0x`, hexadecimal. Many fields have names for values,"
            " in small or capital letters. Several values are alternatives:",
            Items(
                ("written", "means"),
                (
                    ("op rw", "this value"),
                    ("op rw|rst", "any of these"),
                    ("port 1024-1030", "from the first to the last; `1024..1030` is the same"),
                    ("cid in {1, 3, 5-9}", "any of these; the commas may be left out"),
                    ("cid not in {1, 3}", "none of these: `not cid in {1, 3}`"),
                ),
            ),
        ),
    ),
    Section(
        "Addresses",
        (
            Items(
                ("written", "means"),
                (
                    ("cid 3", "either side has this CID"),
                    ("src cid 3", "the sender has; `dst` is the receiver"),
                    ("src host", "`cid` may be left out before a CID's name"),
                    ("src or dst port 22", "as `port 22`; `src and dst port 22`: both have it"),
                    ("3:1024", "either end is this CID and this port, together"),
                    ("src 3:1024", "the sender is"),
                    ("3:*", "any of its ports; `*:1024` is any CID with this port"),
                    ("pair 3:1024 2:1234", "these are the two ends, in any order"),
                    ("greater 1000", "`wire_len >= 1000`"),
                    ("less 1000", "`wire_len <= 1000`"),
                    ("has op", "the packet has the header that the field is of"),
                ),
            ),
        ),
    ),
    *map(reference.fields, Where),
    Section(
        "Words",
        (
            reference.words(),
            f"Other ways to write: {reference.others()}.",
        ),
    ),
    Section(
        "Comparisons",
        (
            Items(("sign", "may be written"), spelt(RELATIONS)),
            "At each side stands a field, a number, bytes of the packet, or what is reckoned from"
            " these in 32 bits with, those that bind tighter first,"
            f" {reference.levels()}. `flags & 2` without a comparison means that it is not 0.",
            "A field of the virtio header or the monitor's, or the frame's length, can be compared"
            " with another; CIDs, which have 64 bits, and what is known only after the kernel's"
            " part can be compared with numbers only. `cid != 3` means that both sides differ from"
            " 3, and so does `not cid 3`.",
        ),
    ),
    Section(
        "Bytes",
        (
            "`link[20:4]` are 4 bytes from the 20th on of the frame, counted from 0 at the"
            " monitor's header; `data[0:4]` are the first of the payload, wherever that begins."
            " Without a size it is one byte. As a number they are 1, 2 or 4 bytes, the most"
            " significant first; but all fields of both headers are the other way round. They can"
            ' also be compared with a text, `"GET "`, or with bytes in hex, `47:45:54:20`.',
            Items(("bytes of", "may be written"), spelt(LOADS)),
        ),
    ),
    Section(
        "Text",
        (
            Items(("text", "what it is"), tuple(SUBJECTS.items())),
            'Each may be followed by `contains "..."`, `matches /.../` (or `~`), or `== "..."`.'
            r" In quotes, `\n`, `\r`, `\t`, `\0`, `\xHH`, `\"` and `\\` are what they are in C.",
            "A regular expression is RE2's: its time is linear in the text, whatever the"
            " expression, so that no packet can stop a run. It is found anywhere unless `^` and `$`"
            " say where, `.` is any byte, and it minds capitals unless it begins with `(?i)`."
            r" Between slashes, a slash of its own is `\/`.",
        ),
    ),
    Section(
        "What is not there",
        (
            "A term about a header or a byte that a packet does not have, or of which not enough"
            " was captured, is false, and its negation true: `not port 22` takes a frame of 3"
            " bytes, and `port != 22` does not. `has port` asks for it.",
        ),
    ),
    Section(
        "Who decides",
        (
            "Live, the terms about a frame are compiled to a program of classic BPF that the kernel"
            " runs before a packet is copied, so that what is not wanted costs nothing."
            " `--snap-payload N` has the kernel keep all headers and N bytes of payload. The other"
            " terms (the packet's record, text, and connections) are decided after it. Of an"
            " expression whose parts are joined by `and`, each part is decided by whom it can be;"
            " of one joined by `or`, everything is decided after it if any part is.",
            "Of an expression that asks about connections, the kernel decides only what takes all"
            " packets of a connection or none (CIDs, ports, pairs, types): else they would seem to"
            " have gaps; so with a `-Y` that asks about connections. Where the kernel leaves out"
            " some packets of a connection, as `op rw` does, no connections are followed: lines say"
            " nothing of credit, and `vsockdump flows` and its like refuse it. `-Y` is the way to"
            " show only some.",
            "Over files the same program is run by vsockdump, and connections are followed whatever"
            " it leaves out. `vsockdump flows` and its like take the connections of which any"
            " packet matches.",
            "On loopback a socket that was called by CID 2 answers from CID 1: `cid 2` takes only"
            " what it is sent, `pair 1:15011 2:5011` and `port 5011` all that is said.",
        ),
    ),
    Section(
        "Not as tcpdump",
        (
            "`len` is the payload's length; the frame's is `wire_len`, which `greater` and `less`"
            " compare. `host` is the name of CID 2. A byte that is missing makes a term false; for"
            " tcpdump it rejects the packet, whatever else the expression says. `link[...]` begins"
            " at the monitor's header also in a capture of `-i any`.",
        ),
    ),
    Section(
        "Not as Wireshark",
        (
            "`and` and `or` are read from the left, where Wireshark joins `and` first; `vsockdump"
            " filter` says where that matters. `matches` minds capitals: Wireshark's does not."
            " A field that stands alone,"
            " `vsock.virtio.op`, is there; our own names need `has` for that.",
        ),
    ),
    Section(
        "Examples",
        (Items(("expression", "takes"), tuple((e.expression, e.text) for e in EXAMPLES)),),
    ),
    Section(
        "See also",
        ("`vsockdump --help`, `vsockdump filter --help`, pcap-filter(7), wireshark-filter(4)",),
    ),
)

PAGE = Page(
    "vsockdump-filter",
    7,
    "the language in which vsockdump is told which packets are wanted",
    f"vsockdump {__version__}",
    _SECTIONS,
)
