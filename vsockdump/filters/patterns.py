"""Regular expressions over captured bytes: RE2's, whose time is linear whatever the pattern."""

from functools import lru_cache
from typing import Protocol


class Pattern(Protocol):
    """A compiled expression."""

    def search(self, text: bytes) -> object | None:
        """Return something if it is found anywhere."""


@lru_cache(maxsize=64)
def compiled(pattern: bytes) -> Pattern:
    """Return a pattern over bytes, `.` being any; raises ValueError for one that is none."""
    import re2  # noqa: PLC0415 - few ask for it

    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.dot_nl = True
    options.log_errors = False
    try:
        found: Pattern = re2.compile(pattern, options)
    except re2.error as error:
        raise ValueError(f"no regular expression: {_reason(error)}") from error
    return found


def _reason(error: Exception) -> str:
    reason = error.args[0]
    return reason.decode("latin-1") if isinstance(reason, bytes) else str(reason)
