"""Captures that may hold memory of the kernel that made them (its tap's defect B)."""

from vsockdump import kernels
from vsockdump.engine.batch import Batch
from vsockdump.interface import Interface
from vsockdump.messages import say

LARGEST_SOUND = 32404
"""Bytes of payload up to which Linux 6.17 keeps a packet in one piece, which the tap can copy."""


class LeakWatch:
    """A sink that remembers whether payload came that such a kernel does not copy, but leaks.

    The frames themselves do not show it: only the kernel's name does, where a capture has one.
    """

    def __init__(self, interfaces: list[Interface]) -> None:
        """Watch packets of `interfaces`, which may grow."""
        self._interfaces = interfaces
        self._judged = 0
        self._defective: set[int] = set()
        self._seen = ""

    def feed(self, batch: Batch) -> None:
        """Look at the packets, if any interface's kernel is known to be one of those."""
        for index in range(self._judged, len(self._interfaces)):
            keys = {finding.key for finding in kernels.defects(self._interfaces[index].os)}
            if keys & kernels.LEAKS:
                self._defective.add(index)
        self._judged = len(self._interfaces)
        if self._defective and not self._seen:
            self._look(batch)

    def warn(self) -> None:
        """Say so at the end, once."""
        if self._seen:
            say(
                f"this capture may hold memory of {self._seen} in place of payload: look at it"
                " before you pass it on (kernel defect B)"
            )

    def _look(self, batch: Batch) -> None:
        for length, index in zip(
            batch.column("virtio_len"), batch.column("interface"), strict=True
        ):
            if length > LARGEST_SOUND and index in self._defective:
                self._seen = self._interfaces[index].os
                return
