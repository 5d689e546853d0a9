"""What can be odd about one packet, seen without its flow.

A note is not an error: the packet is shown, counted and written back whatever its notes are.
"""

from enum import IntFlag


class Note(IntFlag):
    """One bit an oddity; a packet carries any number of them (u32)."""

    TRUNCATED = 1 << 0
    """The capture cut bytes that belong to the packet: a longer snaplen would have kept them."""
    MALFORMED = 1 << 1
    """A header does not fit the frame, or the transport header's `len` has no room for it."""
    LEN_BEYOND_FRAME = 1 << 2
    """virtio `len` announces more payload than the frame ever held."""
    DEFECT_A = 1 << 3
    """Linux tap defect A, kind unknown: more payload than `len`, of which the head is taken."""
    DEFECT_A1 = 1 << 4
    """Defect A of Linux 6.3-6.6 and 6.1.y: a frame holds all bytes still to be sent."""
    DEFECT_A2 = 1 << 5
    """Defect A of Linux 6.7-7.0: every piece of a packet holds the whole packet."""
    TRAILING = 1 << 6
    """A packet that is no RW has bytes behind what `len` announces."""
    MISMATCH = 1 << 7
    """The CIDs or ports of the two headers differ, or the monitor's op is not the packet's."""
    UPPER_CID = 1 << 8
    """A CID has bits above its 32nd, which the specification reserves as zero."""
    CONTROL_PAYLOAD = 1 << 9
    """A packet that is no RW announces payload."""
    RESERVED = 1 << 10
    """The monitor header's reserved bytes are not zero."""
    ODD_LEN = 1 << 11
    """The transport header is longer than the 44 bytes of virtio; what is more was skipped."""
    ODD_FLAGS = 1 << 12
    """Flag bits without a meaning for this op and type."""
    NOT_VSOCK = 1 << 13
    """A cooked frame of another kind of link (its ARPHRD is not 826)."""


ANY_DEFECT_A = Note.DEFECT_A | Note.DEFECT_A1 | Note.DEFECT_A2

TEXT: dict[Note, str] = {
    Note.TRUNCATED: "truncated",
    Note.MALFORMED: "malformed",
    Note.LEN_BEYOND_FRAME: "len beyond the frame",
    Note.DEFECT_A: "kernel defect A, uncertain",
    Note.DEFECT_A1: "kernel defect A1",
    Note.DEFECT_A2: "kernel defect A2",
    Note.TRAILING: "trailing bytes",
    Note.MISMATCH: "headers differ",
    Note.UPPER_CID: "upper CID bits",
    Note.CONTROL_PAYLOAD: "payload on a control op",
    Note.RESERVED: "reserved not zero",
    Note.ODD_LEN: "long transport header",
    Note.ODD_FLAGS: "odd flags",
    Note.NOT_VSOCK: "not vsock",
}


def describe(notes: int) -> list[str]:
    """Return the words for every note set in `notes`, in the order of their bits."""
    return [text for note, text in TEXT.items() if notes & note]
