"""What is said about a run, on stderr; stdout is for its results."""

import sys


def say(text: str) -> None:
    """Tell the user something in our name."""
    sys.stdout.flush()
    print(f"vsockdump: {text}", file=sys.stderr, flush=True)


def tell(line: str) -> None:
    """Print a line that tcpdump prints too, worded as it does."""
    print(line, file=sys.stderr, flush=True)


def plural(count: int, word: str) -> str:
    """Return a count with its word: "1 packet", "2 packets"."""
    return f"{count} {word}{'' if count == 1 else 's'}"
