"""What rows of the packet list say, held against the program's own lines."""

from pathlib import Path

import pytest

from tests.captures import SECOND, START, Taken, frame, pcap
from tests.command import PCAPS, vsockdump
from tests.looking import opened
from vsockdump.browsing.opened import Opened
from vsockdump.errors import UsageError
from vsockdump.names import NUMERIC, Names
from vsockdump.tui.packetcells import USUAL, Cells, Times

CAPTURES = sorted(p for p in PCAPS.iterdir() if ".pcap" in p.name)


def texts(found: Opened, number: int, *names: str, words: Names | None = None) -> list[str]:
    return list(Cells(found, (words or Names()).endpoint, names or USUAL).row(number).texts)


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_every_packet_says_what_its_line_says(path: Path) -> None:
    lines = vsockdump("-r", path, "-t").stdout.decode().splitlines()
    with opened(path) as found:
        assert found.count == len(lines)
        for number, line in enumerate(lines, 1):
            src, dst, op, size, free, info = texts(found, number, *USUAL[2:])
            assert src == "-" or line.startswith(f"{src} > {dst} {op}")
            assert f"RW {size}" in line or op != "RW"
            assert (f"free {free}" in line) == ("free" in line) or free == "-"
            for mark in line.split(" [")[1:]:
                assert f"[{mark.partition(']')[0]}]" in info
            for word in ("stream", "rcv", "send", "EOM", "EOR", "TYPE_9", " seq"):
                assert (word in f" {info}") == (word in line)


def test_values_of_some_packets() -> None:
    with opened(PCAPS / "slow-reader.pcap.zst") as found:
        assert texts(found, 1) == [
            "1", "0.000000", "local:15004", "local:5004", "REQUEST", "0", "-", "stream, buf 262144",
        ]  # fmt: skip
        assert texts(found, 7) == [
            "7", "2.057860", "local:5004", "local:15004", "CREDIT_UPDATE", "0", "262144",
            "[stalled 1.993s] fwd 262144, buf 262144",
        ]  # fmt: skip
        assert texts(found, 10, "info") == ["rcv|send"]
        assert texts(found, 3, "src", words=NUMERIC) == ["1:15004"]


@pytest.mark.usefixtures("utc")
def test_times_are_of_three_kinds() -> None:
    with opened(PCAPS / "slow-reader.pcap.zst") as found:
        cells = Cells(found, Names().endpoint, ("time",))
        said = []
        for _ in Times:
            said.append((cells.heads[0][0], *cells.row(7, above=5).texts))
            cells.times = cells.times.next
        assert said == [("time", "2.057860"), ("clock", "14:25:03.286912"), ("delta", "1.993725")]
        assert cells.times is Times.FIRST


def test_any_column_can_be_shown() -> None:
    with opened(PCAPS / "seqpacket.pcap.zst") as found:
        names = ("monitor_op", "flags", "vsock.virtio.op", "payload", "virtio_src_cid", "interface")
        assert texts(found, 3, *names)[0] == "PAYLOAD"
        assert texts(found, 3, *names)[2] == "5"
        assert texts(found, 3, *names)[4:] == ["1", "-"]
        assert len(texts(found, 3, "payload")[0]) == 2 * int(texts(found, 3, "payload_len")[0])
        heads = Cells(found, Names().endpoint, ("number", "buf_alloc", "type", "info")).heads
        assert heads == [("no", True), ("buf_alloc", True), ("type", False), ("info", False)]
        with pytest.raises(UsageError, match="buf_aloc"):
            Cells(found, Names().endpoint, ("buf_aloc",))


def test_packets_that_are_not_there_say_so() -> None:
    with opened(PCAPS / "hello.pcap") as found:
        assert texts(found, 9999) == ["9999", "-", "", "", "", "", "", "no longer kept"]
        assert Cells(found, Names().endpoint).row(9999).odd


def test_nothing_that_comes_from_elsewhere_is_left_raw(tmp_path: Path) -> None:
    path = tmp_path / "one.pcap"
    data = frame(b"\x1b[31m[red]")
    path.write_bytes(pcap([Taken(START, data, len(data)), Taken(START + SECOND, data, len(data))]))
    evil = Names({3: "\x1b]0;me\x07[bold]"}, {})
    with opened(path) as found:
        for name in (evil.endpoint, lambda cid, port: "\x1b[2J"):
            row = Cells(found, name).row(2)
            assert all(text.isprintable() for text in row.texts)
        assert texts(found, 1, "src", words=evil) == ["\\x1b]0;me\\x07[bold]:1024"]
