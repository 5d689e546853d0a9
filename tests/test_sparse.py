"""A file in memory of which the beginning is given back."""

from __future__ import annotations

import os

from vsockdump.browsing.sparse import Sparse

MIB = 1 << 20


def test_what_is_let_go_takes_no_memory() -> None:
    with Sparse() as memory:
        with open(memory.path, "wb") as file:  # noqa: PTH123
            file.write(b"x" * 4 * MIB)
        before = os.fstat(memory.fd).st_blocks
        memory.let_go(3 * MIB + 17)
        status = os.fstat(memory.fd)
        assert status.st_size == 4 * MIB
        assert status.st_blocks == before // 4
        assert os.pread(memory.fd, 10, 3 * MIB - 5) == bytes(5) + b"x" * 5
    assert not os.path.exists(memory.path)  # noqa: PTH110


def test_less_than_a_page_is_kept() -> None:
    with Sparse() as memory:
        os.write(memory.fd, b"hello")
        memory.let_go(4)
        assert os.pread(memory.fd, 5, 0) == b"hello"
