"""The options: what they mean, alone and in clusters, and what contradicts itself."""

import shlex
from pathlib import Path

import pytest

from vsockdump import options
from vsockdump.errors import UsageError
from vsockdump.options import parse
from vsockdump.sources import guests
from vsockdump.style import Style
from vsockdump.writers.rotation import Rotation


def test_defaults() -> None:
    found = parse([])
    assert (found.read, found.interface, found.write, found.user) == ("", "", "", "")
    assert (found.limit, found.snaplen, found.buffer, found.times) == (0, 0, 65536, 0)
    assert (found.format, found.direction) == ("text", "inout")
    assert (found.names, found.no_flow, found.problems, found.max_flows) == (
        *("", False, False, 1_000_000),
    )
    assert options.style(found) == Style()
    assert options.rotation(found) == Rotation()


def test_a_cluster_of_letters() -> None:
    found = parse(["-nnvvXSs0", "-rfile", "-c5", "-w-"])
    assert (found.numeric, found.verbose, found.hex_ascii, found.snaplen) == (True, 2, 1, 0)
    assert (found.read, found.limit, found.write) == ("file", 5, "-")


@pytest.mark.parametrize(
    ("words", "style"),
    [
        ("-n", Style(numeric=True)),
        ("-nn", Style(numeric=True)),
        ("-e", Style(link=True)),
        ("-q", Style(quick=True)),
        ("-vvv", Style(verbose=3)),
        ("-xx -X -AA", Style(hex=2, hex_ascii=1, ascii=2)),
        ("-tttt", Style(times=4)),
        ("-#", Style(numbers=True)),
        ("--number --lengths", Style(numbers=True, lengths=True)),
        ("--nano", Style(nano=True)),
        ("--nano --micro", Style()),
        ("--time-stamp-precision nano", Style(nano=True)),
        ("--time-stamp-precision=nano --time-stamp-precision=micro", Style()),
        ("--format tcpdump", Style(tcpdump=True)),
        ("-l -U -K -S -p --immediate-mode -B 9", Style()),
        ("--no-promiscuous-mode --dont-verify-checksums", Style()),
        ("--absolute-tcp-sequence-numbers", Style()),
    ],
)
def test_looks(words: str, style: Style) -> None:
    assert options.style(parse(words.split())) == style


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [
        ("-i link", "interface", "link"),
        ("--interface=link", "interface", "link"),
        ("-r -", "read", "-"),
        ("-s 96", "snaplen", 96),
        ("--snapshot-length 262144", "snaplen", 262144),
        ("-B 4096", "buffer", 4096),
        ("--buffer-size=4096", "buffer", 4096),
        ("-Q in", "direction", "in"),
        ("--direction=out", "direction", "out"),
        ("-Z user", "user", "user"),
        ("--relinquish-privileges=user", "user", "user"),
        ("-r f --follow", "follow", True),
        ("--create", "create", True),
        ("--print", "print", True),
        ("--count", "count", True),
        ("-D", "list_interfaces", True),
        ("--list-interfaces", "list_interfaces", True),
        ("-L", "list_linktypes", True),
        ("--list-data-link-types", "list_linktypes", True),
        ("--immediate-mode", "immediate", True),
        ("--format csv", "format", "csv"),
        ("--field src_cid", "format", "fields"),
        ("--field src_cid --format jsonl", "format", "jsonl"),
        ("--names file", "names", "file"),
        ("--no-flow", "no_flow", True),
        ("--problems", "problems", True),
        ("--problems -w f --format csv", "format", "csv"),
        ("--max-flows 7", "max_flows", 7),
    ],
)
def test_values(words: str, name: str, value: object) -> None:
    assert getattr(parse(words.split()), name) == value


@pytest.mark.parametrize(
    ("words", "rotation"),
    [
        ("-C 1", Rotation(1_000_000)),
        ("-C 2k -W 3", Rotation(2048, 0, 3)),
        ("-C 2KB", Rotation(2048)),
        ("-C 1m", Rotation(1 << 20)),
        ("-C 1gb", Rotation(1 << 30)),
        ("-G 60 -W 2 -z gzip", Rotation(0, 60, 2, ("gzip",))),
        ("--postrotate-command=xz", Rotation(command=("xz",))),
        ("-z 'a b  \"c d\"'", Rotation(command=("a", "b", "c d"))),
    ],
)
def test_rotation(words: str, rotation: Rotation) -> None:
    assert options.rotation(parse(shlex.split(words))) == rotation


@pytest.mark.parametrize(
    ("command", "why"),
    [('unclosed "', "no closing quotation"), ("a\\", "no escaped character"), (" ", "no command")],
)
def test_commands_that_are_none(command: str, why: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(["-z", command])
    assert str(caught.value) == f"-z {command}: {why}"


@pytest.mark.parametrize("size", ["0", "x", "-1", "1t", "1kk", "1.5", "\u0661", "9" * 30])
def test_sizes_that_are_none(size: str) -> None:
    with pytest.raises(UsageError):
        options.rotation(parse([f"-C{size}"]))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("-i a -r b", "-i captures and -r reads a file: give one of them"),
        ("-tttttt", "-t can be given five times at the most"),
        ("--follow", "--follow goes with -r"),
        ("--format fields", "--format fields goes with --field"),
        ("--format tcpdump --field x", "--field does not go with --format tcpdump"),
        ("--field ,", "--field ,: it names no field"),
        ("--field ,, --format csv", "--field ,,: it names no field"),
        ("--print -w -", "-w - fills standard output: --print and --count have no place there"),
        ("--count -w -", "-w - fills standard output: --print and --count have no place there"),
        ("-W 2", "-W goes with -C or -G"),
        (
            "-r f --problems --count",
            "--problems prints what goes wrong: --count, --print, --no-flow",
        ),
        ("-r f --problems --no-flow", "--problems prints what goes wrong"),
        ("-r f --problems -w f --print", "--problems prints what goes wrong"),
        ("-r f --problems -w -", "--problems prints what goes wrong"),
        ("-r f --problems --field len", "--problems goes with --format text, jsonl and csv only"),
        ("-r f --problems --format tcpdump", "--problems goes with --format text, jsonl and csv"),
        ("-r f --problems -Q in", "--problems needs both directions: -Q does not go with it"),
        ("--max-flows 0", "--max-flows: 0 makes no sense; see 'vsockdump --help'"),
        ("-r f -F file port 1", "an expression was given more than once: name it, or give -f"),
        ("-r f -f op -F file", "an expression was given more than once: name it, or give -f"),
        ("-r f -w g -Y stalled", "-Y says which packets are printed, and none are: -w saves all"),
        (
            "-r f --problems -Y stalled",
            "--problems prints what goes wrong: -Y, which chooses packets",
        ),
        ("-r f --snap-payload 0", "--snap-payload goes with -i"),
        ("-i l --snap-payload 0 -s 9", "-s and --snap-payload both say what is captured"),
        ("-r f -w g --format csv", "--format csv says how to print, and -w only saves"),
        ("-c 0", "-c: 0 makes no sense; see 'vsockdump --help'"),
        ("-c -1", "-c: '-1' is no number below 2^32; see 'vsockdump --help'"),
        ("-c 4294967296", "-c: '4294967296' is no number below 2^32; see 'vsockdump --help'"),
        ("-s 262145", "-s/--snapshot-length: 262145 is more than 262144, the longest there is"),
        ("-B 0", "-B/--buffer-size: 0 makes no sense"),
        ("--coun", "unrecognized arguments: --coun; see 'vsockdump --help'"),
        ("--time-stamp-precision pico", "--time-stamp-precision: 'pico' is neither micro nor nano"),
        ("-Q up", "-Q/--direction: invalid choice: 'up'"),
        ("-r", "-r: expected one argument"),
    ],
)
def test_what_is_wrong_is_told(words: str, sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(words.split())
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize(
    ("words", "prints", "comments"),
    [
        ("-r f", True, False),
        ("-r f -vv", True, True),
        ("-r f -vv --format tcpdump", True, False),
        ("-r f --count -vv", False, False),
        ("-r f -w g -vv", False, False),
        ("-r f -w g --print -vv", True, True),
    ],
)
def test_what_is_printed(words: str, prints: bool, comments: bool) -> None:
    found = parse(words.split())
    assert (options.prints(found), options.comments(found)) == (prints, comments)


def test_names_of_guests_are_those_of_a_live_link(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(guests, "guests", lambda: {42: "web"})
    path = tmp_path / "names"
    path.write_text('[cid]\n43 = "db"\n', encoding="utf-8")
    for words, ends in [
        ("-i link", ["web:1", "43:1", "host:1"]),
        ("-r file", ["42:1", "43:1", "host:1"]),
        (f"-i link --names {path}", ["web:1", "db:1", "host:1"]),
        (f"-n -i link --names {path}", ["42:1", "43:1", "2:1"]),
    ]:
        found = options.names(parse(words.split()))
        assert [found.endpoint(cid, 1) for cid in (42, 43, 2)] == ends


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("-r f -w g", "-w saves what is captured"),
        ("-i v -w -", "name a file"),
        ("-i v --no-spool -w g", "--no-spool saves nothing"),
        ("-r f -s 76", "-s goes with -i"),
        ("-r f --count", "do not go with it"),
        ("-r f --format jsonl", "do not go with it"),
        ("-i v -w g -C 3", "do not rotate"),
        ("-r f -Q in", "say 'g2h' or 'h2g'"),
    ],
)
def test_what_has_no_place_on_a_screen(words: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        options.check_tui(parse(["--tui", *words.split()]))


@pytest.mark.parametrize(
    "words", ["", "-i v -w g -s 76 -c 5", "-r f -Y problem", "-i v --no-spool"]
)
def test_what_has(words: str) -> None:
    options.check_tui(parse(["--tui", *words.split()]))
