"""`vsockdump demo`: decoded packets on the screen, by the best means this machine has."""

import argparse
import contextlib
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import NamedTuple

from vsockdump import pipeline, privileges
from vsockdump.engine.track import Tracker
from vsockdump.errors import DeviceError
from vsockdump.following import Following
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


class _Opened(NamedTuple):
    """A capture that has begun, and what makes traffic for it."""

    source: Live
    talk: Callable[[], object]
    stop: Callable[[], None]  # ends `talk` early


Means = Callable[[ExitStack], _Opened]
"""Opens a link, to be closed by the stack. DeviceError where that cannot be."""


def main(argv: Sequence[str]) -> int:
    """Show packets and return 0; what was made for it is removed."""
    argparse.ArgumentParser(
        prog="vsockdump demo",
        description="Show decoded packets: live from a vsockmon link over which this machine talks"
        " to itself, else live from a stand-in for one on which a capture is replayed, else from"
        " that capture.",
    ).parse_args(argv)
    for means in (_vsockmon, _standin):
        with ExitStack() as stack:
            try:
                opened = means(stack)
            except DeviceError as error:
                say(str(error))
                continue
            _show_live(opened)
            return 0
    say("so here is a capture of a guest saying hello to its host")
    with closing(Savefile(str(CAPTURE))) as source:
        _show(source)
    return 0


def _vsockmon(stack: ExitStack) -> _Opened:
    """A real link, and connections to CID 1."""
    link = stack.enter_context(Link(say=say))
    _check_loopback()
    source = stack.enter_context(Live(link.name, say=say))
    say(f"capturing live on {link.name} while this machine talks to itself over CID 1")
    return _Opened(source, _talk, lambda: None)  # it takes milliseconds


def _standin(stack: ExitStack) -> _Opened:
    """A TUN device that passes for a link, and a capture to replay on it."""
    frames = list(_frames())
    link = stack.enter_context(Standin())
    source = stack.enter_context(Live(link.name, say=say))
    say(f"capturing live on {link.name}, a stand-in on which a guest's hello is replayed")
    return _Opened(source, lambda: link.replay(frames), link.stop)


def _show_live(opened: _Opened) -> None:
    """Show what the talk makes; it has ended when the capture is closed."""
    speaker = threading.Thread(target=_speak, args=(opened.source, opened.talk), daemon=True)
    try:
        _show(opened.source, speaker.start)
    finally:
        opened.stop()
        if speaker.ident is not None:
            speaker.join()


def _speak(source: Live, talk: Callable[[], object]) -> None:
    try:
        talk()
    except OSError as error:
        say(f"the talk was cut short: {error}")
    finally:
        source.stop()


def _show(source: pipeline.Source, begin: Callable[[], None] = lambda: None) -> None:
    """Show a source, all of which is open: root's rights end here, before any thread `begin`s."""
    following = Following(Tracker(steps=True, keep=False))
    following.begin(source.interfaces, int)
    screen = Screen(Text(Style(numbers=True), tracker=following.tracker))
    privileges.drop(privileges.target())
    begin()
    pipeline.run(source, [following, screen])


def _frames() -> Iterator[tuple[int, bytes]]:
    with closing(Savefile(str(CAPTURE))) as source:
        for batch in source.batches():
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
