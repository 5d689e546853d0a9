"""Which packets a run takes, and which of these it shows."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from vsockdump.pipeline import Choice, Sink, watched

if TYPE_CHECKING:
    from vsockdump.engine.track import Tracker


class Choices(NamedTuple):
    """What is captured or read, and of that what is shown; None: everything."""

    taken: Choice | None = None
    shown: Choice | None = None
    program: bytes = b""  # the kernel's; empty: it takes everything
    text: str = ""  # what that program says
    whole: bool = True  # of each connection all packets are taken, or none
    watching: Sequence[Sink] = ()  # what both ask: it has to see everything that comes
    guide: "Tracker | None" = None  # numbers the connections, those too that are not taken

    @property
    def choice(self) -> Choice | None:
        """What takes packets, and has seen everything."""
        return watched(self.watching, self.taken) if self.taken else None
