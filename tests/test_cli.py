"""The command line as a whole: tcpdump's options with tcpdump's effect, streams and statuses."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import captures
from tests.captures import START, Taken, some
from tests.command import ARGV, PCAPS, Result, lines, run, vsockdump
from vsockdump.errors import DeviceError, OpenError, ReadError
from vsockdump.sources.savefile import Savefile
from vsockdump.writers.output import Output

HELLO = PCAPS / "hello.pcap"
READING = f"reading from file {HELLO}, link-type VSOCK (Linux vsock), snapshot length 262144"
ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")

# Options that change what is printed, each as tcpdump prints it with --format tcpdump.
SHOWN = """
-c3 -s0 -s96 -n -nn -e -q -x -xx -X -XX -A -AA -l -U -K -S -p -t -tt -ttt -tttt -ttttt -# -B1000
--number --print --immediate-mode --micro --nano --time-stamp-precision=nano --count -xxA -XxA
--time-stamp-precision=micro --buffer-size=1000 --snapshot-length=96 --packet-buffered -Ax -AX -xX
--no-promiscuous-mode --dont-verify-checksums --absolute-tcp-sequence-numbers
--no-such-option -c0 -cx -s262145 -tttttt -nnvXSs0 -#e -Xq -ttttnq -v -ve -vq -vtttt -vx -v#nS
-vv -vvX
"""


@pytest.fixture(scope="session")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A capture that is long to print: 30 MB, 300 000 packets."""
    path = tmp_path_factory.mktemp("big") / "big.pcap"
    head, piece = captures.pcap([]), captures.pcap(some(3000))[24:]
    with path.open("wb") as file:
        file.write(head)
        for _ in range(100):
            file.write(piece)
    return path


# --- beside tcpdump ------------------------------------------------------------------------------


@pytest.mark.skipif(not shutil.which("tcpdump"), reason="needs tcpdump")
@pytest.mark.parametrize("option", SHOWN.split())
def test_options_do_what_they_do_in_tcpdump(option: str) -> None:
    words = (option, "-r", str(HELLO))
    theirs, ours = run("tcpdump", *words), vsockdump(*words, "--format", "tcpdump")
    assert ours.stdout == theirs.stdout
    assert ours.returncode == theirs.returncode
    if theirs.returncode == 0:
        assert ours.stderr == theirs.stderr


@pytest.mark.skipif(not shutil.which("tcpdump"), reason="needs tcpdump")
@pytest.mark.parametrize("words", ["-nnvXSs0 -c2 -r", "-lr", "-nc 3 -tttt -r", "-Uw- -r"])
def test_clusters_are_taken_apart_as_tcpdump_does(words: str) -> None:
    argv = (*words.split(), str(HELLO))
    assert vsockdump("--format=tcpdump", *argv).stdout == run("tcpdump", *argv).stdout


# --- what is printed ------------------------------------------------------------------------------


def test_default_lines() -> None:
    done = vsockdump("-t", "-r", HELLO)
    assert lines(done) == [READING]
    assert done.stdout.decode().splitlines() == [
        "local:15001 > local:5001 REQUEST stream, buf 262144",
        "local:5001 > local:15001 RESPONSE stream, buf 262144",
        "local:15001 > local:5001 RW 13, free 262131",
        "local:5001 > local:15001 CREDIT_UPDATE fwd 13, free 262144",
        "local:5001 > local:15001 RW 7, free 262137",
        "local:15001 > local:5001 CREDIT_UPDATE fwd 7, free 262144",
        "local:15001 > local:5001 SHUTDOWN rcv|send",
        "local:5001 > local:15001 RST",
        "local:5001 > local:15001 RST",
    ]


def test_marks_stand_where_events_fall() -> None:
    text = vsockdump("-t", "-r", PCAPS / "slow-reader.pcap.zst").stdout.decode()
    assert (
        "\nlocal:5004 > local:15004 CREDIT_UPDATE fwd 262144, free 262144 [stalled 1.993s]" in text
    )


@pytest.mark.parametrize("words", ["--no-flow", "-Q in --no-flow"])
def test_lines_without_connections(words: str) -> None:
    text = vsockdump("-t", "-r", PCAPS / "slow-reader.pcap.zst", *words.split()).stdout.decode()
    assert "local:15004 > local:5004 RW 65536\n" in text
    assert "free" not in text
    assert "[" not in text


def test_saving_prints_nothing_unless_asked(tmp_path: Path) -> None:
    target = tmp_path / "out.pcap"
    assert vsockdump("-r", HELLO, "-w", target).stdout == b""
    both = vsockdump("-r", HELLO, "-w", target, "--print", "-c", "2")
    assert both.stdout == vsockdump("-r", HELLO, "-c", "2").stdout
    assert target.read_bytes() == HELLO.read_bytes()[: 24 + 2 * (16 + 76)]


@pytest.mark.parametrize(("words", "count"), [((), "9 packets"), (("-c", "1"), "1 packet")])
def test_count(words: tuple[str, ...], count: str) -> None:
    done = vsockdump("-r", HELLO, "--count", *words)
    assert (done.stdout.decode(), lines(done)) == (f"{count}\n", [READING])


def test_count_of_a_damaged_file(tmp_path: Path) -> None:
    path = tmp_path / "cut"
    path.write_bytes(HELLO.read_bytes()[:-1])
    done = vsockdump("-r", path, "--count")
    assert (done.stdout, done.returncode) == (b"8 packets\n", 2)
    assert lines(done)[1].startswith(f"vsockdump: {path}: damaged at byte ")


def test_direction(tmp_path: Path) -> None:
    path = tmp_path / "in"
    ends = [((3, 1), (2, 2)), ((2, 2), (3, 1)), ((1, 5), (1, 6)), ((3, 1), (4, 1))]
    frames = [captures.frame(src=src, dst=dst) for src, dst in ends]
    path.write_bytes(captures.pcap([Taken(START, one, 76) for one in frames]))
    command = ("-tnr", path, "--no-flow")
    found = {way: vsockdump(*command, "-Q", way).stdout for way in ("in", "out", "inout")}
    assert found["in"] == b"3:1 > 2:2 RW 0\n1:5 > 1:6 RW 0\n"
    assert found["out"] == b"2:2 > 3:1 RW 0\n1:5 > 1:6 RW 0\n"
    assert found["inout"] == vsockdump(*command).stdout


def test_credit_of_one_direction_takes_both_into_account() -> None:
    file = PCAPS / "nested-hello.pcap"
    whole = vsockdump("-tnr", file).stdout.splitlines()
    assert vsockdump("-tnr", file, "-Q", "in").stdout.splitlines() == [
        line for line in whole if b" > 2:" in line
    ]


def test_losses_in_the_file_are_told(tmp_path: Path) -> None:
    path = tmp_path / "in"
    path.write_bytes(captures.everything())
    said = lines(vsockdump("-r", path))[-1]
    assert said == "vsockdump: 8 packets had been lost when this file was captured"


def test_data_link_types() -> None:
    done = vsockdump("-L", "-i", "vsockmon7")
    assert done.stdout == b"Data link types for vsockmon7:\n  VSOCK (Linux vsock)\n"


def test_version_and_help() -> None:
    assert vsockdump("--version").stdout.startswith(b"vsockdump 0.")
    for word in ("-h", "--help"):
        text = vsockdump(word).stdout.decode()
        assert "\x1b" not in text
        assert all(f"\n  {name}" in text for name in ("-r FILE", "-w FILE", "--follow"))


# --- what is wrong --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        ("-r {hello} -F none", 1, "-F none: No such file or directory"),
        ("-r {hello} --bogus", 1, "unrecognized arguments: --bogus; see 'vsockdump --help'"),
        ("-r {hello} -i vsockmon0", 1, "-i captures and -r reads a file: give one of them"),
        ("-r {hello} --field src_sid", 1, "no field is called src_sid; do you mean src_cid?"),
        ("-r {hello} --field vsock.ob", 1, "no field is called vsock.ob; do you mean vsock.op?"),
        ("-r {hello} -Z nobody_at_all", 1, "-Z nobody_at_all: there is no such user"),
        ("-r {hello} -w {hello}", 1, "-w {hello}: this is the file that is read"),
        ("-r missing", 2, "missing: No such file or directory"),
        ("-r /", 2, "/: Is a directory"),
        ("-r /dev/null", 2, "/dev/null: an empty file, not a capture"),
        ("-r {here}", 2, "{here}: neither pcap nor pcapng"),
        ("-r {hello} -w /no/where", 13, "/no/where: No such file or directory"),
        ("-r {hello} -w /dev/full", 14, "/dev/full: No space left on device"),
    ],
)
def test_one_sentence_and_its_status(words: str, code: int, sentence: str) -> None:
    names = {"hello": str(HELLO), "here": __file__}
    done = vsockdump(*(word.format(**names) for word in words.split()))
    said = [line for line in lines(done) if line != READING]
    assert said == [f"vsockdump: {sentence.format(**names)}"]
    assert (done.returncode, done.stdout) == (code, b"")


def test_control_bytes_in_names_do_not_reach_a_terminal(tmp_path: Path) -> None:
    path = tmp_path / "a\x1b[31m\nb"
    path.write_bytes(HELLO.read_bytes())
    for name in (path, tmp_path / "not\x1bthere"):
        done = vsockdump("-r", name)
        assert b"\x1b" not in done.stderr + done.stdout
        assert len(lines(done)) == 1


def test_a_name_that_is_no_text() -> None:
    done = vsockdump("-r", os.fsdecode(b"\xff\xfe"))
    assert (done.returncode, len(lines(done))) == (2, 1)


@pytest.mark.standin
def test_a_link_whose_name_is_no_text(odd_name: str) -> None:
    shown = r"mon\x1b[31m\udcff"
    assert vsockdump("-D").stdout.decode() == f"1.{shown} [Up, Running]\n"
    assert f"link {shown} " in vsockdump("doctor").stdout.decode()
    assert (
        vsockdump("-L", "-i", odd_name).stdout.decode().startswith(f"Data link types for {shown}:")
    )
    done = vsockdump("-i", odd_name)
    sentence = (
        f"vsockdump: {shown}: the link's name is not UTF-8; give it another with 'ip link set'"
    )
    assert (done.returncode, lines(done)) == (DeviceError.exit_code, [sentence])


@ROOT_ONLY
def test_a_file_of_somebody_else(
    tmp_path: Path, in_child: Callable[[Callable[[], object]], int]
) -> None:
    path = tmp_path / "mine"
    path.write_bytes(HELLO.read_bytes())
    path.chmod(0o600)

    def try_it() -> None:
        os.setresuid(1234, 1234, 1234)
        with pytest.raises(ReadError, match="Permission denied"):
            Savefile(str(path))
        with pytest.raises(OpenError, match="Permission denied"):
            Output(str(path))

    assert in_child(try_it) == 0


# --- streams --------------------------------------------------------------------------------------


def shell(line: str, *words: str | Path) -> Result:
    """Run a shell's line in which "$@" is the program with these words."""
    return run("bash", "-c", line, "bash", *ARGV, *words)


@pytest.mark.parametrize("words", [(), ("-w", "-"), ("--format", "jsonl"), ("-vvX",)])
def test_a_reader_that_has_seen_enough(big: Path, words: tuple[str, ...]) -> None:
    line = '"$@" | head -c 100 >/dev/null; exit ${PIPESTATUS[0]}'
    done = shell(line, "-r", big, *words)
    said = ["vsockdump: standard output: the reader is gone"] if "-w" in words else []
    assert (done.returncode, lines(done)[1:]) == (0, said)


@pytest.mark.parametrize("words", [(), ("--count",), ("-w", "-")])
@pytest.mark.parametrize(
    ("to", "reason"), [(">&-", "Bad file descriptor"), (">/dev/full", "No space left on device")]
)
def test_output_that_goes_nowhere(words: tuple[str, ...], to: str, reason: str) -> None:
    done = shell(f'"$@" {to}', "-r", HELLO, *words)
    assert lines(done)[-1] == f"vsockdump: standard output: {reason}"
    assert set(lines(done)[:-1]) <= {READING}
    assert done.returncode == 14


def test_a_closed_output_that_is_not_needed(tmp_path: Path) -> None:
    target = tmp_path / "out.pcap"
    done = shell('"$@" >&-', "-r", HELLO, "-w", target)
    assert (done.returncode, target.read_bytes()) == (0, HELLO.read_bytes())


def test_nothing_is_said_where_nobody_hears(tmp_path: Path) -> None:
    done = shell('"$@" 2>&-', "-r", HELLO)
    assert (done.returncode, done.stdout) == (0, vsockdump("-r", HELLO).stdout)
    target = tmp_path / "out.pcap"
    assert shell('"$@" 2>&-', "-r", HELLO, "-w", target).returncode == 0
    assert target.read_bytes() == HELLO.read_bytes()  # no message got into it


def test_closed_input() -> None:
    done = shell('"$@" <&-', "-r", "-")
    assert (done.returncode, lines(done)) == (2, ["vsockdump: stdin: Bad file descriptor"])
    assert shell('"$@" <&-', "-r", HELLO).stdout == vsockdump("-r", HELLO).stdout


def test_standard_input() -> None:
    done = vsockdump("-r", "-", stdin=HELLO.read_bytes())
    assert lines(done) == [READING.replace(str(HELLO), "-")]
    assert done.stdout == vsockdump("-r", HELLO).stdout
