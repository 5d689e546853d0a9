"""The words of the language that are no fields, each with what it means: the one table of them."""

from typing import NamedTuple


class Meaning(NamedTuple):
    """What a word stands for: an expression; empty where only following connections can tell."""

    expression: str
    text: str


WORDS = {
    "vsock": Meaning("has src_cid", "has the monitor's header"),
    "virtio": Meaning("has op", "has a virtio header"),
    "stream": Meaning("type stream", "is of a stream socket"),
    "seqpacket": Meaning("type seqpacket", "is of a seqpacket socket"),
    "g2h": Meaning("src_cid > 2 and dst_cid in {0, 2}", "goes from a guest to its host"),
    "h2g": Meaning("src_cid in {0, 2} and dst_cid > 2", "goes from a host to its guest"),
    "loopback": Meaning("cid 1", "stays on its machine"),
    "sibling": Meaning("src_cid > 2 and dst_cid > 2", "goes from a guest to another"),
    "flags eom": Meaning("op rw and type seqpacket and flags & 1 != 0", "ends a message"),
    "flags eor": Meaning("op rw and type seqpacket and flags & 2 != 0", "ends a record"),
    "shutdown rcv": Meaning("op shutdown and flags & 1 != 0", "says that no more is received"),
    "shutdown send": Meaning("op shutdown and flags & 2 != 0", "says that no more is sent"),
    "shutdown both": Meaning(
        "op shutdown and flags & 3 == 3", "says that no more is received or sent"
    ),
    "problem": Meaning("", "is of a connection that has a problem"),
    "stalled": Meaning("", "leaves a side of its connection without credit, or ends a stall"),
}
"""Words of two parts are flags, which mean something in such packets only."""

SYNONYMS = {"flags rcv": "shutdown rcv", "flags send": "shutdown send", "portrange": "port"}

ADVICE = {
    "host": "say 'cid 3', or 'cid host' for CID 2",
    "net": "there are no networks: say 'cid 3' or 'cid in {3, 4}'",
    "proto": "say 'stream' or 'seqpacket'",
    "inbound": "-Q in says so, or 'g2h' and 'h2g'",
    "outbound": "-Q out says so, or 'g2h' and 'h2g'",
    "frame": "its bytes are 'link[0:4]', its length is 'wire_len', its payload 'payload'",
    "exists": "say 'has op'",
    "lower": "(?i) begins a pattern that does not mind capitals",
}
"""For words of tcpdump's and Wireshark's that are none here."""

SUBJECTS = {
    "payload": "the captured payload",
    "notes": "the list of what is odd in the packet",
    "process": "the command of a process at either end",
}
"""Texts that `contains` and `matches` look into."""

LOADS = {
    "link": "link",
    "ether": "link",
    "data": "data",
    "payload": "data",
    "vsock.payload": "data",
}
"""What [OFFSET:SIZE] may follow."""

RELATIONS = {
    "=": "==", "==": "==", "eq": "==", "!=": "!=", "<>": "!=", "ne": "!=", "<": "<", "lt": "<",
    "<=": "<=", "le": "<=", ">": ">", "gt": ">", ">=": ">=", "ge": ">=",
}  # fmt: skip
"""Signs and Wireshark's words for them, and which one is printed."""

MIRRORED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}

BINDING = {"|": 1, "^": 2, "&": 3, "<<": 4, ">>": 4, "+": 5, "-": 5, "*": 6, "/": 6, "%": 6}
"""Signs that reckon; the higher number binds tighter, as in C."""

JOINTS = {"and": "and", "&&": "and", "or": "or", "||": "or"}
NEGATIONS = ("not", "!")

KEYWORDS = (
    *("src", "dst", "pair", "greater", "less", "has", "in", "link", "data", "and", "or", "not"),
    *SUBJECTS,
    "contains",
    "matches",
)
