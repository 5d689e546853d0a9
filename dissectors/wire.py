"""What every dissector shares: the two ways a header can be missing bytes.

Truncated means that the capture ended early: a longer snaplen would have helped. Malformed means
that the bytes contradict themselves: no capture of this frame could be read.
"""

import re
import struct
from collections.abc import Sequence


class DissectError(ValueError):
    """A layer that could not be read; names the layer and the numbers."""

    def __init__(self, layer: str, need: int, have: int) -> None:
        """`need` bytes were asked for by `layer`, of which `have` are there."""
        super().__init__(layer, need, have)
        self.layer = layer
        self.need = need
        self.have = have


class Truncated(DissectError):  # noqa: N818 - an adjective says it better
    """The frame had the bytes, the capture does not."""

    def __str__(self) -> str:
        return f"{self.layer}: {self.need} bytes needed, {self.have} captured"


class Malformed(DissectError):  # noqa: N818
    """The frame itself, as long as it was on the wire, has no room for the layer."""

    def __str__(self) -> str:
        return f"{self.layer}: {self.need} bytes needed, the frame has {self.have}"


def require(layer: str, need: int, captured: int, wire: int) -> None:
    """Raise unless `need` bytes are captured; `wire` is what the frame held before any cut."""
    if captured >= need:
        return
    if wire >= need:
        raise Truncated(layer, need, captured)
    raise Malformed(layer, need, wire)


def places(layout: struct.Struct, names: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Return where each field of a header stands: its name, its offset and size in bytes."""
    order = layout.format[0]
    sizes = [struct.calcsize(order + one) for one in re.findall(r"\d*[a-zA-Z]", layout.format)]
    offsets = [sum(sizes[:index]) for index in range(len(sizes))]
    return dict(zip(names, zip(offsets, sizes, strict=True), strict=True))
