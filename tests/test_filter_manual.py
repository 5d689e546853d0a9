"""The manual: all of its examples are run, and what the tables hold is in it."""

import shlex
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from vsockdump import choosing, options, parser, pipeline
from vsockdump.filters import manual
from vsockdump.filters.examples import EXAMPLES
from vsockdump.filters.explain import explain
from vsockdump.filters.fields import FIELDS
from vsockdump.filters.language import parse
from vsockdump.filters.page import Code, Items, Page, Section, markdown, roff
from vsockdump.filters.words import (
    BINDING,
    JOINTS,
    KEYWORDS,
    LOADS,
    NEGATIONS,
    RELATIONS,
    SUBJECTS,
    SYNONYMS,
    WORDS,
)
from vsockdump.options import Options
from vsockdump.sources.savefile import Savefile

from .captures import START, Taken, enhanced, frame, interface, section
from .command import PCAPS, run
from .test_goldens import UPDATE

README = Path(manual.__file__).with_name("README.md")
MADE = "made"


def made() -> bytes:
    """Two services of guest 3, a guest that calls port 22, and three bytes that are nothing."""
    guest, host = (3, 1024), (2, 1234)
    request = frame(op=1, src=guest, dst=host)
    others = [
        frame(op=2, src=host, dst=guest),
        frame(b"GET / HTTP/1.1", src=guest, dst=host),
        frame(b"Hello", src=host, dst=guest),
        frame(op=1, src=(5, 1030), dst=(2, 22)),
        frame(b"x", src=(2, 9), dst=(3, 1025)),
        b"abc",
    ]
    said = [(1, b"python3[812] > sshd[99]")]
    data = section() + interface() + enhanced(Taken(START, request, len(request)), given=said)
    return data + b"".join(enhanced(Taken(START + n, f, len(f))) for n, f in enumerate(others, 1))


# What each example takes of a capture of pcaps/, or of the one made here: as its README says that
# these went, or counted by hand.
TAKEN = {
    "cid 3": (MADE, 5),
    "cid 3 and port 1024": (MADE, 4),
    "cid 3 and port 1024 and op rw": (MADE, 2),
    "src cid 3": (MADE, 2),
    "src host and dst port 1024|1025": (MADE, 3),
    "port 1024-1030": (MADE, 6),
    "cid in {3, 5-9}": (MADE, 6),
    "not port 22": (MADE, 6),
    "123:19999": ("nested-hello.pcap", 9),
    "src 123:*": ("nested-hello.pcap", 4),
    "pair 123:19999 2:9999": ("nested-hello.pcap", 9),
    "host:9999 or *:5001": ("nested-hello.pcap", 9),
    "op request|response|rst": ("backlog-full.pcap", 10),
    "op request and dst port 5002": ("refused.pcap", 1),
    "op rst and buf_alloc 0": ("backlog-full.pcap", 1),
    "seqpacket and flags eom": ("seqpacket.pcap.zst", 6),
    "shutdown send and not shutdown rcv": ("half-close.pcap", 1),
    "g2h and op rw": ("nested-hello.pcap", 1),
    "loopback": ("hello.pcap", 9),
    "len > 0": ("hello.pcap", 2),
    "len 100-4096": ("seqpacket.pcap.zst", 2),
    "greater 1000": ("bulk.pcap.zst", 10),
    "buf_alloc < 4096": ("refused.pcap", 1),
    "fwd_cnt == 0 and op credit_update": ("buffer-change.pcap.zst", 3),
    "vsock.src_cid == 123 && vsock.virtio.op == 5": ("nested-hello.pcap", 1),
    "vsock.virtio.type in {1, 2} && !(vsock.src_port < 1024)": ("nested-hello.pcap", 9),
    "transport != virtio": ("crafted-edge-cases.pcap", 3),
    "vsock and not virtio": ("crafted-edge-cases.pcap", 5),
    "link[20:4] = 0x0f270000": ("nested-hello.pcap", 4),
    "link[64] & 3 == 3": ("hello.pcap", 1),
    "src_port == dst_port + 10000": ("nested-hello.pcap", 4),
    "virtio_src_port != src_port": ("crafted-edge-cases.pcap", 1),
    'data[0:4] = "GET "': (MADE, 1),
    "data[0:2] = 48:65": (MADE, 1),
    'payload contains "world"': ("reuse.pcap", 3),
    "payload matches /(?i)hello, *w/": ("reuse.pcap", 3),
    'notes contains "malformed"': ("crafted-edge-cases.pcap", 3),
    "flow 1": ("backlog-full.pcap", 5),
    "verdict rej|s0": ("backlog-full.pcap", 2),
    "problem and op request": ("backlog-full.pcap", 1),
    "stalled": ("slow-reader.pcap.zst", 2),
    "free < 65536 and op rw": ("slow-reader.pcap.zst", 1),
    "event stall|reset": ("slow-reader.pcap.zst", 1),
    "process python3 or process matches /^ssh/": (MADE, 4),
    "pid 812": (MADE, 4),
    "number 100-200": ("many-unread.pcap.zst", 101),
}


def taken(path: Path, expression: str) -> int:
    """Count what an expression takes of a file."""
    wanted = Options(expression=[expression], read=str(path))
    chosen = choosing.of_file(str(path), wanted, [], twice=True)
    assert chosen.taken is not None
    choice = pipeline.watched(chosen.watching, chosen.taken)
    with closing(Savefile(str(path))) as source:
        return pipeline.run(source, [], choice=choice)


def test_there_are_enough_examples() -> None:
    assert len(EXAMPLES) >= 25
    assert [example.expression for example in EXAMPLES] == list(TAKEN)


@pytest.mark.parametrize("expression", TAKEN)
def test_what_an_example_takes(expression: str, tmp_path: Path) -> None:
    name, count = TAKEN[expression]
    path = PCAPS / name
    if name == MADE:
        path = tmp_path / "made.pcapng"
        path.write_bytes(made())
    assert taken(path, expression) == count


def of_titles(*titles: str) -> Iterator[str]:
    """Yield the terms of the tables in some sections."""
    for part in manual.PAGE.sections:
        if part.title in titles:
            for block in part.blocks:
                yield from (term for term, _ in block.rows) if isinstance(block, Items) else ()


WRITTEN = [*of_titles("Values", "Addresses", "Examples"), *WORDS]


@pytest.mark.parametrize("expression", WRITTEN)
def test_what_is_written_is_an_expression(expression: str) -> None:
    tree = parse(expression)
    assert parse(str(tree)) == tree
    assert explain(tree)


def test_some_are_read_as_the_manual_says() -> None:
    for one, other in [
        ("cid not in {1, 3}", "not cid in {1, 3}"),
        ("cid in {1 3 5-9}", "cid in {1, 3, 5-9}"),
        ("port 1024..1030", "port 1024-1030"),
        ("src host", "src cid host"),
        ("port 22 or 23", "port 22 or port 23"),
        ("src cid 3 or 4", "src cid 3 or src cid 4"),
        ("greater 1000", "wire_len >= 1000"),
        ("less 1000", "wire_len <= 1000"),
        ("flags & 2", "flags & 2 != 0"),
        ("link[20]", "link[20:1]"),
        ("port 1 or port 2 and port 3", "(port 1 or port 2) and port 3"),
    ]:
        shown = [text if "link" not in text else f"{text} == 1" for text in (one, other)]
        assert parse(shown[0]) == parse(shown[1])


def commands() -> list[str]:
    blocks = [block for part in manual.PAGE.sections for block in part.blocks]
    return [line for block in blocks if isinstance(block, Code) for line in block.lines]


@pytest.mark.parametrize("line", commands())
def test_commands(line: str) -> None:
    prompt, name, *words = shlex.split(line)
    assert (prompt, name) == ("$", "vsockdump")
    if words[0] not in parser.COMMANDS:
        found = options.parse(words)
        assert parse(" ".join(found.expression)) or parse(found.display)


# --- what is in it ----------------------------------------------------------------------------

NAMES = [
    *(field.name for field in FIELDS),
    *(field.wireshark for field in FIELDS if field.wireshark),
    *(value for field in FIELDS for value in field.names),
    *[*WORDS, *SYNONYMS, *SUBJECTS, *LOADS, *RELATIONS, *BINDING, *JOINTS, *NEGATIONS],
]


@pytest.mark.parametrize("name", dict.fromkeys(NAMES))
def test_every_name_is_in_it(name: str) -> None:
    assert f"`{name}`" in manual.markdown().replace(r"\|", "|")


@pytest.mark.parametrize("name", KEYWORDS)
def test_every_keyword_is_in_it(name: str) -> None:
    assert f"`{name}" in manual.markdown()


def test_readme_is_the_manual() -> None:
    if UPDATE:
        README.write_text(manual.markdown())
    assert README.read_text() == manual.markdown()


def test_the_manual_page_is_sound(tmp_path: Path) -> None:
    if shutil.which("groff") is None:
        pytest.skip("needs groff")
    path = tmp_path / "page.7"
    path.write_text(manual.roff())
    done = run("groff", "-man", "-ww", "-Tutf8", "-P-cbou", path)
    assert (done.returncode, done.stderr) == (0, b"")
    text = " ".join(done.stdout.decode().split())
    assert "VSOCKDUMP-FILTER(7)" in text
    for sentence in (
        "vsockdump-filter - the language in which",
        "$ vsockdump -r trouble.pcapng 'op rst or len > 4096'",
        r"In quotes, \n, \r, \t, \0, \xHH, \" and \\ are what they are in C",
        "payload matches /(?i)hello, *w/ a regular expression, in any case",
    ):
        assert sentence in text


# --- pages ------------------------------------------------------------------------------------

PAGE = Page(
    "a-page",
    7,
    "shows `all` there is",
    "source 1",
    (
        Section(
            "One's own",
            (
                ".dots and 'quotes' and `a\\b`",
                Items(("term", "text"), (("a|b", "or `c-d`"), ("`x`, `y`", "both"))),
                Code(("$ line", ".line")),
            ),
        ),
    ),
)


def test_markdown() -> None:
    assert markdown(PAGE).split("\n") == [
        "# Shows `all` there is",
        "",
        "## One's own",
        "",
        ".dots and 'quotes' and `a\\b`",
        "",
        "| term | text |",
        "| --- | --- |",
        "| `a\\|b` | or `c-d` |",
        "| `x`, `y` | both |",
        "",
        "```console",
        "$ line",
        ".line",
        "```",
        "",
    ]


def test_roff() -> None:
    assert roff(PAGE).split("\n") == [
        '.TH A\\-PAGE 7 "" "source 1"',
        ".SH NAME",
        "a\\-page \\- shows \\fBall\\fR there is",
        '.SH "ONE\\(aqS OWN"',
        ".PP",
        "\\&.dots and \\(aqquotes\\(aq and \\fBa\\eb\\fR",
        ".TP",
        "\\fBa|b\\fR",
        "or \\fBc\\-d\\fR",
        ".TP",
        "\\fBx\\fR, \\fBy\\fR",
        "both",
        ".PP",
        ".RS 4",
        ".nf",
        "$ line",
        "\\&.line",
        ".fi",
        ".RE",
        "",
    ]
