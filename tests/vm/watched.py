"""What vsockdump says of a boot's capture, beside what the programs in it saw."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

from .conftest import Observed

COMMANDS = ("flows", "problems")
TOLERANCE_NS = 500_000_000
"""How far an application's clock and the tap's may be apart where a machine is busy."""

Row = dict[str, Any]  # one line of --json


class Told(NamedTuple):
    """Connections, in their order, and what was found about them."""

    flows: list[Row]
    events: list[Row]

    def kinds(self) -> set[str]:
        return {event["kind"] for event in self.events}

    def of(self, kind: str) -> list[Row]:
        return [event for event in self.events if event["kind"] == kind]

    def one(self, kind: str) -> Row:
        (event,) = self.of(kind)
        return event

    def between(self, began: int, ended: int) -> list[Row]:
        """Give the events of connections that began in a span of time."""
        inside = {f["flow"] for f in self.flows if began <= ns(f["start"]) <= ended}
        return [event for event in self.events if event["flow"] in inside]

    def verdicts(self) -> list[str]:
        return [flow["verdict"] for flow in self.flows]


class Watched:
    """A boot's capture."""

    def __init__(self, suite: str, observed: Observed, name: str) -> None:
        self.suite = suite
        self.truth = observed
        self.file = observed.folder / name

    @cached_property
    def told(self) -> Told:
        flows, events = ([json.loads(line) for line in self.lines(c)] for c in COMMANDS)
        return Told(flows, events)

    def lines(self, command: str) -> list[str]:
        """Run `vsockdump COMMAND --json` on the capture."""
        words = [sys.executable, "-m", "vsockdump", command, "--json", str(self.file)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    def at_port(self, *ports: int) -> Told:
        """Keep what was told of servers' ports."""
        return self._where([flow for flow in self.told.flows if flow["dst_port"] in ports])

    def at_end(self, cid: int, port: int) -> Told:
        """Keep what was told of connections with this end."""
        ends = (("src_cid", "src_port"), ("dst_cid", "dst_port"))
        flows = self.told.flows
        return self._where([f for f in flows if (cid, port) in [(f[c], f[p]) for c, p in ends]])

    def _where(self, flows: list[Row]) -> Told:
        numbers = {flow["flow"] for flow in flows}
        return Told(flows, [event for event in self.told.events if event["flow"] in numbers])


def ns(time: str) -> int:
    """Read a time of --json: 2026-11-21T17:25:00.483556000Z."""
    whole, fraction = time.removesuffix("Z").split(".")
    return int(datetime.fromisoformat(whole + "+00:00").timestamp()) * 10**9 + int(fraction)


def check_stall(event: Row, began: int, ended: int) -> None:
    """Hold a stall against the sender's own clock."""
    assert abs(event["length_s"] * 1e9 - (ended - began)) < TOLERANCE_NS, event
    assert abs(ns(event["time"]) - ended) < TOLERANCE_NS, event
