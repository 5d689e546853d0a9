"""All that is known as lines: of the source, the kernel, this machine, and what `stats` adds up."""

from collections.abc import Iterable
from pathlib import Path

from tests.captures import Taken, frame, pcapng
from tests.command import PCAPS, vsockdump
from tests.conversation import Talk
from tests.looking import opened
from tests.talks import KERNEL_5, hello, saved
from vsockdump.checks import Row
from vsockdump.interface import Interface
from vsockdump.names import Names
from vsockdump.tui import infolines
from vsockdump.tui.infolines import Cells

NAME = Names().endpoint
BULK = PCAPS / "bulk.pcap.zst"


def texts(lines: Iterable[Cells]) -> list[str]:
    return ["".join(text for text, _ in line).rstrip() for line in lines]


def test_facts_are_aligned_and_wrapped() -> None:
    lines = texts(infolines.source([("file", "x"), ("packets", "many words " * 5)], 40))
    assert lines == [
        "  file     x",
        "  packets  many words many words many",
        "           words many words many words",
    ]


def test_what_a_file_is_called_is_escaped() -> None:
    assert texts(infolines.source([("file", "\x1b[31m")], 80)) == [r"  file  \x1b[31m"]


def test_what_it_can_carry(tmp_path: Path) -> None:
    with opened(saved(hello(), tmp_path / "lossy", dropped=3)) as found:
        lines = list(infolines.carries(found, 50))
    assert " ".join(line.strip() for line in texts(lines)) == found_line(found.quality.line())
    assert {ink for line in lines for _, ink in line} == {"warn"}
    assert max(map(len, texts(lines))) <= 50


def found_line(text: str) -> str:
    assert "3 packets lost" in text
    return text


def kernel(*names: str) -> list[str]:
    return texts(infolines.defects([Interface(271, os=name) for name in names], 80))


def test_defects_of_kernels() -> None:
    assert kernel("Linux 6.6.30") == [
        "  Linux 6.6.30",
        "    perhaps: in a guest, a sent packet is stamped before it is queued, and may",
        "    never be sent (defect early)",
        "    perhaps: on a host, a packet split for the guest shows all bytes still to be",
        "    sent (defect A1)",
    ]
    assert kernel("Linux 7.3.0") == ["  Linux 7.3.0: no known defect of its tap"]
    assert kernel("\x1b") == [r"  \x1b: not a kernel whose defects are known"]
    assert kernel("") == ["  the capture does not say which kernel it is from"]


def test_every_kernel_is_named_once() -> None:
    assert len(kernel("Linux 7.3.0", "Linux 7.3.0", "")) == 2


def test_of_many_kernels_the_first_are_named() -> None:
    found = kernel(*(f"Linux 7.3.{minor}" for minor in range(65536)))
    assert len(found) == 17
    assert found[15].startswith("  Linux 7.3.15:")
    assert found[16] == "  and 65520 more"


def test_a_kernel_with_a_long_name_is_wrapped() -> None:
    found = kernel("Linux 7.3.0 " + "long " * 40, "\x1b" * 200)
    assert max(map(len, found)) <= 80
    assert "".join(found).count("long") == 40


def test_a_capture_says_its_kernel(tmp_path: Path) -> None:
    with opened(saved(hello(), tmp_path / "old", options=KERNEL_5)) as found:
        assert texts(infolines.defects(found.interfaces, 80))[0] == "  Linux 5.4.0"


ROWS = [
    Row("kernel", "Linux 6.1", "ok"),
    Row("module vsockmon", "missing", "no", "needed for the tap: every capture"),
    Row("/dev/vsock", "none", "warn", "no VM socket can be used here"),
]


def test_the_machine_in_a_table() -> None:
    lines = list(infolines.machine(ROWS, 100))
    assert texts(lines) == [
        "  ok    kernel           Linux 6.1",
        "  no    module vsockmon  missing    needed for the tap: every capture",
        "  warn  /dev/vsock       none       no VM socket can be used here",
    ]
    assert [line[0][1] for line in lines] == ["good", "problem", "warn"]


def test_advice_that_does_not_fit_stands_below() -> None:
    assert texts(infolines.machine(ROWS, 60))[1:3] == [
        "  no    module vsockmon  missing",
        "        needed for the tap: every capture",
    ]


def test_statistics_are_those_of_stats() -> None:
    printed = vsockdump("stats", BULK).stdout.decode().splitlines()
    with opened(BULK) as found:
        told = texts(infolines.statistics(found, NAME, 200))
    begin, end = printed.index("ops"), printed.index("throughput")
    assert told[told.index("ops") : told.index("packets over time")] == printed[begin:end]
    facts = {" ".join(line.split()) for line in told[: told.index("ops")]}
    assert facts <= {" ".join(line.split()) for line in printed}
    assert "payload bytes 600000 bytes" in facts


def test_packets_over_time(tmp_path: Path) -> None:
    talk = Talk((3, 1024), (2, 1234)).open()
    for _ in range(5):
        talk.at(1.0).rw("src", 1)
    with opened(saved(talk, tmp_path / "burst")) as found:
        told = texts(infolines.statistics(found, NAME, 200))
    drawn, words = told[told.index("packets over time") + 1 :]
    assert len(drawn.strip()) > 50
    assert words == "  a column is 0.017 s, the highest 5 packets: 299 a second"


def test_packets_near_the_end_of_time(tmp_path: Path) -> None:
    times = [(1 << 63) - 2 - 1000 * at for at in (61, 3, 0)]
    path = tmp_path / "late.pcapng"
    path.write_bytes(pcapng(Taken(time, frame(op=1), len(frame(op=1))) for time in times))
    with opened(path) as found:
        drawn = next(infolines._steps(found, 80))[0][0]
    assert [mark for mark in drawn if mark.strip()] == ["█"] * 3


def test_without_packets_there_is_no_rate(tmp_path: Path) -> None:
    with opened(saved([], tmp_path / "none")) as found:
        assert "packets over time" not in texts(infolines.statistics(found, NAME, 200))


def test_connections_are_added_up_only_while_that_is_wanted(tmp_path: Path) -> None:
    with opened(saved(hello(), tmp_path / "hello")) as found:
        told = texts(infolines.statistics(found, NAME, 200, lambda: False))
    assert "ops" not in told
    assert "  packets        7" in told
