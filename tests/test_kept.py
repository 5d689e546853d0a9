"""Packets of an opened capture in a file of their own."""

import os
import stat
from array import array
from collections.abc import Iterable
from pathlib import Path

import pytest

from vsockdump.browsing import kept
from vsockdump.browsing.opened import Opened
from vsockdump.errors import OpenError, ReadError, WriteError

from .captures import (
    NANO,
    START,
    Taken,
    enhanced,
    everything,
    frame,
    interface,
    pcap,
    pcapng,
    read,
    section,
    some,
)
from .command import vsockdump
from .test_joined import PCAPS
from .test_streams import gapped, opened, saved, until


def chosen(numbers: Iterable[int]) -> "array[int]":
    return array("Q", numbers)


FILES = {
    "micro.pcap": pcap(some(9)),
    "nano.pcap": pcap(some(9, step=1_234_567), magic=NANO),
    "other order.pcap": pcap(some(9), ">"),
    "nano.pcapng": pcapng(some(9, step=1_234_567)),
    "everything.pcapng": everything(),
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("to", ["out.pcap", "out.pcapng"])
@pytest.mark.parametrize("numbers", [None, [1], [2, 3, 8], [7], []])
def test_what_is_chosen_is_what_is_saved(
    tmp_path: Path, name: str, to: str, numbers: list[int] | None
) -> None:
    path, out = tmp_path / name, tmp_path / to
    path.write_bytes(FILES[name])
    whole = read(str(path))
    wanted = whole if numbers is None else [whole[n - 1] for n in numbers]
    with opened(path) as capture:
        asked = None if numbers is None else chosen(numbers)
        assert kept.save(capture, asked, str(out)) == len(wanted)
    assert read(str(out)) == wanted
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


def test_all_of_a_pcapng_file_is_the_file(tmp_path: Path) -> None:
    path, out = tmp_path / "a.pcapng", tmp_path / "b.pcapng"
    path.write_bytes(everything())
    with opened(path) as capture:
        kept.save(capture, None, str(out))
    assert out.read_bytes() == everything()


@pytest.mark.parametrize("numbers", [[1], [2, 6], [3, 4], [9]])
def test_some_of_a_pcapng_file_keep_all_that_is_said_of_them(
    tmp_path: Path, numbers: list[int]
) -> None:
    path, out, same = tmp_path / "a.pcapng", tmp_path / "b.pcapng", tmp_path / "c.pcapng"
    path.write_bytes(everything())
    with opened(path) as capture:
        kept.save(capture, chosen(numbers), str(out))
        names = {capture.packet(number).payload[:6].decode() for number in numbers}
    tests = " or ".join(f'data[0:6] = "{name}"' for name in names)
    assert vsockdump("-r", str(path), "-w", str(same), tests).returncode == 0
    assert out.read_bytes() == same.read_bytes()


def test_nothing_but_the_capture_itself_is_spared(tmp_path: Path) -> None:
    path = saved(tmp_path, gapped().packets)
    before = path.read_bytes()
    (tmp_path / "link").symlink_to(path)
    with opened(path) as capture:
        for name in (str(path), str(tmp_path / "link")):
            with pytest.raises(OpenError, match="this is the file that is read"):
                kept.save(capture, None, name)
        with pytest.raises(OpenError, match="name a file"):
            kept.save(capture, None, "-")
    assert path.read_bytes() == before


def test_files_that_cannot_be_written(tmp_path: Path) -> None:
    with opened(saved(tmp_path, gapped().packets)) as capture:
        with pytest.raises(OpenError, match="No such file or directory"):
            kept.save(capture, None, f"{tmp_path}/no/where.pcap")
        with pytest.raises(WriteError, match="/dev/full: No space left on device"):
            kept.save(capture, None, "/dev/full")


def test_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with opened(saved(tmp_path, gapped().packets)) as capture:
        kept.save(capture, None, "~/out.pcap")
    assert (tmp_path / "out.pcap").read_bytes() == (tmp_path / "talk.pcap").read_bytes()


@pytest.mark.parametrize("to", ["out.pcap", "out.pcapng"])
def test_progress_ends_with_all(tmp_path: Path, to: str) -> None:
    said: list[tuple[int, int]] = []
    with opened(PCAPS / "reuse.pcap") as capture:
        kept.save(capture, None, str(tmp_path / to), lambda *told: said.append(told))
        kept.save(capture, chosen([3, 9]), str(tmp_path / to), lambda *told: said.append(told))
    assert (27, 27) in said
    assert said[-1] == (2, 2)


def test_a_compressed_capture(tmp_path: Path) -> None:
    out = tmp_path / "out.pcap"
    with opened(PCAPS / "bulk.pcap.zst") as capture:
        assert kept.save(capture, chosen([3, 4]), str(out)) == 2
        assert kept.save(capture, None, str(tmp_path / "all.pcap")) == 23
    assert read(str(out)) == read(str(PCAPS / "bulk.pcap.zst"))[2:4]
    assert read(str(tmp_path / "all.pcap")) == read(str(PCAPS / "bulk.pcap.zst"))


@pytest.mark.parametrize("to", ["out.pcap", "out.pcapng"])
def test_what_stands_before_a_damage(tmp_path: Path, to: str) -> None:
    whole = pcapng(some(5))
    path = tmp_path / "cut.pcapng"
    path.write_bytes(whole[:-7])
    with opened(path) as capture:
        assert capture.error
        assert kept.save(capture, None, str(tmp_path / to)) == 4
    assert read(str(tmp_path / to)) == some(4)


def test_a_file_that_has_become_shorter(tmp_path: Path) -> None:
    path = tmp_path / "a.pcapng"
    path.write_bytes(pcapng(some(5)))
    with opened(path) as capture:
        os.truncate(path, len(pcapng(some(3))))
        with pytest.raises(ReadError, match=r"a\.pcapng.*shorter"):
            kept.save(capture, None, str(tmp_path / "out.pcapng"))


def test_one_that_still_grows(tmp_path: Path) -> None:
    path, out = tmp_path / "growing.pcapng", tmp_path / "out.pcapng"
    path.write_bytes(pcapng(some(3)))
    capture = Opened(str(path), follow=True)
    capture.start()
    try:
        until(capture, 3)
        with path.open("ab") as file:
            file.write(pcapng(some(4))[len(pcapng(some(3))) :][:50])  # the beginning of another
        assert kept.save(capture, None, str(out)) == 3
    finally:
        capture.close()
    assert read(str(out)) == some(3)


def test_two_link_types_in_a_pcap_file(tmp_path: Path) -> None:
    path = tmp_path / "two.pcapng"
    head = section() + interface() + interface(linktype=276)
    one = Taken(START, frame(), 76)
    path.write_bytes(head + enhanced(one) + enhanced(one, number=1))
    with opened(path) as capture, pytest.raises(WriteError, match="one link type only"):
        kept.save(capture, None, str(tmp_path / "out.pcap"))


@pytest.mark.parametrize("to", ["out.pcap", "out.pcapng"])
def test_who_may_not_open_the_file_again_still_has_its_packets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, to: str
) -> None:
    path = tmp_path / "a.pcapng"
    path.write_bytes(everything())
    monkeypatch.setattr(os, "access", lambda *_: False)
    with opened(path) as capture:
        assert kept.save(capture, None, str(tmp_path / to)) == 9
        assert read(str(tmp_path / to)) == read(str(path))
        assert kept.save(capture, chosen([2, 9]), str(tmp_path / to)) == 2
        assert read(str(tmp_path / to)) == read(str(path))[1::7]


@pytest.mark.parametrize("to", ["out.pcap", "out.pcapng"])
def test_what_was_let_go_is_not_saved(tmp_path: Path, to: str) -> None:
    path = tmp_path / "a.pcapng"
    path.write_bytes(pcapng(some(9)))
    with opened(path) as capture:
        capture.index.let_go(4)
        assert kept.save(capture, None, str(tmp_path / to)) == 6
    assert read(str(tmp_path / to)) == some(9)[3:]
