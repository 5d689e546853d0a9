"""Every note has a frame that raises it, and one that nearly does."""

from typing import NamedTuple

import pytest

from vsockdump.dissectors import dissect
from vsockdump.dissectors.notes import ANY_DEFECT_A, TEXT, Note, describe
from vsockdump.dissectors.splits import Splits

from .frames import (
    CONNECT,
    CREDIT_REQUEST,
    CREDIT_UPDATE,
    DISCONNECT,
    ENDS,
    NO_INFO,
    REQUEST,
    RESPONSE,
    RST,
    RW,
    SEQPACKET,
    SHUTDOWN,
    SLL,
    SLL2,
    STREAM,
    VSOCK,
    frame,
    monitor,
    sll,
    sll2,
    virtio,
)


class Case(NamedTuple):
    """The last of some frames, its link type and its length on the wire (0: as captured)."""

    notes: Note
    frames: tuple[bytes, ...]
    linktype: int = VSOCK
    wire: int = 0


CLEAN = Note(0)
WIDE = 1 << 32
DATA = frame(RW, b"abcdef")
TEN = b"abcdEFGHIJ"
AS_RW = virtio(length=3) + b"abc"

CASES = {
    # The capture's end and the frame's: what a longer snaplen would have helped, and what not.
    "payload cut": Case(Note.TRUNCATED, (DATA[:-1],), wire=82),
    "payload whole": Case(CLEAN, (DATA,), wire=82),
    "payload gone": Case(Note.TRUNCATED, (DATA[:76],), wire=82),
    "headers alone, no payload": Case(CLEAN, (frame(RST),), wire=76),
    "virtio cut": Case(Note.TRUNCATED, (DATA[:75],), wire=82),
    "virtio cut but for a byte": Case(Note.TRUNCATED, (frame(RST)[:75],), wire=76),
    "virtio short": Case(Note.MALFORMED, (frame(RST)[:75],), wire=75),
    "monitor cut": Case(Note.TRUNCATED, (DATA[:31],), wire=32),
    "monitor short": Case(Note.MALFORMED, (DATA[:31],), wire=31),
    "nothing": Case(Note.MALFORMED, (b"",)),
    "nothing kept": Case(Note.TRUNCATED, (b"",), wire=76),
    "payload of an unknown transport cut": Case(
        Note.TRUNCATED, (monitor(transport=NO_INFO, length=0) + b"pay",), wire=40
    ),
    "unknown transport header cut": Case(
        Note.TRUNCATED, (monitor(transport=7, length=4) + b"TTT",), wire=36
    ),
    "unknown transport header short": Case(
        Note.MALFORMED, (monitor(transport=7, length=4) + b"TTT",)
    ),
    "unknown transport header whole": Case(CLEAN, (monitor(transport=7, length=4) + b"TTTT",)),
    "no room for virtio": Case(Note.MALFORMED, (monitor(length=43) + AS_RW,)),
    "just room for virtio": Case(CLEAN, (monitor(length=44) + AS_RW,)),
    "len 0 before virtio": Case(Note.MALFORMED, (monitor(length=0) + AS_RW,)),
    # The packet's length against the frame's.
    "len beyond": Case(Note.LEN_BEYOND_FRAME, (frame(RW, b"abc", length=4),)),
    "len beyond, cut": Case(
        Note.LEN_BEYOND_FRAME | Note.TRUNCATED, (frame(RW, b"abc", length=4)[:-1],), wire=79
    ),
    "len just": Case(CLEAN, (frame(RW, b"abc", length=3),)),
    "more than len": Case(Note.DEFECT_A, (frame(RW, TEN, length=4),)),
    "more than len, cut behind it": Case(
        Note.DEFECT_A, (frame(RW, TEN, length=4)[:80],), wire=86
    ),
    "more than len, cut in it": Case(
        Note.DEFECT_A | Note.TRUNCATED, (frame(RW, TEN, length=4)[:79],), wire=86
    ),
    "A1": Case(Note.DEFECT_A1, (frame(RW, TEN, length=4), frame(RW, TEN[4:], length=4))),
    "nearly A1": Case(Note.DEFECT_A, (frame(RW, TEN, length=4), frame(RW, TEN[5:], length=4))),
    "A2": Case(Note.DEFECT_A2, (frame(RW, TEN, length=4), frame(RW, TEN, length=4))),
    "A2 to the last byte": Case(
        Note.DEFECT_A2, (frame(RW, TEN, length=4), frame(RW, TEN, length=6))
    ),
    "nearly A2": Case(Note.DEFECT_A, (frame(RW, TEN, length=4), frame(RW, TEN, length=7))),
    "bytes behind a control packet": Case(Note.TRAILING, (frame(RST, b"x", length=0),)),
    "none behind it": Case(CLEAN, (frame(RST, b"", length=0),)),
    # The two headers against each other.
    **{
        f"{field} differs": Case(
            Note.MISMATCH, (monitor(ENDS._replace(**{field: 9})) + virtio(ENDS),)
        )
        for field in ENDS._fields
    },
    "monitor's op differs": Case(Note.MISMATCH, (monitor(op=CONNECT) + virtio(op=RW),)),
    "monitor knows an op that virtio does not": Case(
        Note.MISMATCH, (monitor(op=DISCONNECT) + virtio(op=8),)
    ),
    "neither knows the op": Case(CLEAN, (monitor(op=0) + virtio(op=8),)),
    # Fields.
    "bits above the 32nd": Case(Note.UPPER_CID, (frame(RST, ends=ENDS._replace(src_cid=WIDE)),)),
    "bits above in dst": Case(Note.UPPER_CID, (frame(RST, ends=ENDS._replace(dst_cid=WIDE)),)),
    "bits above, virtio's alone": Case(
        Note.UPPER_CID | Note.MISMATCH,
        (monitor() + virtio(ENDS._replace(dst_cid=WIDE)),),
    ),
    "all lower bits": Case(CLEAN, (frame(RST, ends=ENDS._replace(dst_cid=WIDE - 1)),)),
    "payload on a control op": Case(Note.CONTROL_PAYLOAD, (frame(CREDIT_UPDATE, b"abc"),)),
    "len without bytes": Case(
        Note.CONTROL_PAYLOAD | Note.LEN_BEYOND_FRAME, (frame(CREDIT_UPDATE, length=1),)
    ),
    "no payload on a control op": Case(CLEAN, (frame(CREDIT_REQUEST),)),
    "reserved": Case(Note.RESERVED, (monitor(reserved=0x0100) + virtio(),)),
    "not reserved": Case(CLEAN, (monitor(reserved=0) + virtio(),)),
    "long header": Case(Note.ODD_LEN, (monitor(length=48) + virtio(length=3) + b"EXT!abc",)),
    "long header cut": Case(
        Note.ODD_LEN | Note.TRUNCATED, (monitor(length=48) + virtio(length=3) + b"EXT",), wire=83
    ),
    "long header short": Case(
        Note.ODD_LEN | Note.MALFORMED, (monitor(length=48) + virtio(length=3) + b"EXT",)
    ),
    "EOM of a stream": Case(Note.ODD_FLAGS, (frame(RW, b"a", kind=STREAM, flags=1),)),
    "EOM of a message": Case(CLEAN, (frame(RW, b"a", kind=SEQPACKET, flags=3),)),
    "a third flag of a message": Case(
        Note.ODD_FLAGS, (frame(RW, b"a", kind=SEQPACKET, flags=4),)
    ),
    "a third flag of SHUTDOWN": Case(Note.ODD_FLAGS, (frame(SHUTDOWN, flags=4),)),
    "both flags of SHUTDOWN": Case(CLEAN, (frame(SHUTDOWN, flags=3),)),
    "a flag of REQUEST": Case(Note.ODD_FLAGS, (frame(REQUEST, flags=1),)),
    "no flag of RESPONSE": Case(CLEAN, (frame(RESPONSE),)),
    # Links.
    "another link type": Case(Note.NOT_VSOCK, (DATA,), linktype=1),
    "another device": Case(Note.NOT_VSOCK, (sll(hatype=772) + DATA,), linktype=SLL),
    "another device, version 2": Case(Note.NOT_VSOCK, (sll2(hatype=772) + DATA,), linktype=SLL2),
    "vsockmon": Case(CLEAN, (sll() + DATA,), linktype=SLL),
    "vsockmon, version 2": Case(CLEAN, (sll2() + DATA,), linktype=SLL2),
    "cooked header cut": Case(Note.TRUNCATED, (sll()[:15],), linktype=SLL, wire=98),
    "cooked header short": Case(Note.MALFORMED, (sll2()[:19],), linktype=SLL2),
}  # fmt: skip


def last(case: Case) -> Note:
    splits = Splits()
    found = [dissect(one, case.linktype, case.wire or None, splits) for one in case.frames]
    return found[-1].notes


@pytest.mark.parametrize("name", CASES)
def test_a_frame_and_its_notes(name: str) -> None:
    assert last(CASES[name]) == CASES[name].notes


def test_no_note_is_left_out() -> None:
    raised = Note(0)
    for case in CASES.values():
        raised |= case.notes
    assert raised == Note(sum(Note))
    assert list(TEXT) == list(Note)


def test_notes_are_bits_of_a_u32_in_words() -> None:
    assert sum(Note) < 1 << 31  # the highest bit is the engine's
    assert len(set(TEXT.values())) == len(Note)
    assert describe(0) == []
    assert describe(Note.MISMATCH | Note.TRUNCATED) == ["truncated", "headers differ"]
    assert describe(ANY_DEFECT_A) == [
        "kernel defect A, uncertain",
        "kernel defect A1",
        "kernel defect A2",
    ]
