"""A real capture of 4.5 GB through one connection: counters that go round, and no false alarm."""

import re
from contextlib import closing
from pathlib import Path

from vsockdump.engine.track import Tracker
from vsockdump.events import Kind, Severity
from vsockdump.flows import Verdict
from vsockdump.sources.savefile import Savefile

CAPTURE = Path(__file__).parents[1] / "pcaps/long/wrap.pcap.zst"
SENT = 4_500_000_000


def test_counters_go_round_and_nothing_is_wrong() -> None:
    tracker = Tracker()
    with closing(Savefile(str(CAPTURE))) as capture:
        for batch in capture.batches():
            if batch is not None:
                tracker.feed(batch)
    tracker.finish()
    events = tracker.events()
    (flow,) = tracker.flows()
    assert (flow.fwd.bytes, flow.verdict, flow.problems) == (SENT, Verdict.SF, 0)
    assert flow.fwd.tx_cnt == flow.fwd.fwd_cnt == SENT % (1 << 32)
    assert {event.kind for event in events} <= {Kind.STALL}
    assert all(event.severity is Severity.NOTE for event in events)


def test_the_readme_of_the_captures_knows_it() -> None:
    text = (CAPTURE.parents[1] / "README.md").read_text()
    assert re.search(rf"long/{re.escape(CAPTURE.name)}.*{SENT}", text, re.S)
