"""The command line: which run or command it asks for, and the exit status of how that ended."""

import importlib
import io
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from vsockdump import options, parser
from vsockdump.ending import Ended
from vsockdump.errors import DeviceError, VsockdumpError, WriteError
from vsockdump.messages import printable, say, tell
from vsockdump.options import Options
from vsockdump.writers.output import ReaderGone

_MODULES = {
    "flows": "flowtable",
    "tui": "tui.command",
}  # of commands that are not called like theirs


def main(argv: Sequence[str]) -> int:
    """Run one command line and return the exit status: tcpdump's, where tcpdump has one."""
    _hold_streams()
    try:
        with _printing():
            if argv and argv[0] in parser.COMMANDS:
                return _command(argv)
            _run(options.parse(argv))
    except VsockdumpError as error:
        say(str(error))
        for line in error.below:
            tell(line)
        return error.exit_code
    except (ReaderGone, BrokenPipeError):
        return _nothing_more()
    except Ended:
        return 0
    except KeyboardInterrupt:  # there was no run yet, or a second signal ended it
        return 128 + signal.SIGINT
    return 0


def _hold_streams() -> None:
    """Put something in the place of a standard stream that is closed: no file must get there.

    Using it fails as it would have failed, but for what is said on stderr, which nobody hears.
    What is printed is UTF-8, whatever the locale.
    """
    for name, flags in (("stdin", os.O_WRONLY), ("stdout", os.O_RDONLY), ("stderr", os.O_WRONLY)):
        if getattr(sys, name) is None:  # the lowest number that is free is the one it had
            setattr(sys, name, os.fdopen(os.open(os.devnull, flags), "w"))
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")


@contextmanager
def _printing() -> Iterator[None]:
    """Have all that is printed arrive, or say why not."""
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        _nothing_more()
        raise WriteError(f"standard output: {error.strerror}") from error


def _command(argv: Sequence[str]) -> int:
    """Run a command; each loads what it needs."""
    command = importlib.import_module(f"vsockdump.{_MODULES.get(argv[0], argv[0])}")
    status: int = command.main(argv[1:])
    return status


def _run(wanted: Options) -> None:
    if wanted.list_interfaces or wanted.list_linktypes:
        return _list_links() if wanted.list_interfaces else _list_linktypes(wanted)
    if wanted.dump:
        from vsockdump import filter  # noqa: A004, PLC0415

        return filter.print_program(wanted)
    if wanted.tui:
        from vsockdump.tui import command  # noqa: PLC0415

        return command.show(wanted)
    if wanted.problems:
        from vsockdump import problems  # noqa: PLC0415

        return problems.watch(wanted)
    from vsockdump import runs  # noqa: PLC0415 - what only lists need not load it

    if wanted.read:
        return runs.read(wanted.read, wanted, runs.following(wanted))
    return runs.capture(wanted, runs.following(wanted))


def _list_links() -> None:
    from vsockdump.sources import netlink  # noqa: PLC0415

    found = [link for link in netlink.links() if link.is_vsockmon]
    for number, link in enumerate(found, 1):
        state = "Up, Running" if link.is_up else "Down"
        print(f"{number}.{printable(link.name)} [{state}]")
    if not found:
        raise DeviceError("there is no vsockmon link; '-i vsockmon0' makes one and removes it")


def _list_linktypes(wanted: Options) -> None:
    from vsockdump.dissectors import LINKTYPES  # noqa: PLC0415
    from vsockdump.formats import linktypes  # noqa: PLC0415

    print(f"Data link types for {printable(wanted.interface or 'vsockmon0')}:")
    print(f"  {linktypes.describe(LINKTYPES[0])}")


def _nothing_more() -> int:
    """End quietly: whoever read our output, as `head` does, has seen enough."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the exit flushes it once more
    return 0
