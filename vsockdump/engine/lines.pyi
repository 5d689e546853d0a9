from collections.abc import Callable

from .batch import Batch
from .track import Tracker

class Lines:
    def __init__(
        self,
        stamp: Callable[[int, bool], bytes] | None = None,
        *,
        digits: int = 6,
        since: str = "",
        cids: dict[int, bytes] | None = None,
        ports: dict[int, bytes] | None = None,
        quick: bool = False,
        verbose: int = 0,
        link: bool = False,
        lengths: bool = False,
        numbers: bool = False,
        tracker: Tracker | None = None,
    ) -> None: ...
    def render(self, batch: Batch, begin: int = 0, end: int = -1) -> bytes: ...
    def head(self, batch: Batch, row: int) -> bytes: ...
