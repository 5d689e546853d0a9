"""Capture files as they are written: byte-exact copies, and what other programs read in them."""

import itertools
import os
import shutil
import struct
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import dpkt
import pytest

from tests import captures
from tests.captures import SECOND, START, Taken, some
from tests.command import PCAPS, run, vsockdump
from vsockdump.engine.batch import Batch
from vsockdump.errors import WriteError
from vsockdump.formats import pcapng
from vsockdump.formats.pcapng import Drops
from vsockdump.interface import Interface
from vsockdump.packet import packet
from vsockdump.sources.savefile import Savefile
from vsockdump.writers.capture import CopyWriter, PcapngWriter, PcapWriter, Section, Writer
from vsockdump.writers.output import Output

MARKED = [taken._replace(time=START + n * 123_456_789) for n, taken in enumerate(some(20))]
MARKED.append(Taken(START + 7, captures.frame(bytes(300))[:96], 376))  # cut by a snaplen
HELLO = Interface(captures.VSOCK, "vsockmon0", 262144, "Linux 6.1", "port 1")

needs_tcpdump = pytest.mark.skipif(not shutil.which("tcpdump"), reason="needs tcpdump")
needs_tshark = pytest.mark.skipif(not shutil.which("tshark"), reason="needs tshark")


def batches(path: Path) -> Iterator[tuple[Savefile, Batch]]:
    source = Savefile(str(path))
    for batch in source.batches():
        assert batch is not None
        yield source, batch
    source.close()


def frames(path: Path) -> list[Taken]:
    return [
        Taken(batch.column("time")[row], batch.frame(row), batch.column("wire_len")[row])
        for _, batch in batches(path)
        for row in range(len(batch))
    ]


def write(path: Path, data: bytes, make: Callable[[Output, Savefile], Writer]) -> Path:
    """Write a capture again by a writer of our own choice."""
    source, target = path / "in", path / "out"
    source.write_bytes(data)
    with closing(Savefile(str(source))) as read:
        writer = make(Output(str(target)), read)
        for batch in read.batches():
            assert batch is not None
            writer.pass_on(batch.blocks)
            writer.write(batch, 0, len(batch))
    writer.finish([Drops(0, 100, 7)], START)
    writer.output.close()
    return target


# --- copies ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [captures.everything(), captures.pcapng(some(50)), captures.pcapng(some(3), ">")],
    ids=["everything", "little", "big"],
)
def test_a_copy_of_pcapng_is_the_same_file(tmp_path: Path, data: bytes) -> None:
    source, target = tmp_path / "in", tmp_path / "out.pcapng"
    source.write_bytes(data)
    done = vsockdump("-r", source, "-w", target)
    assert (done.returncode, done.stdout) == (0, b"")
    assert target.read_bytes() == data


def test_a_copy_of_a_real_pcapng(tmp_path: Path) -> None:
    source, target = PCAPS / "hello-dumpcap.pcapng", tmp_path / "out.pcapng"
    assert vsockdump("-r", source, "-w", target).returncode == 0
    assert target.read_bytes() == source.read_bytes()


def test_a_copy_of_a_cut_file_ends_before_the_cut(tmp_path: Path) -> None:
    source, target = tmp_path / "in", tmp_path / "out.pcapng"
    source.write_bytes(captures.pcapng(some(9))[:-3])
    assert vsockdump("-r", source, "-w", target).returncode == 2
    assert target.read_bytes() == captures.pcapng(some(8))


def test_part_of_a_pcapng_keeps_its_description(tmp_path: Path) -> None:
    source, target = tmp_path / "in", tmp_path / "out.pcapng"
    data = captures.everything()
    source.write_bytes(data)
    assert vsockdump("-r", source, "-w", target, "-c", "2").returncode == 0
    assert data.startswith(target.read_bytes())
    assert frames(target) == frames(source)[:2]


def test_blocks_stay_where_packets_are_left_out(tmp_path: Path) -> None:
    first, second = captures.frame(dst=(9, 9)), captures.frame(src=(9, 9))
    data = captures.section() + captures.interface()
    kept = captures.enhanced(Taken(START, first, 76), given=((1, b"kept"),))
    dropped = captures.enhanced(Taken(START, second, 76))
    custom = captures.block(captures.CUSTOM, b"1234")
    source, target = tmp_path / "in", tmp_path / "out.pcapng"
    source.write_bytes(data + kept + dropped + kept + custom + dropped + kept)
    assert vsockdump("-r", source, "-w", target, "-Q", "in").returncode == 0
    assert target.read_bytes() == data + dropped + custom + dropped


def test_every_file_of_a_copy_has_the_section_so_far(tmp_path: Path) -> None:
    section = Section()
    first = captures.section(">") + captures.interface(">")
    known = captures.section(">", length=len(captures.interface(">"))) + captures.interface(">")
    CopyWriter(Output(str(tmp_path / "one")), section).pass_on(
        known + captures.statistics(1, 1, ">")
    )
    CopyWriter(Output(str(tmp_path / "two")), section)
    assert (tmp_path / "two").read_bytes() == first
    second = captures.section("<") + captures.interface()
    CopyWriter(Output(str(tmp_path / "three")), section).pass_on(second)
    CopyWriter(Output(str(tmp_path / "four")), section)
    assert (tmp_path / "four").read_bytes() == second


# --- conversions ----------------------------------------------------------------------------------


@pytest.mark.parametrize("order", "<>")
def test_pcap_to_pcapng_and_back(tmp_path: Path, order: str) -> None:
    first, middle, last = tmp_path / "a.pcap", tmp_path / "b.pcapng", tmp_path / "c.pcap"
    first.write_bytes(captures.pcap(MARKED, order, captures.NANO))
    assert vsockdump("-r", first, "-w", middle).returncode == 0
    assert vsockdump("-r", middle, "-w", last, "--nano").returncode == 0
    assert frames(middle) == MARKED
    assert last.read_bytes() == captures.pcap(MARKED, "<", captures.NANO)


def test_pcapng_to_pcap_in_microseconds(tmp_path: Path) -> None:
    source, target = tmp_path / "in", tmp_path / "out.pcap"
    source.write_bytes(captures.pcapng(MARKED))
    assert vsockdump("-r", source, "-w", target).returncode == 0
    assert target.read_bytes() == captures.pcap(MARKED)


def test_a_cooked_capture_keeps_its_link_type(tmp_path: Path) -> None:
    for name in ("any-sll1.pcap", "any-sll2.pcap"):
        assert vsockdump("-r", PCAPS / name, "-w", tmp_path / name).returncode == 0
        assert (tmp_path / name).read_bytes() == (PCAPS / name).read_bytes()


def test_a_pcap_file_holds_one_link_type(tmp_path: Path) -> None:
    data = captures.section() + captures.interface() + captures.interface(linktype=captures.SLL2)
    data += captures.enhanced(MARKED[0]) + captures.enhanced(MARKED[1])
    source, target = tmp_path / "in", tmp_path / "out.pcap"
    source.write_bytes(data)  # the second interface has no packets: nothing is wrong yet
    assert vsockdump("-r", source, "-w", target).returncode == 0
    source.write_bytes(data + captures.enhanced(MARKED[2], number=1))
    done = vsockdump("-r", source, "-w", target)
    assert done.returncode == 14
    assert b"a pcap file holds one link type only; write a .pcapng file" in done.stderr


@pytest.mark.parametrize("suffix", [".pcapng", ".ntar", ".pcap", ".dump", ""])
def test_the_suffix_decides(tmp_path: Path, suffix: str) -> None:
    target = tmp_path / f"out{suffix}"
    assert vsockdump("-r", PCAPS / "hello.pcap", "-w", target).returncode == 0
    is_pcapng = target.read_bytes().startswith(b"\x0a\x0d\x0d\x0a")
    assert is_pcapng == (suffix in (".pcapng", ".ntar"))


def test_to_standard_output() -> None:
    done = vsockdump("-r", PCAPS / "hello.pcap", "-w", "-")
    assert done.stdout == (PCAPS / "hello.pcap").read_bytes()


def test_nothing_in_nothing_out(tmp_path: Path) -> None:
    source = tmp_path / "in"
    for data in (captures.section(), captures.section() + captures.interface()):
        source.write_bytes(data)
        assert vsockdump("-r", source, "-w", tmp_path / "out.pcap").returncode == 0
        assert (tmp_path / "out.pcap").read_bytes() == captures.pcap([])
        assert vsockdump("-r", source, "-w", tmp_path / "out.pcapng").returncode == 0
        assert (tmp_path / "out.pcapng").read_bytes() == data


# --- what is in them ------------------------------------------------------------------------------


def test_pcapng_says_where_it_comes_from(tmp_path: Path) -> None:
    made = write(tmp_path, captures.pcap(MARKED), lambda output, _: PcapngWriter(output, [HELLO]))
    blocks = list(pcapng.split(made.read_bytes()))
    assert [kind for kind, _ in blocks] == [pcapng.SECTION, 1, *[6] * len(MARKED), 5]
    assert pcapng.section_os(blocks[0][1], "<") == f"Linux {os.uname().release}"
    assert pcapng.parse_interface(blocks[1][1], "<") == HELLO
    assert pcapng.parse_statistics(blocks[-1][1], "<") == Drops(0, 100, 7)
    assert struct.unpack_from("<II", blocks[-1][1], 12) == divmod(START, 1 << 32)


def test_pcap_refuses_a_second_link_type(tmp_path: Path) -> None:
    data = captures.section() + captures.interface() + captures.interface(linktype=captures.SLL)
    data += captures.enhanced(MARKED[0]) + captures.enhanced(MARKED[1], number=1)
    with pytest.raises(WriteError, match="one link type only"):
        write(tmp_path, data, lambda output, source: PcapWriter(output, source.interfaces))


@pytest.mark.parametrize("kind", [PcapWriter, PcapngWriter])
def test_sizes_are_those_written(
    tmp_path: Path, kind: Callable[[Output, list[Interface]], Writer]
) -> None:
    (tmp_path / "in").write_bytes(captures.pcap(MARKED))
    ((source, batch),) = batches(tmp_path / "in")
    writer = kind(Output(str(tmp_path / "out")), source.interfaces)
    sizes = writer.sizes(batch)
    for row in range(len(batch)):
        before = writer.output.size
        writer.write(batch, row, row + 1)
        assert writer.output.size - before == sizes[row]


# --- other readers --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same packets written as each kind of file."""
    folder = tmp_path_factory.mktemp("written")
    source = folder / "in.pcap"
    source.write_bytes(captures.pcap(MARKED, magic=captures.NANO))
    files = {
        name: folder / f"{name}.{name.split('-')[0]}" for name in ("pcap", "pcapng", "pcap-ns")
    }
    for name, path in files.items():
        nano = ["--nano"] if name == "pcap-ns" else []
        assert vsockdump("-r", source, "-w", path, *nano).returncode == 0
    return files


SAID = {3: "python3[812] > ?", 4: "z\u00fcrich[1] > sshd[99]"}


@pytest.fixture(scope="module")
def commented(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Packets that were captured, with what a sink before the writer had to say."""
    folder = tmp_path_factory.mktemp("commented")
    source, target = folder / "in", folder / "out.pcapng"
    source.write_bytes(captures.pcap(MARKED, magic=captures.NANO))
    output = Output(str(target))
    with closing(Savefile(str(source))) as read:
        writer = PcapngWriter(output, read.interfaces)
        (batch,) = [found for found in read.batches() if found]
        batch.comments = {row: text.encode() for row, text in SAID.items()}
        sizes, size = writer.sizes(batch), output.size
        writer.write(batch, 0, len(batch))
        assert output.size - size == sum(sizes)
    output.close()
    return target


def test_comments_are_read_back(commented: Path) -> None:
    for _, batch in batches(commented):
        found = {row: packet(batch, row).comments for row in range(len(batch))}
    assert found == {row: (SAID[row],) if row in SAID else () for row in range(len(MARKED))}
    assert frames(commented) == MARKED


@needs_tshark
def test_tshark_reads_the_comments(commented: Path) -> None:
    words = ("-T", "fields", "-e", "frame.number", "-e", "frame.comment")
    lines = run("tshark", "-r", commented, *words).stdout.decode().splitlines()
    found = [line.split("\t") for line in lines]
    assert found == [[str(row + 1), SAID.get(row, "")] for row in range(len(MARKED))]


KINDS = [("pcap", 1000), ("pcapng", 1), ("pcap-ns", 1)]


@needs_tcpdump
@pytest.mark.parametrize(("kind", "unit"), KINDS)
def test_tcpdump_reads_it(written: dict[str, Path], kind: str, unit: int) -> None:
    done = run("tcpdump", "-tt", "-xx", "--nano", "-r", written[kind])
    text = done.stdout.decode()
    stamps = [line.split()[0] for line in text.splitlines() if "VIRTIO" in line]
    assert stamps == [in_seconds(taken.time // unit * unit) for taken in MARKED]
    words = [line.split(":  ")[1].replace(" ", "") for line in text.splitlines() if "0x" in line]
    assert "".join(words) == b"".join(taken.frame for taken in MARKED).hex()


@needs_tshark
@pytest.mark.parametrize(("kind", "unit"), KINDS)
def test_tshark_reads_it(written: dict[str, Path], kind: str, unit: int) -> None:
    names = ("frame.time_epoch", "frame.len", "frame.cap_len")
    wanted = list(itertools.chain.from_iterable(("-e", name) for name in names))
    done = run("tshark", "-r", written[kind], "-T", "fields", *wanted)
    found = [line.split("\t") for line in done.stdout.decode().splitlines()]
    assert found == [
        [in_seconds(t.time // unit * unit), str(t.wire), str(len(t.frame))] for t in MARKED
    ]


@pytest.mark.parametrize(("kind", "unit"), KINDS)
def test_dpkt_reads_it(written: dict[str, Path], kind: str, unit: int) -> None:
    with written[kind].open("rb") as file:
        reader = dpkt.pcapng.Reader(file) if kind == "pcapng" else dpkt.pcap.Reader(file)
        found = [(round(float(time) * 1e6), bytes(data)) for time, data in reader]
        assert reader.datalink() == captures.VSOCK
    expected = [(t.time // unit * unit / 1e3, t.frame) for t in MARKED]
    assert [data for _, data in found] == [data for _, data in expected]
    assert all(abs(a[0] - b[0]) <= 1 for a, b in zip(found, expected, strict=True))  # its floats


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("kind", "unit"), KINDS)
def test_scapy_reads_it(written: dict[str, Path], kind: str, unit: int) -> None:
    from scapy.utils import RawPcapNgReader, RawPcapReader  # noqa: PLC0415 - takes a second

    reader = (RawPcapNgReader if kind == "pcapng" else RawPcapReader)(str(written[kind]))
    assert [data for data, _ in reader] == [taken.frame for taken in MARKED]
    reader.close()
    assert unit in (1, 1000)


def in_seconds(ns: int) -> str:
    return f"{ns // SECOND}.{ns % SECOND:09d}"
