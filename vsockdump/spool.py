"""Things put aside until later, however many: in memory at first, then in a nameless file."""

import pickle
import tempfile
from collections.abc import Iterator
from typing import Generic, TypeVar, cast

from vsockdump.errors import WriteError, reason

T = TypeVar("T")

IN_MEMORY = 1 << 23  # bytes


class Spool(Generic[T]):
    """Keeps things in their order; nobody else can get at the file."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._file = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - close() does
        self._count = 0

    def append(self, thing: T) -> None:
        """Put one aside; raises WriteError where there is no room."""
        try:
            pickle.dump(thing, self._file, pickle.HIGHEST_PROTOCOL)
        except OSError as error:
            raise WriteError(f"{tempfile.gettempdir()}: {reason(error)}") from error
        self._count += 1

    def __iter__(self) -> Iterator[T]:
        """Yield them all."""
        self._file.seek(0)
        for _ in range(self._count):
            yield cast(T, pickle.load(self._file))

    def __len__(self) -> int:
        """Count them."""
        return self._count

    def close(self) -> None:
        """Forget them all."""
        self._file.close()
