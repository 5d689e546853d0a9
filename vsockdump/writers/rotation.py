"""When a capture's next file begins, and what it is called."""

import time
from typing import NamedTuple


class Rotation(NamedTuple):
    """When the next file begins: tcpdump's -C (bytes), -G (seconds), -W (files) and -z.

    The clock of -G is the packets' own, so that a file read again rotates as it did live.
    """

    size: int = 0
    seconds: int = 0
    files: int = 0
    command: tuple[str, ...] = ()  # in words

    def name(self, path: str, number: int, second: int) -> str:
        """Return the name of file `number`, begun at `second` of 1970, as tcpdump names it."""
        if self.seconds:
            path = time.strftime(path, time.localtime(second))
        if not self.size or self.files == 1 or (number == 0 and not self.files):
            return path
        width = len(str(self.files - 1)) if self.files else 1
        return f"{path}{number:0{width}d}"
