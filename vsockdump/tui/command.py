"""`vsockdump tui`: the terminal interface on a file, a pipe or a link."""

import os
import sys
import threading
from collections.abc import Sequence
from contextlib import closing

from vsockdump import analysis, choosing, options, parser, privileges, runs
from vsockdump.arguments import Group
from vsockdump.browsing.opened import Opened
from vsockdump.browsing.recording import Recording, recording
from vsockdump.errors import DeviceError, ReadError
from vsockdump.filters.tree import And, joined
from vsockdump.messages import plural, say, tell
from vsockdump.options import Options

from . import config, terminal

_PATIENCE_S = 1.0


def main(argv: Sequence[str]) -> int:
    """Show a capture until the user has seen enough; return 0. Raises VsockdumpError.

    Ends the process with 1 where the screen did by a fault of ours, once the capture is saved.
    """
    takes = "show, or capture, only packets that match"
    show(analysis.parse_input(argv, "tui", Options(), _options, takes))
    return 0


def _options(group: Group) -> None:
    group.value("-w", "write", "FILE", "with -i: save the packets there, not in a temporary file")
    parser.add_no_spool(group)
    parser.add_display(group)
    parser.add_snaplen(group)


def show(wanted: Options) -> None:
    """Show what `wanted` names, or print it where nobody looks at a screen."""
    options.check_tui(wanted)
    if not terminal.can_be_drawn_on():
        following = runs.following(wanted)
        if wanted.read:
            return runs.read(wanted.read, wanted, following)
        return runs.capture(wanted, following)
    choosing.trees(wanted)  # what is wrong is said before anything is opened
    from . import app  # noqa: PLC0415 - while it can be loaded: privileges will be given up

    found = config.read(config.path())
    app.check(found, config.path())
    app.load()
    with terminal.at_hand():
        return _browse(wanted, found) if wanted.read else _watch(wanted, found)


def _watch(wanted: Options, found: config.Config) -> None:
    from . import app  # noqa: PLC0415 - printing does without

    with recording(wanted, spool=not wanted.no_spool) as live:
        status = app.run(wanted, live.opened, found, live, wanted.display)
    _tell_of(live)
    if status:
        sys.exit(status)


def _browse(wanted: Options, found: config.Config) -> None:
    from . import app  # noqa: PLC0415 - likewise

    with closing(_opened(wanted)) as opened:
        privileges.drop(privileges.target(wanted.user or _reader()))
        opened.start()
        status = app.run(wanted, opened, found, None, _display(wanted))
        if opened.error:
            raise ReadError(opened.error)
    if status:
        sys.exit(status)


def _display(wanted: Options) -> str:
    """Return the display filter to begin with: of a file, an expression is one, too."""
    expression = choosing.expression(wanted)
    if expression and wanted.display:
        return str(joined(And, *choosing.trees(wanted)))
    return expression or wanted.display


def _opened(wanted: Options) -> Opened:
    """Open a file, which may be a pipe that gives nothing for long."""
    patience = threading.Timer(_PATIENCE_S, _wait_for_it, [wanted.read])
    patience.start()
    try:
        return Opened(
            wanted.read, follow=wanted.follow, limit=wanted.limit, max_flows=wanted.max_flows
        )
    finally:
        patience.cancel()
        patience.join()  # no thread may be left when privileges are given up


def _reader() -> str | None:
    """Return who is to read a file: who called sudo; else root stays, who may save there."""
    return None if os.environ.get("SUDO_UID") else "root"


def _wait_for_it(path: str) -> None:
    say(f"waiting for packets from {'standard input' if path == '-' else path}")


def _tell_of(live: Recording) -> None:
    """Say what was captured, and where it is."""
    for text in live.told:
        say(text)
    counts = live.counts
    tell(f"{plural(counts.received, 'packet')} received by filter")
    tell(f"{plural(counts.dropped, 'packet')} dropped by kernel")
    if live.saved:
        tell(f"saved in {live.saved}")
    if live.error:
        raise DeviceError(live.error)
