"""Objects that nobody needs any more are looked for while nobody waits for a key."""

import gc
from time import monotonic

_QUIET_S = 0.3
_DUE = 5  # collections of younger objects since all were looked at
_SELDOM = 40  # of them: then it is done in any case


def wait() -> None:
    """Have Python look through all objects seldom: it takes a tenth of a second.

    What there is already, modules most of all, it never looks at again.
    """
    gc.freeze()
    gc.set_threshold(*gc.get_threshold()[:2], _SELDOM)


class Rubbish:
    """Knows when there is a pause."""

    def __init__(self) -> None:
        """Nobody has pressed a key yet."""
        self._pressed = 0.0

    def pressed(self) -> None:
        """Take note of a key."""
        self._pressed = monotonic()

    def collect(self) -> None:
        """Have all objects looked through if that is due, and if this is a pause."""
        if gc.get_count()[2] >= _DUE and monotonic() - self._pressed >= _QUIET_S:
            gc.collect()
