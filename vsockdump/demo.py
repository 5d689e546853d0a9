"""`vsockdump demo`: decoded packets on the screen, by the best means this machine has."""

import argparse
import contextlib
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from vsockdump import pipeline
from vsockdump.errors import DeviceError
from vsockdump.messages import say
from vsockdump.screen import Screen
from vsockdump.sources.link import Link
from vsockdump.sources.live import Live
from vsockdump.sources.local import LOCAL
from vsockdump.sources.savefile import Savefile
from vsockdump.sources.standin import Standin
from vsockdump.style import Style
from vsockdump.text import Text

CAPTURE = Path(__file__).with_name("demo.pcap")
"""A guest with CID 123 says hello to its host: a real capture, of nine packets."""

_WAIT_S = 5.0  # for an answer over loopback, which takes a millisecond

Means = Callable[[], AbstractContextManager[tuple[str, Callable[[], object]]]]
"""Opens a link; gives its name and what makes traffic on it. DeviceError where that cannot be."""


def main(argv: Sequence[str]) -> int:
    """Show packets and return 0; what was made for it is removed."""
    argparse.ArgumentParser(
        prog="vsockdump demo",
        description="Show decoded packets: live from a vsockmon link over which this machine talks"
        " to itself, else live from a stand-in for one on which a capture is replayed, else from"
        " that capture.",
    ).parse_args(argv)
    for means in (_vsockmon, _standin):
        try:
            with means() as (name, talk):
                _show_live(name, talk)
            return 0
        except DeviceError as error:
            say(str(error))
    say("so here is a capture of a guest saying hello to its host")
    _show(Savefile(str(CAPTURE)))
    return 0


@contextmanager
def _vsockmon() -> Iterator[tuple[str, Callable[[], object]]]:
    """A real link, and connections to CID 1."""
    with Link(say=say) as link:
        _check_loopback()
        say(f"capturing live on {link.name} while this machine talks to itself over CID 1")
        yield link.name, _talk


@contextmanager
def _standin() -> Iterator[tuple[str, Callable[[], object]]]:
    """A TUN device that passes for a link, and a capture to replay on it."""
    with Standin() as link:
        say(f"capturing live on {link.name}, a stand-in on which a guest's hello is replayed")
        yield link.name, lambda: link.replay(_frames())


def _show_live(name: str, talk: Callable[[], object]) -> None:
    with Live(name, say=say) as source:
        speaker = threading.Thread(target=_speak, args=(source, talk), daemon=True)
        speaker.start()
        _show(source)
        speaker.join()


def _speak(source: Live, talk: Callable[[], object]) -> None:
    try:
        talk()
    except OSError as error:
        say(f"the talk was cut short: {error}")
    finally:
        source.stop()


def _show(source: pipeline.Source) -> None:
    pipeline.run(source, [Screen(Text(Style(numbers=True)))])


def _frames() -> Iterator[tuple[int, bytes]]:
    for batch in Savefile(str(CAPTURE)).batches():
        if batch is not None:
            times = batch.column("time")
            yield from ((times[row], batch.frame(row)) for row in range(batch.count))


def _check_loopback() -> None:
    """Load the transport of CID 1 where it is not; DeviceError where there is none."""
    with contextlib.suppress(OSError):
        subprocess.run(["modprobe", "-q", "vsock_loopback"], check=False)
    try:
        _listen(socket.SOCK_STREAM).close()
    except OSError as error:
        raise DeviceError(f"nothing can be sent over CID 1: {error.strerror}") from error


def _talk() -> None:
    """A stream with an answer, two messages, and a port where nobody listens."""
    with _listen(socket.SOCK_STREAM) as listener:
        _exchange(listener, socket.SOCK_STREAM, [b"Hello, world!"])
        nobody = listener.getsockname()[1]
    with _listen(socket.SOCK_SEQPACKET) as listener:
        _exchange(listener, socket.SOCK_SEQPACKET, [b"one message", b"another"])
    with contextlib.suppress(OSError), _socket(socket.SOCK_STREAM) as refused:
        refused.connect((LOCAL, nobody))


def _exchange(listener: socket.socket, kind: int, sent: list[bytes]) -> None:
    with _socket(kind) as client:
        client.connect(listener.getsockname())
        server, _ = listener.accept()
        with server:
            server.settimeout(_WAIT_S)
            for data in sent:
                client.send(data)
                server.recv(len(data))
            server.send(b"welcome")
            client.recv(len(b"welcome"))


def _listen(kind: int) -> socket.socket:
    listener = _socket(kind)
    listener.bind((LOCAL, socket.VMADDR_PORT_ANY))
    listener.listen(1)
    return listener


def _socket(kind: int) -> socket.socket:
    made = socket.socket(socket.AF_VSOCK, kind)
    made.settimeout(_WAIT_S)
    return made
