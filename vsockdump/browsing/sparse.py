"""A file in memory of which the beginning can be given back."""

import ctypes
import os
from typing import Self

_KEEP_SIZE, _PUNCH_HOLE = 0x01, 0x02  # linux/falloc.h
_PAGE = 4096

_libc = ctypes.CDLL(None, use_errno=True)


class Sparse:
    """A file that nobody else sees, from `with` on; its memory is this process's."""

    def __init__(self) -> None:
        """Make it; raises OSError."""
        self.fd = os.memfd_create("vsockdump", os.MFD_CLOEXEC)
        self.path = f"/proc/self/fd/{self.fd}"

    def __enter__(self) -> Self:
        """It is there already."""
        return self

    def __exit__(self, *error: object) -> None:
        """Give all of it back."""
        os.close(self.fd)

    def let_go(self, offset: int) -> None:
        """Give back what stands before a place: it reads as zeros from now on."""
        size = ctypes.c_long(offset - offset % _PAGE)
        if size.value:
            _libc.fallocate(self.fd, _KEEP_SIZE | _PUNCH_HOLE, ctypes.c_long(0), size)
