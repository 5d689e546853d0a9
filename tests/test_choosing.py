"""What a command line's expressions choose, of files."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.captures import Options
from tests.command import PCAPS, Result, vsockdump
from tests.conversation import Talk
from tests.talks import KERNEL_5, hello, saved, stalled
from vsockdump import choosing, options
from vsockdump.errors import UsageError


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve packets of a connection that stalls, seven of one that does not."""
    return saved(hello(on=stalled(), port=2048), tmp_path_factory.mktemp("choosing") / "f.pcapng")


def count(*words: str | Path) -> int:
    done = vsockdump(*words, "--count")
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split()[0])


def printed(done: Result) -> list[str]:
    assert done.returncode == 0, done.stderr
    return done.stdout.decode().splitlines()


@pytest.mark.parametrize(
    ("words", "packets"),
    [
        (["port", "2048"], 7),
        (["port 2048 and", "op rw"], 1),
        (["-f", "port 2048"], 7),
        (["-Y", "port 2048"], 7),
        (["port 2048", "-Y", "op rw"], 1),
        (["port", "-n", "2048"], 7),
        (["verdict stalled"], 12),
        (["-Y", "verdict stalled"], 12),
        (["problem or port 2048", "-Y", "verdict sf and not op rw"], 6),
        (["op rw", "-Y", "free 0"], 1),
        (["port 2048", "-Y", "flow 2"], 7),
        (["op rw", "-Q", "out"], 0),
        (["port 2048", "-Q", "out"], 4),
        (["-c", "3", "port 2048"], 3),
        (["-c", "3", "-Y", "port 2048"], 0),
        ([""], 19),
    ],
)
def test_what_is_taken_and_shown(capture: Path, words: list[str], packets: int) -> None:
    assert count("-r", capture, *words) == packets


def test_a_file_with_an_expression(capture: Path, tmp_path: Path) -> None:
    file = tmp_path / "expression"
    file.write_text("# one connection\nport 2048  # this\n and not op rw\n")
    assert count("-r", capture, "-F", file) == 6


def test_names(capture: Path, tmp_path: Path) -> None:
    names = tmp_path / "names.toml"
    names.write_text('[cid]\n3 = "web-vm"\n[port]\n2048 = "the agent"\n')
    assert count("-r", capture, "--names", names, "src cid web-vm") == 10
    assert count("-r", capture, "--names", names, 'port "the agent"') == 7
    assert count("-r", capture, "--names", names, 'web-vm:"the agent"') == 7


def test_numbers_and_credit_are_the_captures(capture: Path) -> None:
    shown = printed(vsockdump("-r", capture, "-#", "-t", "-Y", "port 2048 and op rw"))
    taken = printed(vsockdump("-r", capture, "-#", "-t", "port 2048 and op rw"))
    assert shown == ["   15  3:2048 > host:1234 RW 13, free 262131"]
    assert taken == shown
    fields = printed(vsockdump("-r", capture, "-Y", "op rst", "--field", "number,op"))
    assert fields == ["11\tRST", "12\tRST", "18\tRST", "19\tRST"]


def test_marks_stay_with_their_packets(capture: Path) -> None:
    (line,) = printed(vsockdump("-r", capture, "-t", "-Y", "event stall"))
    assert line.endswith("CREDIT_UPDATE fwd 262144, free 262144 [stalled 1.500s]")


def test_what_is_saved_is_what_is_taken(capture: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.pcapng"
    vsockdump("-r", capture, "-w", out, "verdict stalled", "-Y", "op rst", "--print")
    assert count("-r", out) == 12
    assert printed(vsockdump("flows", out, "--csv"))[1].split(",")[8] == "STALLED"


COMMANDS = ["flows", "problems", "stats", "credit", "ladder"]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    "expression", ["port 1024", "verdict stalled", "event stall", "src port 1024 and free 0"]
)
def test_commands_take_connections_of_which_any_packet_matches(
    capture: Path, command: str, expression: str, tmp_path: Path
) -> None:
    alone = saved(stalled(), tmp_path / "alone.pcapng")
    chosen, whole = (
        [line for line in printed(done) if not line.startswith("capture,")]  # its name and size
        for done in (
            vsockdump(command, capture, expression, "--csv"),
            vsockdump(command, alone, "--csv"),
        )
    )
    assert chosen == whole


@pytest.mark.parametrize("command", COMMANDS)
def test_a_pipe_has_whole_connections_only_by_what_all_packets_have(
    capture: Path, command: str
) -> None:
    data = capture.read_bytes()
    assert vsockdump(command, "-", "port 1024", "--csv", stdin=data).returncode == 0
    done = vsockdump(command, "-", "op", "rw", stdin=data)
    assert done.returncode == 1
    assert f"vsockdump {command} needs whole connections, and 'op rw' takes".encode() in done.stderr


@pytest.mark.parametrize("words", ["verdict stalled", "problem", "flow 1", "process x"])
def test_a_pipe_does_not_know_how_connections_end(capture: Path, words: str) -> None:
    done = vsockdump("flows", "-", words, stdin=capture.read_bytes())
    assert done.returncode == 1
    assert b"or depends on how they end" in done.stderr


@pytest.mark.parametrize("name", ["-", "loopback-to-cid-2.pcap"])
@pytest.mark.parametrize("expression", ["cid host", "host:5011", "pair 1:15011 2:5011"])
def test_loopbacks_answers_come_from_another_cid(name: str, expression: str) -> None:
    """To CID 2, and from CID 1."""
    file = PCAPS / "loopback-to-cid-2.pcap"
    data = file.read_bytes() if name == "-" else b""
    assert count("-r", file, "cid host") == 4
    whole = printed(vsockdump("flows", file, "--csv"))
    named = "-" if name == "-" else file
    assert printed(vsockdump("flows", named, expression, "--csv", stdin=data)) == whole
    assert printed(vsockdump("flows", named, f"not {expression}", "--csv", stdin=data)) == whole[:1]


@pytest.mark.parametrize("expression", ["port 2048", "verdict sf", "op rw and port 2048"])
def test_connections_keep_their_numbers(capture: Path, expression: str) -> None:
    _, line = printed(vsockdump("flows", capture, expression, "--csv"))
    assert line.startswith("2,1,3,2048,")
    ledger = printed(vsockdump("credit", capture, expression, "--csv"))
    assert ledger == printed(vsockdump("credit", capture, "--flow", "2", "--csv"))
    chosen = printed(vsockdump("ladder", capture, expression, "--json"))
    assert chosen == printed(vsockdump("ladder", capture, "--flow", "2", "--json"))


def test_the_worst_of_those_chosen_has_its_ledger(tmp_path: Path) -> None:
    three = stalled(on=stalled(on=hello(), port=5), port=6, seconds=2)
    file = saved(three, tmp_path / "f.pcapng")
    done = vsockdump("credit", file, "event stall", "--csv")
    assert b"of 2 connections this is 3, which stalled for longest" in done.stderr
    assert done.stdout == vsockdump("credit", file, "--flow", "3", "--csv").stdout
    none = vsockdump("credit", file, "port 99")
    assert (none.stdout, none.returncode) == (b"", 0)
    assert none.stderr.endswith(b"no packet belongs to a connection\n")


@pytest.mark.parametrize(
    ("words", "kernel", "taken", "whole"),
    [
        ("op rw", "op rw", False, False),
        ("port 5", "port 5", False, True),
        ("cid 3", "cid 3 or cid local", True, True),  # lines say what is known of connections
        ("cid 3 --no-flow", "cid 3", False, True),
        ("cid 3 -w f --no-flow -Y stalled --print", "cid 3 or cid local", True, True),
        ("cid 3 and op rw", "cid 3 and op rw", False, False),
        ("port 3 and stalled", "port 3", True, True),
        ("not cid 2 and stalled", "not cid host or cid local", True, True),
        ("--problems port 3", "port 3", False, True),
        ("--problems pair 3:4 2:5", "pair 3:4 2:5 or cid local", True, True),
    ],
)
def test_live_the_kernel_takes_what_following_needs(
    words: str, kernel: str, taken: bool, whole: bool
) -> None:
    wanted = options.parse(["-i", "x", *words.split()])
    found = choosing.live(wanted, None, following=not wanted.no_flow)
    assert (found.text, found.taken is not None, found.whole) == (kernel, taken, whole)
    assert bool(found.program) == bool(kernel)


@pytest.mark.parametrize("words", ["op rw", "verdict sf", "port 3 and len > 3", "src cid 3"])
def test_live_only_whole_connections_have_problems(words: str) -> None:
    with pytest.raises(UsageError, match="--problems needs whole connections"):
        choosing.live(options.parse(["-i", "x", "--problems", words]), None, following=True)


@pytest.mark.parametrize(("given", "packets"), [(KERNEL_5, 6), (((9, b"\x09"),), 12)])
def test_verdicts_are_those_of_flows_also_where_a_kernel_repeats_packets(
    given: Options, packets: int, tmp_path: Path
) -> None:
    """What it repeats belongs to no connection; of another kernel it is more than was allowed."""
    talk = Talk((3, 1024), (2, 1234)).open()
    for less in range(4):
        talk.rw("src", 65536 - less, held=0)
    twice = [each for packet in talk.packets for each in (packet, packet)]
    file = saved(twice, tmp_path / "f.pcapng", options=given)
    verdicts = {line.split(",")[8] for line in printed(vsockdump("flows", file, "--csv"))[1:]}
    assert ("OVERRUN" in verdicts) == (packets == 12)
    assert sum(count("-r", file, f"verdict {verdict}") for verdict in verdicts) == packets
    chosen = printed(vsockdump("flows", file, "src cid 3", "--csv"))
    assert chosen == printed(vsockdump("flows", file, "--csv"))


def test_a_pipe_is_read_once(capture: Path) -> None:
    done = vsockdump("-r", "-", "verdict stalled", "--count", stdin=capture.read_bytes())
    assert b"this is read only once: terms about connections go by what is known" in done.stderr
    once = vsockdump("-r", "-", "port 1", "--count", stdin=capture.read_bytes())
    assert b"only once" not in once.stderr


def test_a_file_on_standard_input_is_read_once(capture: Path) -> None:
    with capture.open("rb") as file:
        command = [sys.executable, "-m", "vsockdump", "-r", "-", "flow 2", "--count"]
        done = subprocess.run(command, stdin=file, capture_output=True, check=True)
    assert done.stdout == b"7 packets\n"


def test_a_damaged_file_is_told_of_once(capture: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.pcapng"
    cut.write_bytes(capture.read_bytes()[:-10])
    done = vsockdump("-r", cut, "-Y", "verdict stalled", "--count")
    assert (done.returncode, done.stdout) == (2, b"12 packets\n")
    assert done.stderr.count(b"damaged at byte") == 1


@pytest.mark.parametrize(
    ("words", "sentence", "below"),
    [
        ("prot 3", "filter: no term begins with 'prot'; do you mean port?", "  prot 3\n  ^"),
        ("cid guest", "of cid; there are numbers, and hypervisor, local, host, any\n", ""),
        ("cid 3 and op foo", "filter: 'foo' is no value of op; ", "  cid 3 and op foo\n"),
        ("-Y x", "filter: no term begins with 'x'", "  x\n  ^"),
        ("docter", "filter: no term begins with 'docter'; do you mean the command doctor?", ""),
        (__file__, f"; to read this file give -r {__file__}", ""),
        ("-F none", "-F none: No such file or directory", ""),
        ("-F /dev/zero", "-F /dev/zero: more than 1048576 characters are no expression", ""),
        ("port \x1b[31m", "filter: '\\x1b' means nothing here", "  port \\x1b[31m\n       ^"),
    ],
)
def test_what_is_wrong_is_told(capture: Path, words: str, sentence: str, below: str) -> None:
    done = vsockdump("-r", capture, *words.split(" "))
    assert (done.returncode, done.stdout) == (1, b"")
    assert sentence in done.stderr.decode()
    assert below in done.stderr.decode()
