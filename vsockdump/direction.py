"""Which way a packet goes: vsockmon does not say, only the CIDs do."""

from vsockdump.engine.batch import Batch
from vsockdump.pipeline import Choice
from vsockdump.sources.local import ANY, HOST, LOCAL, local_cid


def own_cids() -> frozenset[int]:
    """Return the CIDs that are this machine's: its own and loopback's; a host's if it has none."""
    try:
        cid = local_cid()
    except OSError:
        cid = ANY
    return frozenset({LOCAL, HOST if cid == ANY else cid})


def choose(direction: str, own: frozenset[int]) -> Choice:
    """Return the choice of `-Q`: "in" for packets to one of `own` CIDs, "out" for those from one.

    Loopback's packets go both ways at once.
    """
    name = "dst_cid" if direction == "in" else "src_cid"

    def choice(batch: Batch) -> bytes:
        return bytes(cid in own for cid in batch.column(name))

    return choice
