"""A packet as a tree of nodes: every field, where it stands, and what is known besides."""

from pathlib import Path

import pytest

from tests.captures import START, Taken, enhanced, interface, pcap, section
from tests.command import PCAPS
from tests.frames import CONNECT, REQUEST, monitor, virtio
from tests.looking import opened
from vsockdump.dissectors import dissect
from vsockdump.names import Names
from vsockdump.tui.layers import NOWHERE, Node, known, nodes

NAME = Names().endpoint


def tree(path: Path, number: int) -> tuple[bytes, list[Node]]:
    with opened(path) as found:
        one = known(found, number, NAME)
        return one.packet.frame, list(nodes(one, NAME))


def values(path: Path, number: int, branch: str) -> dict[str, str]:
    _, found = tree(path, number)
    return {n.name: " ".join(filter(None, (n.value, n.words))) for n in found if n.branch == branch}


@pytest.mark.parametrize(
    "name", ["slow-reader.pcap.zst", "any-sll1.pcap", "any-sll2.pcap", "seqpacket.pcap.zst"]
)
def test_the_bytes_of_every_field_are_its_value(name: str) -> None:
    with opened(PCAPS / name) as found:
        for n in range(1, found.count + 1):
            one = known(found, n, NAME)
            frame = one.packet.frame
            for node in nodes(one, NAME):
                if node.is_branch or node.span == NOWHERE:
                    continue
                at, size = node.span
                field = frame[at : at + size]
                big = node.branch.startswith("sll")
                number = int.from_bytes(field if big else field[::-1], "big")
                assert node.value in (str(number), field.hex(":"))


def test_layers_cover_the_frame_and_their_fields_the_layers() -> None:
    frame, found = tree(PCAPS / "any-sll2.pcap", 5)
    spans = [n.span for n in found if n.is_branch and n.branch not in ("frame", "connection")]
    assert [n.branch for n in found if n.is_branch] == [
        "frame", "sll2", "vsockmon", "virtio", "payload", "connection",
    ]  # fmt: skip
    assert [at for at, _ in spans] == [0, 20, 52, 96]
    assert sum(spans[-1]) == len(frame)
    assert dissect(frame, 276).payload == frame[96:]
    for branch in ("sll2", "vsockmon", "virtio"):
        whole, *fields = [n.span for n in found if n.branch == branch]
        assert sorted(fields)[0][0] == whole[0]
        assert sum(size for _, size in fields) == whole[1]


def test_numbers_have_their_words() -> None:
    path = PCAPS / "slow-reader.pcap.zst"
    assert values(path, 10, "virtio")["op"] == "4 SHUTDOWN"
    assert values(path, 10, "virtio")["flags"] == "3 rcv|send"
    assert values(path, 10, "virtio")["type"] == "1 stream"
    assert values(path, 10, "vsockmon")["op"] == "2 DISCONNECT"
    assert values(path, 10, "vsockmon")["transport"] == "2 VIRTIO"


def test_what_was_found_at_a_packet_comes_first_in_words() -> None:
    _, found = tree(PCAPS / "slow-reader.pcap.zst", 7)
    assert [n.branch for n in found][:2] == ["findings", "findings"]
    assert found[1].name == "stall"
    assert found[1].value.startswith("local:15004 could not send for 1.993 s: local:5004 did not")
    assert found[1].ink == "problem"


def test_notes_and_why_a_dissection_stopped_are_findings_too() -> None:
    found = [n for _, n in _findings(PCAPS / "crafted-edge-cases.pcap")]
    assert ("note", "malformed") in found
    assert ("note", "kernel defect A, uncertain") in found
    assert any(name == "stopped" and "bytes needed" in value for name, value in found)


def _findings(path: Path) -> list[tuple[int, tuple[str, str]]]:
    with opened(path) as found:
        return [
            (number, (node.name, node.value))
            for number in range(1, found.count + 1)
            for node in nodes(known(found, number, NAME), NAME)
            if node.branch == "findings"
        ]


def test_the_payload_that_is_shown_is_the_one_the_engine_took(tmp_path: Path) -> None:
    """With defect A2 every piece of a packet holds the whole of it: pieces begin further on."""
    path = tmp_path / "a2.pcap"
    whole = bytes(range(30))
    frames = [monitor() + virtio(length=10) + whole for _ in range(3)]
    path.write_bytes(pcap(Taken(START + n, one, len(one)) for n, one in enumerate(frames)))
    with opened(path) as found:
        spans = [list(nodes(known(found, n, NAME), NAME)) for n in (1, 2, 3)]
    assert [next(n.span for n in one if n.branch == "payload") for one in spans] == [
        (76, 10), (86, 10), (96, 10),
    ]  # fmt: skip


def test_the_connection_says_who_it_is_and_how_it_ended() -> None:
    said = values(PCAPS / "slow-reader.pcap.zst", 7, "connection")
    assert said["opened by"] == "local:15004"
    assert said["to"] == "local:5004"
    assert said["sent by"] == "dst"
    assert said["free"] == "262144"
    assert said["verdict"].startswith("STALLED: src could not send for 1.993 s")


def test_comments_and_processes_are_shown(tmp_path: Path) -> None:
    path = tmp_path / "known.pcapng"
    data = monitor(op=CONNECT) + virtio(op=REQUEST)
    comment = (1, b"python3[812] > ?")
    taken = Taken(START, data, len(data))
    path.write_bytes(section() + interface() + enhanced(taken, given=[comment]))
    with opened(path) as found:
        one = list(nodes(known(found, 1, NAME), NAME))
    assert ("comment", comment[1].decode()) in [(n.name, n.value) for n in one]
    assert ("opened by", "3:1024 python3[812]") in [(n.name, n.value) for n in one]
