"""What can end a run, each with the exit status it gives (tcpdump's: status-exit-codes.h)."""

import os


class VsockdumpError(Exception):
    """One sentence saying what failed and what to do about it; `exit_code` is the process's."""

    exit_code: int = 1
    below: tuple[str, ...] = ()
    """Lines that show where."""


class UsageError(VsockdumpError):
    """The command line contradicts itself or names what does not exist (S_ERR_HOST_PROGRAM)."""


class DeviceError(VsockdumpError):
    """A link or socket could not be had or used (S_ERR_HOST_PROGRAM)."""


class ReadError(VsockdumpError):
    """The input is damaged or of a kind not understood; what came before it was delivered."""

    exit_code = 2


class OpenError(VsockdumpError):
    """A file could not be opened (S_ERR_ND_OPEN_FILE)."""

    exit_code = 13


class WriteError(VsockdumpError):
    """A file could not be written (S_ERR_ND_WRITE_FILE)."""

    exit_code = 14


def reason(error: Exception) -> str:
    """Return what went wrong in the system's words, without its numbers."""
    return os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
