"""Whether a run asks for the processes at the ends of connections, and whom."""

from contextlib import ExitStack
from typing import TYPE_CHECKING

from vsockdump import options
from vsockdump.following import Following
from vsockdump.options import Options
from vsockdump.pipeline import Sink
from vsockdump.writers.capture import PCAPNG_SUFFIXES

if TYPE_CHECKING:
    from vsockdump.processes import Processes


def live(
    stack: ExitStack, wanted: Options, following: Following | None, own: frozenset[int]
) -> "Processes | None":
    """Ask which processes open connections, where that is shown or saved; return what does.

    That takes rights that will be dropped, and a child that must not have the capture's ring: call
    it before there is one. `own` are this machine's CIDs. Raises FilterError.
    """
    asks = following is not None and following.asks
    kept = wanted.write.endswith(PCAPNG_SUFFIXES) or options.comments(wanted)
    if not (asks or (kept and not wanted.no_flow) or _chosen_by(wanted)):
        return None
    from vsockdump.processes import Processes  # noqa: PLC0415 - few ask for it

    processes = Processes(own)
    stack.callback(processes.close)
    if following is not None:
        following.known, following.ask = processes.known, processes.ask
    return processes


def _chosen_by(wanted: Options) -> bool:
    if not options.chooses(wanted):
        return False
    from vsockdump import choosing  # noqa: PLC0415 - most runs choose nothing

    return choosing.asks_for_processes(wanted)


def recalled(following: Following | None) -> list[Sink]:
    """Read what a file says of processes, where that is shown; return what does."""
    if following is None or not following.asks:
        return []
    from vsockdump.remembered import Recalled  # noqa: PLC0415 - few ask for it

    found = Recalled()
    following.known = found.known
    return [found]
