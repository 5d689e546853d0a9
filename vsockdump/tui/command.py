"""`vsockdump tui`: the terminal interface on a file, a pipe or a link."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

from vsockdump import analysis, choosing, options, parser, privileges, runs
from vsockdump.arguments import Group
from vsockdump.browsing.opened import Opened
from vsockdump.browsing.recording import Recording, recording
from vsockdump.errors import DeviceError, OpenError, ReadError, reason
from vsockdump.messages import plural, say, tell
from vsockdump.options import Options

from . import config


def main(argv: Sequence[str]) -> int:
    """Show a capture until the user has seen enough; return 0. Raises VsockdumpError."""
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
    if not sys.stdout.isatty():
        following = runs.following(wanted)
        if wanted.read:
            return runs.read(wanted.read, wanted, following)
        return runs.capture(wanted, following)
    choosing.trees(wanted)  # what is wrong is said before anything is opened
    from . import app  # noqa: PLC0415 - while it can be loaded: privileges will be given up

    found = config.read(config.path())
    app.check(found, config.path())
    app.load()
    return _browse(wanted, found) if wanted.read else _watch(wanted, found)


def _watch(wanted: Options, found: config.Config) -> None:
    from . import app  # noqa: PLC0415 - printing does without

    with recording(wanted, spool=not wanted.no_spool) as live:
        app.run(wanted, live.opened, found, live, wanted.display)
    _tell_of(live, wanted)


def _browse(wanted: Options, found: config.Config) -> None:
    from . import app  # noqa: PLC0415 - likewise

    with _keys_from_terminal(wanted), closing(_opened(wanted)) as opened:
        privileges.drop(privileges.target(wanted.user or _reader()))
        opened.start()
        both = filter(None, (choosing.expression(wanted), wanted.display))
        display = " and ".join(f"({one})" for one in both)
        app.run(wanted, opened, found, None, display)
        if opened.error:
            raise ReadError(opened.error)


def _opened(wanted: Options) -> Opened:
    return Opened(wanted.read, follow=wanted.follow, limit=wanted.limit, max_flows=wanted.max_flows)


def _reader() -> str | None:
    """Return who is to read a file: who called sudo; else root stays, who may save there."""
    return None if os.environ.get("SUDO_UID") else "root"


@contextmanager
def _keys_from_terminal(wanted: Options) -> Iterator[None]:
    """Have keys come from the terminal where standard input is a pipe with packets."""
    if wanted.read != "-":
        yield
        return
    try:
        pipe, terminal = os.dup(0), os.open("/dev/tty", os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        raise OpenError(f"/dev/tty: {reason(error)}; keys have to come from somewhere") from error
    os.dup2(terminal, 0)
    os.close(terminal)
    wanted.read = f"/dev/fd/{pipe}"
    yield


def _tell_of(live: Recording, wanted: Options) -> None:
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
