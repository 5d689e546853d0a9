"""What is said about a run, on stderr; stdout is for its results."""

import contextlib
import sys


def say(text: str) -> None:
    """Tell the user something in our name."""
    sys.stdout.flush()
    tell(f"vsockdump: {text}")


def tell(line: str) -> None:
    """Print a line that tcpdump prints too, worded as it does.

    Nobody may hear it, on a full disk or a closed pipe: the capture matters more.
    """
    with contextlib.suppress(OSError):
        sys.stderr.write(f"{printable(line)}\n")  # at once: a child of ours may be talking, too
        sys.stderr.flush()


def printable(text: str) -> str:
    """Return text from elsewhere, a name or a comment, with all that is not printable escaped."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def plural(count: int, word: str) -> str:
    """Return a count with its word: "1 packet", "2 packets"."""
    return f"{count} {word}{'' if count == 1 else 's'}"
