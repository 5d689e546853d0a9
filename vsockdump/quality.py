"""What a capture can carry: what is missing from it, and what that leaves of a finding."""

from typing import NamedTuple


class Quality(NamedTuple):
    """What is known of a capture as a whole."""

    packets: int
    flows: int
    lost: int  # packets that the kernel, or the file, says were lost
    unread: int  # packets in which no connection could be read
    truncated: int  # packets cut within their headers
    duplicates: int  # packets seen twice, and counted once
    evicted: int  # connections forgotten before they had ended
