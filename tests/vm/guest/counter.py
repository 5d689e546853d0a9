"""The content of every big transfer: a big-endian u32 counter from 0, cut to a size."""

from __future__ import annotations

import struct


def counter(size: int) -> bytes:
    count = (size + 3) // 4
    return struct.pack(f">{count}I", *range(count))[:size]
