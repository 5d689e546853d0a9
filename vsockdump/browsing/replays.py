"""The packets of one connection, read again, with the credit after each."""

from collections.abc import Iterator

from vsockdump.engine.track import Tracker
from vsockdump.events import Event
from vsockdump.steps import Packet, steps

from .opened import Opened


def replay(opened: Opened, flow: int, *, most: int = 1 << 40) -> Iterator[Packet | Event]:
    """Yield what happened to a connection, as it happened: its first `most` packets, and events.

    The credit is that of a tracker which is fed nothing else. The events are of the one that
    follows the whole capture: time goes on there while the connection says nothing. Raises
    ReadError.
    """
    tracker = Tracker(most=1, steps=True, events=False)
    waiting = opened.findings.of(flow)
    for batch in opened.only(opened.index.of(flow)[:most]):
        tracker.feed(batch)
        last = batch.column("time")[batch.count - 1]
        due = [event for event in waiting if event.time <= last]
        waiting = [event for event in waiting if event.time > last]
        for found in steps(batch, tracker, lambda number: True, due):
            yield found._replace(flow=flow)
    yield from waiting
