"""What a capture can carry: what is missing from it, and what that leaves of a finding."""

from collections.abc import Iterator
from typing import NamedTuple

from vsockdump.events import Doubt, Event, Kind, Severity
from vsockdump.flows import Flow, Verdict
from vsockdump.messages import plural

# What lost packets may have made, and who is named in it has nothing to do with. The other kinds
# are in what was captured, whatever else was not.
LOSS_EXPLAINS = frozenset(
    {
        Kind.UNANSWERED,  # the answer is among them
        Kind.STALL,  # the CREDIT_UPDATEs are
        Kind.OVERRUN,
        Kind.FWD_CNT_AHEAD,  # the data is
        Kind.FWD_CNT_BACK,  # the REQUEST of another connection is
        Kind.BUF_SHRUNK,  # what is in flight is less than it seems
        Kind.PACKET_CEILING,
        Kind.RESET,  # the SHUTDOWN is
        Kind.SHUTDOWN_UNANSWERED,
        Kind.MESSAGE_UNFINISHED,  # its last packet is
        Kind.MESSAGE_TOO_LARGE,  # the last packet of the one before is
        Kind.UPDATE_STORM,
        Kind.TUPLE_REUSE,
        Kind.CREDIT_REQUEST_UNANSWERED,
    }
)

# Verdicts that stand whatever was lost: both ends of it were captured.
_CERTAIN = (Verdict.SF, Verdict.REJ)


class Quality(NamedTuple):
    """What is known of a capture as a whole."""

    packets: int = 0
    flows: int = 0
    midstream: int = 0  # connections whose beginning was not captured
    lost: int = 0  # packets that the kernel, or the file, says were lost
    missing: int = 0  # bytes that were read, but not captured
    unread: int = 0  # packets in which no connection could be read
    duplicates: int = 0  # packets seen twice, and counted once
    evicted: int = 0  # connections forgotten before they had ended

    @property
    def whole(self) -> bool:
        """Whether nothing is known to be missing."""
        return not (self.midstream or self.lost or self.missing or self.unread or self.evicted)

    def line(self) -> str:
        """Return the one line on it."""
        head = f"capture: {plural(self.packets, 'packet')}, {plural(self.flows, 'connection')}"
        facts = [head + self._beginnings(), *self._faults()]
        if self.whole:
            facts.append("nothing is known to be missing")
        return "; ".join(facts)

    def _beginnings(self) -> str:
        if not self.flows:
            return ""
        its = "its" if (self.midstream or self.flows) == 1 else "their"
        if not self.midstream:
            return f", seen from {its} start"
        some = "" if self.midstream == self.flows else f"{self.midstream} of them "
        return f", {some}not seen from {its} start"

    def _faults(self) -> Iterator[str]:
        """Word what is wrong with it, the worst first."""
        if self.lost:
            yield f"{plural(self.lost, 'packet')} lost while it was captured"
        if self.missing:
            yield f"{plural(self.missing, 'byte')} missing that were read"
        if self.unread:
            yield f"{plural(self.unread, 'packet')} could not be read"
        if self.evicted:
            yield f"{plural(self.evicted, 'connection')} forgotten to make room (--max-flows)"
        if self.duplicates:
            yield f"{plural(self.duplicates, 'packet')} in it twice, counted once"

    def judged(self, event: Event) -> Event:
        """Return an event with what the capture leaves of it.

        What the capture's own faults may have made is no problem of a peer's.
        """
        if event.doubt < Doubt.MID_STREAM and self.lost and event.kind in LOSS_EXPLAINS:
            event = event._replace(doubt=Doubt.LOSS)
        if event.doubt in (Doubt.GAP, Doubt.LOSS):
            return event._replace(severity=min(event.severity, Severity.WARN))
        return event


def judged(flow: Flow) -> Flow:
    """Return a connection, of which the tracker doubts all that losses may have touched.

    Its word stands where both its beginning and its end were captured.
    """
    if flow.doubt is Doubt.LOSS and flow.whole and flow.verdict in _CERTAIN:
        return flow._replace(doubt=Doubt.NONE)
    return flow
