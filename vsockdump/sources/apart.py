"""What a child does that was forked to keep a right which this process gives up."""

import contextlib
import os
import signal

from vsockdump.privileges import keep_only

_FIRST_FD = 3  # the first descriptor after stdin, stdout and stderr
_NAME_SIZE = 15  # of /proc/PID/comm (TASK_COMM_LEN less the NUL)
_NOT_OURS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE, signal.SIGQUIT)


def stand_apart(kept: int, name: str, *capabilities: int) -> None:
    """Let go of what is the parent's: session, signals, name, rights, and all files but `kept`.

    It is for a child that was forked, not executed: exec would lose capabilities that came from the
    file's attributes. Only `capabilities` stay; where even these were not there, none do.
    Errors: OSError.
    """
    os.chdir("/")  # keep no file system busy
    os.setsid()  # away from the terminal's Ctrl-C and from a kill of the process group
    for number in _NOT_OURS:
        signal.signal(number, signal.SIG_IGN)
    for stream in range(_FIRST_FD):  # a reader of our stdout must see its end when the parent goes
        os.dup2(kept, stream)
    os.closerange(_FIRST_FD, kept)
    os.closerange(kept + 1, os.sysconf("SC_OPEN_MAX"))
    try:
        keep_only(*capabilities)
    except OSError:
        with contextlib.suppress(OSError):  # it works with more, too
            keep_only()
    # /proc/self/comm is root's where this program's file gave it its capabilities; this one is not.
    with open("/proc/thread-self/comm", "wb") as comm:  # noqa: PTH123 - no imports here
        comm.write(name.encode()[:_NAME_SIZE])
