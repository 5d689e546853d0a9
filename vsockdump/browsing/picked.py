"""Which packets of a capture an expression chooses, found out in the background."""

import threading
import time
from array import array
from bisect import bisect_left
from collections.abc import Mapping
from contextlib import suppress
from itertools import compress

from vsockdump.engine.batch import Batch
from vsockdump.errors import VsockdumpError
from vsockdump.filters.evaluate import Choice
from vsockdump.filters.language import parse
from vsockdump.filters.plan import follows
from vsockdump.filters.tree import Member, Tree

from .looked import Looked
from .opened import Opened

_POLL_S = 0.05

_AT_ONCE = 4096  # numbers that are forgotten together


class Picked:
    """The packets that match, in rising order, as far as they are found.

    Terms about connections go by all of a file that has an end, and so wait for it; of a capture
    that goes on they go by what is known when a packet is looked at.
    """

    def __init__(
        self,
        opened: Opened,
        text: str,
        cids: Mapping[str, int] | None = None,
        ports: Mapping[str, int] | None = None,
    ) -> None:
        """Prepare; names stand for `cids` and `ports`. Raises FilterError."""
        self.text = text
        self.numbers = array("Q")
        self.looked_at = 0
        """The last packet that was looked at."""
        self.error = ""
        self._opened = opened
        self._tree = parse(text, cids, ports)
        self._looked = Looked(opened)
        self._choice = Choice(self._tree, self._looked)
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="picking", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no further; returns when that is so."""
        self._stopped = True
        if self._thread.ident:
            self._thread.join()

    @property
    def progress(self) -> float:
        """How much of what was read was looked at, 0 to 1."""
        return self.looked_at / self._opened.count if self._opened.count else 1.0

    def _run(self) -> None:
        try:
            if (flow := _single_flow(self._tree)) is not None:
                self._pick_flow(flow)
            else:
                self._pick()
        except VsockdumpError as error:
            self.error = str(error)

    def _pick(self) -> None:
        while follows(self._tree) and not (self._opened.ended or self._opened.follow):
            if self._stopped:
                return
            time.sleep(_POLL_S)
        for batch in self._opened.batches():
            if self._stopped:
                return
            if batch is None:
                time.sleep(_POLL_S)
            else:
                self._take(batch)

    def _take(self, batch: Batch) -> None:
        self._looked.feed(batch)
        numbers = range(batch.number(0), batch.number(batch.count - 1) + 1)
        with suppress(IndexError):  # they have been let go meanwhile
            self.numbers.extend(compress(numbers, self._choice(batch)))
        self.looked_at = numbers[-1]
        self._let_go()

    def _let_go(self) -> None:
        """Forget numbers of packets that are gone; who holds the array may go on with it."""
        gone = bisect_left(self.numbers, self._opened.first)
        if gone > max(len(self.numbers) // 2, _AT_ONCE):
            self.numbers = self.numbers[gone:]

    def _pick_flow(self, flow: int) -> None:
        """Take the packets of a connection, which the index knows."""
        while not self._stopped:
            ended, count = self._opened.ended, self._opened.count
            found = self._opened.index.of(flow, after=self.looked_at)
            self.numbers.extend(number for number in found if number <= count)
            self.looked_at = count
            self._let_go()
            if ended:
                break
            time.sleep(_POLL_S)


def _single_flow(tree: Tree) -> int | None:
    """Return the number of the connection, if a tree asks for the packets of one and no more."""
    match tree:
        case Member("flow", ((first, last),)) if first == last:
            return first
    return None
