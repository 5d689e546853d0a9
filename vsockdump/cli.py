"""The command line: which run or command it asks for, and the exit status of how that ended."""

import os
import signal
import sys
from collections.abc import Sequence

from vsockdump import options
from vsockdump.errors import DeviceError, VsockdumpError
from vsockdump.messages import say
from vsockdump.options import Options
from vsockdump.writers.output import ReaderGone


def main(argv: Sequence[str]) -> int:
    """Run one command line and return the exit status: tcpdump's, where tcpdump has one."""
    try:
        if argv and argv[0] in options.COMMANDS:
            return _command(argv)
        _run(options.parse(argv))
        sys.stdout.flush()
    except VsockdumpError as error:
        say(str(error))
        return error.exit_code
    except (ReaderGone, BrokenPipeError):
        return _reader_gone()
    except KeyboardInterrupt:  # there was no run yet, or a second signal ended it
        return 128 + signal.SIGINT
    return 0


def _command(argv: Sequence[str]) -> int:
    """Run `demo` or `doctor`; each loads what it needs."""
    if argv[0] == "doctor":
        from vsockdump import doctor  # noqa: PLC0415

        return doctor.main(argv[1:])
    from vsockdump import demo  # noqa: PLC0415

    return demo.main(argv[1:])


def _run(wanted: Options) -> None:
    if wanted.list_interfaces:
        return _list_links()
    if wanted.list_linktypes:
        return _list_linktypes(wanted)
    from vsockdump import runs  # noqa: PLC0415 - what only lists need not load it

    if wanted.read:
        return runs.read(wanted.read, wanted)
    return runs.capture(wanted)


def _list_links() -> None:
    from vsockdump.sources import netlink  # noqa: PLC0415

    found = [link for link in netlink.links() if link.is_vsockmon]
    for number, link in enumerate(found, 1):
        print(f"{number}.{link.name} [{'Up, Running' if link.is_up else 'Down'}]")
    if not found:
        raise DeviceError("there is no vsockmon link; '-i vsockmon0' makes one and removes it")


def _list_linktypes(wanted: Options) -> None:
    from vsockdump.dissectors import LINKTYPES  # noqa: PLC0415
    from vsockdump.formats import linktypes  # noqa: PLC0415

    print(f"Data link types for {wanted.interface or 'vsockmon0'}:")
    print(f"  {linktypes.describe(LINKTYPES[0])}")


def _reader_gone() -> int:
    """End quietly: whoever read our output, as `head` does, has seen enough."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the exit flushes it once more
    return 0
