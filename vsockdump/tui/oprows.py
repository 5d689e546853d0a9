"""A list whose rows are packets: each op has a colour of its own."""

from typing import ClassVar

from vsockdump.dissectors.virtio import Op

from .rows import Rows

_KINDS: dict[int, str] = {
    Op.REQUEST: "open",
    Op.RESPONSE: "open",
    Op.RST: "reset",
    Op.SHUTDOWN: "close",
    Op.RW: "data",
    Op.CREDIT_UPDATE: "credit",
    Op.CREDIT_REQUEST: "credit",
}

SIGNS = " ·~!"
"""What stands in front of a packet at which something was found, by how bad it is."""


class OpRows(Rows):
    """Knows the ink of each op: that of RW is the usual one."""

    DEFAULT_CSS = """
    OpRows {
        & > .rows--open { color: $text-success; }
        & > .rows--reset { color: $text-error; }
        & > .rows--close { color: $text-warning; }
        & > .rows--credit { color: $text-secondary; }
        & > .rows--other { color: $text-accent; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *(f"rows--{kind}" for kind in (*_KINDS.values(), "other"))
    }


def op_ink(op: int) -> str:
    """Return the kind of ink of an op."""
    return _KINDS.get(op, "other")
