"""What -z runs on every file that another one follows."""

import subprocess

from vsockdump.errors import OpenError
from vsockdump.messages import say


class Postrotate:
    """Runs a command on files, beside the capture and with the lowest priority.

    Made before privileges are dropped: what is imported here may not be readable after.
    """

    def __init__(self, words: tuple[str, ...]) -> None:
        """Take the command's words, behind which a file's name goes."""
        self._words = words
        self._failed = False  # which is said once: one file is as bad as the next
        self._children: list[tuple[str, subprocess.Popen[bytes]]] = []

    def start(self, name: str) -> None:
        """Run the command on one file; raises OpenError.

        In a session of its own: the terminal's Ctrl-C is for the capture.
        """
        running = []
        for file, child in self._children:
            if child.poll() is None:
                running.append((file, child))
            else:
                self._look_at(file, child.returncode)
        self._children = running
        command = ["nice", "-n", "19", *self._words, name]
        try:
            child = subprocess.Popen(command, start_new_session=True)
        except OSError as error:
            raise OpenError(f"-z {' '.join(self._words)}: {error.strerror}") from error
        self._children.append((name, child))

    def wait(self) -> None:
        """Wait until the command has ended on every file; a signal that raises ends that, too."""
        for file, child in self._children:
            self._look_at(file, child.wait())
        self._children = []

    def _look_at(self, file: str, status: int) -> None:
        if status and not self._failed:
            self._failed = True
            how = f"exit status {status}" if status > 0 else f"signal {-status}"
            say(f"-z {' '.join(self._words)}: it failed on {file} ({how})")
