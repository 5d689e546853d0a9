"""Sets of files that follow each other: names and contents as tcpdump's."""

import os
import shlex
import shutil
import signal
import subprocess
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests import captures
from tests.captures import SECOND, START, Taken, some
from tests.command import ARGV, lines, run, start, vsockdump
from vsockdump.interface import Interface
from vsockdump.sources.savefile import Savefile
from vsockdump.writers.capture import PcapWriter
from vsockdump.writers.output import Output
from vsockdump.writers.recorder import Full, Recorder
from vsockdump.writers.rotation import Rotation

PACKETS = [
    Taken(START + n * SECOND // 50, captures.frame(bytes(1000 + n % 3)), 1076 + n % 3)
    for n in range(3000)
]


@pytest.mark.parametrize(
    ("rotation", "names"),
    [
        (Rotation(), ["f", "f", "f"]),
        (Rotation(size=1), ["f", "f1", "f2"]),
        (Rotation(size=1, files=1), ["f", "f", "f"]),
        (Rotation(size=1, files=3), ["f0", "f1", "f2"]),
        (Rotation(size=1, files=10), ["f0", "f1", "f2"]),
        (Rotation(size=1, files=11), ["f00", "f01", "f02"]),
        (Rotation(size=1, files=101), ["f000", "f001", "f002"]),
        (Rotation(seconds=1, files=3), ["f", "f", "f"]),
    ],
)
def test_names(rotation: Rotation, names: list[str]) -> None:
    assert [rotation.name("f", number, 0) for number in range(3)] == names


def test_names_hold_the_time_where_it_rotates() -> None:
    assert Rotation(seconds=1).name("f%s", 0, 1234) == "f1234"
    assert Rotation(size=1, seconds=1).name("f%s", 2, 1234) == "f12342"
    assert Rotation(size=1).name("f%s", 0, 1234) == "f%s"


# --- beside tcpdump -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A capture of a minute and three million bytes."""
    path = tmp_path_factory.mktemp("long") / "in.pcap"
    path.write_bytes(captures.pcap(PACKETS))
    return path


def made(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.skipif(not shutil.which("tcpdump"), reason="needs tcpdump")
@pytest.mark.parametrize(
    "words", ["-C 1", "-C 2", "-C 1 -W 1", "-C 1 -W 2", "-C 1 -W 3", "-C 1 -W 10", "-C 1 -W 11", ""]
)
def test_files_are_those_of_tcpdump(tmp_path: Path, long: Path, words: str) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    ours.mkdir()
    theirs.mkdir()
    rest = ["-Z", "root", *words.split(), "-r", str(long), "-w", "out%d.pcap"]
    assert run("tcpdump", *rest, cwd=theirs).returncode == 0
    assert vsockdump(*rest, cwd=ours).returncode == 0
    assert made(ours) == made(theirs)


# --- by time: tcpdump's clock is the wall's, ours the packets' ----------------------------------


def starts(folder: Path) -> dict[str, list[int]]:
    """Name every file, with the seconds since START of its first and its last packet."""
    found = {}
    for path in sorted(folder.iterdir()):
        with closing(Savefile(str(path))) as source:
            times = [t for batch in source.batches() if batch for t in batch.column("time")]
        found[path.name] = [(t - START) // SECOND for t in (times[0], times[-1])]
    return found


def test_a_file_for_each_interval(tmp_path: Path, long: Path) -> None:
    done = vsockdump("-Z", "root", "-G", "20", "-r", str(long), "-w", "f%s.pcap", cwd=tmp_path)
    assert done.returncode == 0
    assert starts(tmp_path) == {
        "f1700000000.pcap": [0, 19],
        "f1700000020.pcap": [20, 39],
        "f1700000040.pcap": [40, 59],
    }


def test_the_end_after_so_many_intervals(tmp_path: Path, long: Path) -> None:
    words = ["-Z", "root", "-G", "20", "-W", "2", "-r", str(long), "-w", "f%H%M%S.pcap"]
    done = vsockdump(*words, cwd=tmp_path)
    assert done.returncode == 0
    assert done.stderr.endswith(b"Maximum file limit reached: 2\n")
    assert starts(tmp_path) == {"f221320.pcap": [0, 19], "f221340.pcap": [20, 39]}


def test_size_and_time_together(tmp_path: Path, long: Path) -> None:
    words = ["-Z", "root", "-G", "40", "-C", "1", "-r", str(long), "-w", "f%s."]
    assert vsockdump(*words, cwd=tmp_path).returncode == 0
    first, second = "f1700000000.", "f1700000040."
    assert list(starts(tmp_path)) == [first, f"{first}1", f"{first}2", second, f"{second}1"]


def test_an_interval_without_packets_makes_no_file(tmp_path: Path) -> None:
    source = tmp_path / "in"
    later = [taken._replace(time=taken.time + 100 * SECOND) for taken in some(2)]
    source.write_bytes(captures.pcap(some(2) + later))
    folder = tmp_path / "out"
    folder.mkdir()
    vsockdump("-Z", "root", "-G", "10", "-r", str(source), "-w", "f%s", cwd=folder)
    assert sorted(made(folder)) == ["f1700000000", "f1700000100"]


def test_a_live_capture_begins_its_file_at_once(tmp_path: Path) -> None:
    recorder = open_recorder(tmp_path, Rotation(seconds=5), 1234)
    assert list(made(tmp_path)) == ["f1234"]
    recorder.close([])


# --- pcapng -------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", "<>")
def test_every_file_of_a_set_can_be_read(tmp_path: Path, order: str) -> None:
    source, folder = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    source.write_bytes(captures.pcapng(PACKETS, order))
    words = ["-Z", "root", "-C", "1", "-r", str(source), "-w", "f.pcapng"]
    assert vsockdump(*words, cwd=folder).returncode == 0
    assert sorted(made(folder)) == ["f.pcapng", "f.pcapng1", "f.pcapng2", "f.pcapng3"]
    head = len(captures.pcapng([], order))
    joined = b"".join(made(folder)[name][head:] for name in sorted(made(folder)))
    assert captures.pcapng([], order) + joined == source.read_bytes()
    for path in folder.iterdir():
        if shutil.which("tshark"):
            found = run("tshark", "-r", path, "-T", "fields", "-e", "vsock.src_cid").stdout
            assert set(found.split()) == {b"3"}


def test_blocks_that_come_alone_wait_for_the_first_packet(tmp_path: Path) -> None:
    data = captures.pcapng(some(2))
    slow = f"head -c 60 {tmp_path}/in; sleep 0.3; tail -c +61 {tmp_path}/in"
    (tmp_path / "in").write_bytes(data)
    words = ["-Z", "root", "-G", "10", "-r", "-", "-w", "f%s.pcapng"]
    done = run("bash", "-c", f'({slow}) | "$@"', "bash", *ARGV, *words, cwd=tmp_path)
    assert done.returncode == 0
    (tmp_path / "in").unlink()
    assert made(tmp_path) == {"f1700000000.pcapng": data}


def test_a_copy_without_packets_is_a_copy(tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.write_bytes(captures.pcapng([]))
    words = ["-Z", "root", "-G", "10", "-r", str(source), "-w", "out.pcapng"]
    assert vsockdump(*words, cwd=tmp_path).returncode == 0
    assert (tmp_path / "out.pcapng").read_bytes() == source.read_bytes()


# --- -z -----------------------------------------------------------------------------------------


@pytest.fixture
def command(tmp_path: Path) -> str:
    script = tmp_path / "note"
    script.write_text('#!/bin/sh\necho "$1 $(wc -c < "$2")" >> "$(dirname "$0")/log"\n')
    script.chmod(0o755)
    return f"{script} word"


@pytest.mark.parametrize(("words", "finished"), [("-C 1", 3), ("-G 20", 2), ("", 0)])
def test_every_file_that_another_follows_goes_to_the_command(
    tmp_path: Path, long: Path, command: str, words: str, finished: int
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    rest = ["-Z", "root", *words.split(), "-z", command, "-r", str(long), "-w", "f%s"]
    assert vsockdump(*rest, cwd=folder).returncode == 0
    sizes = [len(data) for _, data in sorted(made(folder).items())]
    assert noted(tmp_path) == sorted(f"word {size}" for size in sizes[:finished])


def noted(folder: Path) -> list[str]:
    log = folder / "log"
    return sorted(log.read_text().splitlines()) if log.exists() else []


@pytest.mark.skipif(not shutil.which("tcpdump"), reason="needs tcpdump")
@pytest.mark.parametrize("words", ["", "-C 1", "-C 1 -W 1", "-C 1 -W 2"])
def test_the_command_gets_the_files_that_tcpdump_gives_it(
    tmp_path: Path, long: Path, words: str
) -> None:
    script = tmp_path / "note"
    script.write_text('#!/bin/sh\necho "$1" >> "$(dirname "$0")/log"\n')
    script.chmod(0o755)
    rest = ["-Z", "root", *words.split(), "-z", str(script), "-r", str(long), "-w", "f"]
    for argv in (["tcpdump"], [*ARGV]):
        assert run(*argv, *rest, cwd=tmp_path).returncode == 0
    expected = {"": [], "-C 1": ["f", "f1", "f2"], "-C 1 -W 1": ["f"] * 3}.get(words)
    ours = theirs = expected if expected is not None else ["f0", "f0", "f1"]
    deadline = time.monotonic() + 20
    while len(noted(tmp_path)) < len(ours + theirs) and time.monotonic() < deadline:
        time.sleep(0.01)  # tcpdump does not wait for it
    assert noted(tmp_path) == sorted(ours + theirs)


@pytest.mark.parametrize(
    ("command", "how"),
    [
        ("/no/such", "exit status 127"),
        ("sh -c 'exit 3'", "exit status 3"),
        ("sh -c 'kill -9 $$'", "signal 9"),
    ],
)
def test_a_command_that_fails_is_said_once(
    tmp_path: Path, long: Path, command: str, how: str
) -> None:
    words = ["-Z", "root", "-C", "1", "-z", command, "-r", str(long), "-w", "f"]
    done = vsockdump(*words, cwd=tmp_path)
    said = [line for line in lines(done) if line.startswith("vsockdump: ")]
    asked = " ".join(shlex.split(command))
    assert len(said) == 1
    assert said[0] in [f"vsockdump: -z {asked}: it failed on f{n} ({how})" for n in ("", 1, 2)]
    assert (done.returncode, len(made(tmp_path))) == (0, 4)


def test_a_command_is_waited_for(tmp_path: Path, long: Path) -> None:
    words = ["-Z", "root", "-C", "1", "-z", "sh -c 'sleep 0.5; touch $0.done'"]
    assert vsockdump(*words, "-r", long, "-w", "f", cwd=tmp_path).returncode == 0
    assert sorted(name for name in made(tmp_path) if "done" in name) == [
        "f.done", "f1.done", "f2.done",
    ]  # fmt: skip


def test_a_second_ctrl_c_ends_the_wait_for_a_command(tmp_path: Path, long: Path) -> None:
    slow = "sh -c 'echo $$ > $0.pid; exec sleep 60 > /dev/null 2>&1'"
    words = ["-Z", "root", "-C", "1", "-z", slow, "-r", str(long), "-w", "f"]
    process = start(*words, cwd=tmp_path)
    try:
        deadline = time.monotonic() + 20
        while len(pids(tmp_path)) < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
        for _ in range(2):
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.3)
            process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=20)[1]
        assert (process.returncode, b"Traceback" in said) == (128 + signal.SIGINT, False)
    finally:
        process.kill()
        for pid in pids(tmp_path):
            os.kill(pid, signal.SIGKILL)


def pids(folder: Path) -> list[int]:
    return [int(text) for path in folder.glob("*.pid") if (text := path.read_text())]


# --- the sink -----------------------------------------------------------------------------------


def open_recorder(folder: Path, rotation: Rotation, second: int | None = None) -> Recorder:
    def open_writer(output: Output) -> PcapWriter:
        return PcapWriter(output, [Interface(captures.VSOCK)])

    return Recorder(str(folder / "f%s"), open_writer, rotation, second)


def test_full_ends_the_run_once(tmp_path: Path, long: Path) -> None:
    recorder = open_recorder(tmp_path, Rotation(seconds=20, files=1))
    with closing(Savefile(str(long))) as source, pytest.raises(Full):
        for batch in source.batches():
            assert batch is not None
            recorder.feed(batch)
    recorder.close([])
    assert list(starts(tmp_path).values()) == [[0, 19]]


def test_flush_reaches_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = open_recorder(tmp_path, Rotation())
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    recorder.flush()
    assert recorder.output is not None
    assert synced == [recorder.output.fd]
    recorder.close([])


def test_a_flush_between_two_files_finds_none(
    tmp_path: Path, long: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = open_recorder(tmp_path, Rotation(size=1))
    close, closed = Output.close, []

    def close_and_flush(output: Output) -> None:
        close(output)
        closed.append(output)
        recorder.flush()

    monkeypatch.setattr(Output, "close", close_and_flush)
    with closing(Savefile(str(long))) as source:
        for batch in source.batches():
            if batch is not None:
                recorder.feed(batch)
    recorder.close([])
    assert len(closed) == len(made(tmp_path)) > 1


def test_a_next_file_that_cannot_be_made(tmp_path: Path, long: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "f1").mkdir()
    done = vsockdump("-Z", "root", "-C", "1", "-r", str(long), "-w", "f", cwd=folder)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (13, b"vsockdump: f1: Is a directory")
    (folder / "f1").rmdir()
    assert starts(folder)["f"] == [0, 18]
