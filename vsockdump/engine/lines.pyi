from collections.abc import Callable

from .batch import Batch

CID_NAMES: dict[int, str]

class Lines:
    def __init__(
        self,
        stamp: Callable[[int, bool], bytes] | None = None,
        *,
        digits: int = 6,
        since: str = "",
        numeric: bool = False,
        quick: bool = False,
        verbose: int = 0,
        link: bool = False,
        lengths: bool = False,
        numbers: bool = False,
    ) -> None: ...
    def render(self, batch: Batch, begin: int = 0, end: int = -1) -> bytes: ...
    def head(self, batch: Batch, row: int) -> bytes: ...
