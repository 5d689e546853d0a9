"""A byte a packet, 1 for those that are meant: what choices over a batch are made of."""

from collections.abc import Callable

from vsockdump.engine.batch import Batch

Mask = bytes
Choose = Callable[[Batch, Mask], Mask]
"""Returns which of the packets that are meant so far match."""


def every(batch: Batch) -> Mask:
    """Return the mask of all packets."""
    return b"\1" * batch.count


def both(one: Mask, other: Mask) -> Mask:
    """Return what is in both masks."""
    return (_number(one) & _number(other)).to_bytes(len(one), "little")


def either(one: Mask, other: Mask) -> Mask:
    """Return what is in either mask."""
    return (_number(one) | _number(other)).to_bytes(len(one), "little")


def but(one: Mask, other: Mask) -> Mask:
    """Return what is in the first mask and not in the second."""
    return (_number(one) & ~_number(other)).to_bytes(len(one), "little")


def where(batch: Batch, wanted: Mask, test: Callable[[int], bool]) -> Mask:
    """Return those of the rows wanted for which a test is true."""
    found = bytearray(batch.count)
    at = wanted.find(1)
    while at >= 0:
        found[at] = test(at)
        at = wanted.find(1, at + 1)
    return bytes(found)


def _number(mask: Mask) -> int:
    return int.from_bytes(mask, "little")
