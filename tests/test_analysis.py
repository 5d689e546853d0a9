"""The frame of the commands that follow connections: options, and runs to their end."""

import json
import signal
from pathlib import Path

import pytest

from tests.command import PCAPS, Result, Waiting, lines, vsockdump
from tests.conversation import Talk
from tests.talks import KERNEL_5, full, hello, later, saved, stalled
from vsockdump import analysis, parser
from vsockdump.analysis import HEADERS, Wanted
from vsockdump.arguments import Group
from vsockdump.errors import UsageError

HELLO = PCAPS / "hello.pcap"
COMMANDS = ("flows", "problems", "stats", "credit", "ladder")


# --- options --------------------------------------------------------------------------------------


class Own(Wanted):
    flow = 7


def parse(*words: str) -> Own:
    def add(group: Group) -> None:
        group.number("--flow", "flow", "N", "only this", int)

    return analysis.parse(words, "flows", Own(), add)


def test_defaults() -> None:
    found = parse("file")
    assert (found.read, found.interface, found.flow) == ("file", "", 7)
    assert (found.json, found.csv, found.numeric, found.names) == (False, False, False, "")
    assert (found.limit, found.max_flows, found.snaplen) == (0, 1_000_000, HEADERS)


def test_what_is_given() -> None:
    found = parse("-", "-n", "--json", "-c", "5", "--max-flows=9", "--names", "f", "--flow", "3")
    assert (found.read, found.numeric, found.json, found.limit) == ("-", True, True, 5)
    assert (found.max_flows, found.names, found.flow) == (9, "f", 3)


@pytest.mark.parametrize(
    ("words", "read", "expression"),
    [
        (["file", "cid", "3", "--json", "and", "port 1"], "file", ["cid", "3", "and", "port 1"]),
        (["-i", "link", "cid", "3"], "", ["cid", "3"]),
        (["--json", "file"], "file", []),
    ],
)
def test_a_file_and_an_expression(words: list[str], read: str, expression: list[str]) -> None:
    found = parse(*words)
    assert (found.read, found.expression) == (read, expression)


def test_a_link() -> None:
    found = parse("-i", "vsockmon0", "-B", "4096", "-Z", "root", "--csv")
    assert (found.interface, found.buffer, found.user, found.csv) == (
        "vsockmon0",
        4096,
        "root",
        True,
    )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("", "name a file, - for stdin, or a link with -i; see 'vsockdump flows --help'"),
        ("-i link --follow", "--follow goes with a file"),
        ("file --json --csv", "--json and --csv: give one of them"),
        ("file --max-flows 0", "--max-flows: 0 makes no sense; see 'vsockdump flows --help'"),
        (
            "file -f op -F other",
            "an expression was given more than once: name it, or give -f or -F",
        ),
        ("file --js", "unrecognized arguments: --js; see 'vsockdump flows --help'"),
    ],
)
def test_what_is_wrong_is_told(words: str, sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(*words.split())
    assert str(caught.value) == sentence


@pytest.mark.parametrize("command", COMMANDS)
def test_help(command: str) -> None:
    done = vsockdump(command, "--help")
    text = done.stdout.decode()
    assert (done.returncode, done.stderr) == (0, b"")
    assert text.startswith(f"usage: vsockdump {command} [FILE | -i LINK] [options] [EXPRESSION]\n")
    assert all(f"\n  {name}" in text for name in ("FILE", "-i, --interface", "--json", "--csv"))
    assert f"\n  vsockdump {command:10}" in vsockdump("--help").stdout.decode()


def test_every_command_has_a_module() -> None:
    for command in parser.COMMANDS:
        assert vsockdump(command, "--help").returncode == 0


# --- runs -----------------------------------------------------------------------------------------


def flows(done: Result) -> list[dict[str, object]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_and_a_pipe_give_the_same(command: str) -> None:
    plain = vsockdump(command, HELLO)
    piped = vsockdump(command, "-", stdin=HELLO.read_bytes())
    said = plain.stdout.replace(str(HELLO).encode(), b"-")
    assert plain.returncode == piped.returncode == 0
    if command != "stats":  # which says how large a file is
        assert (said, plain.stderr) == (piped.stdout, piped.stderr)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_damaged_file_is_followed_up_to_the_damage(tmp_path: Path, command: str) -> None:
    path = tmp_path / "cut"
    path.write_bytes(HELLO.read_bytes()[:-1])
    done = vsockdump(command, path)
    assert done.returncode == 2
    assert lines(done)[-1].startswith(f"vsockdump: {path}: damaged at byte ")
    assert done.stdout


def test_what_was_followed_up_to_a_damage(tmp_path: Path) -> None:
    path = saved(hello(), tmp_path / "cut")
    path.write_bytes(path.read_bytes()[:-1])
    (flow,) = flows(vsockdump("flows", path, "--json"))
    assert (flow["packets_rev"], flow["verdict"]) == (3, "SF")  # all but the second RST


def test_a_limit() -> None:
    (flow,) = flows(vsockdump("flows", HELLO, "--json", "-c", "3"))
    assert (flow["packets_fwd"], flow["packets_rev"], flow["state"]) == (2, 1, "open")


def test_names(tmp_path: Path) -> None:
    path = tmp_path / "names"
    path.write_text('[cid]\n1 = "käse"\n[port]\n5001 = "agent"\n', encoding="utf-8")
    text = vsockdump("flows", HELLO, "--names", path).stdout.decode()
    assert "käse:15001 > käse:agent" in text
    assert "1:15001 > 1:5001" in vsockdump("flows", HELLO, "-n").stdout.decode()
    done = vsockdump("flows", HELLO, "--names", tmp_path)
    assert (done.returncode, lines(done)) == (1, [f"vsockdump: --names {tmp_path}: Is a directory"])


def test_too_many_connections(tmp_path: Path) -> None:
    """Each is in the list, and what became of those that were still open is not known."""
    talk = hello()
    for port in range(2000, 2009):
        Talk((3, port), (2, 1234), on=talk).open()
    path = saved(talk, tmp_path / "many")
    done = vsockdump("flows", path, "--json", "--max-flows", "4")
    assert [flow["flow"] for flow in flows(done)] == list(range(1, 11))
    assert "; 6 connections forgotten to make room (--max-flows)" in lines(done)[0]
    assert lines(vsockdump("flows", path, "--max-flows", "10")) == []


@pytest.mark.parametrize(("dropped", "verdict"), [(0, "sure"), (5, "unsure")])
def test_losses_are_told_and_lower_trust(tmp_path: Path, dropped: int, verdict: str) -> None:
    path = saved(stalled(), tmp_path / "lost", dropped=dropped)
    done = vsockdump("flows", path, "--json")
    (flow,) = flows(done)
    assert (flow["verdict"], flow["confidence"]) == ("STALLED", verdict)
    assert [line for line in lines(done) if "5 packets lost" in line] == lines(done)[: dropped // 5]


def test_a_kernel_that_repeats_packets_is_known_by_its_name(tmp_path: Path) -> None:
    talk = hello()
    twice = [each for packet in talk.packets for each in (packet, packet)]
    (flow,) = flows(vsockdump("flows", saved(twice, tmp_path / "a", options=KERNEL_5), "--json"))
    assert (flow["packets_fwd"], flow["bytes_fwd"]) == (3, 13)


def test_a_signal_ends_in_order(tmp_path: Path) -> None:
    """One problem is seen at once, the other only when no more packets come."""
    talk = stalled()
    later(full(on=talk, port=99), 2)
    hello(on=talk, port=98)
    data = saved(talk, tmp_path / "file").read_bytes()
    waiting = Waiting("--problems", "--format", "jsonl", data=data)
    first = json.loads(waiting.first_line())
    waiting.process.send_signal(signal.SIGINT)
    status, out, said = waiting.end()
    (last,) = map(json.loads, out.splitlines())
    assert [(each["flow"], each["lifted"]) for each in (first, last)] == [(1, True), (2, False)]
    assert (status, said) == (0, b"")
