"""Which processes open connections: what is asked, how often, and how answers become names."""

import errno
import os
import struct
import time
from collections.abc import Iterable, Sequence
from itertools import count

import pytest

from tests.frames import REQUEST, RESPONSE, RW, VSOCK, Ends, enhanced, frame
from vsockdump import processes as module
from vsockdump.engine.batch import Batch
from vsockdump.engine.scan import Scanner
from vsockdump.flows import Flow
from vsockdump.processes import Processes
from vsockdump.remembered import Ends as Tuple
from vsockdump.remembered import Pair
from vsockdump.sources import sockdiag
from vsockdump.sources.owners import MOST, Process
from vsockdump.sources.sockdiag import VsockSocket

ANY = 0xFFFF_FFFF
SWAPPED = struct.pack("=H", 1) != b"\x01\x00"
HOST, GUEST = frozenset({1, 2}), frozenset({1, 7})
CLIENT, SERVER, WORKER = Process(812, "python3"), Process(99, "sshd"), Process(100, "sshd-session")
NOBODY: Pair = (None, None)

Address = tuple[int, int]


def socket(inode: int, own: Address, peer: Address = (ANY, ANY), state: int = 1) -> VsockSocket:
    return VsockSocket(1, state, 0, *own, *peer, inode)


def listener(inode: int, own: Address) -> VsockSocket:
    return socket(inode, own, state=10)


class Machine:
    """The sockets there are, and whose they are; what was asked is written down."""

    def __init__(self) -> None:
        self.sockets: list[VsockSocket] = []
        self.owners: dict[int, Process] = {}
        self.dumps = 0
        self.asked: list[list[int]] = []
        self.said: list[str] = []
        self.now = 0  # ns
        self.takes = 0  # ns for each list of sockets
        self.refusal: OSError | None = None
        self.gone: OSError | None = None
        self.children = 0

    def dump(self) -> list[VsockSocket]:
        if self.refusal is not None:
            raise self.refusal
        self.dumps += 1
        self.now += self.takes
        return self.sockets

    def __call__(self) -> "Machine":
        self.children += 1
        return self

    def ask(self, inodes: Sequence[int]) -> list[Process | None]:
        if self.gone is not None:
            raise self.gone
        assert len(inodes) <= MOST
        self.asked.append(list(inodes))
        return [self.owners.get(inode) for inode in inodes]

    def close(self) -> None:
        self.children -= 1


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine()
    monkeypatch.setattr(sockdiag, "sockets", made.dump)
    monkeypatch.setattr(module, "Owners", made)
    monkeypatch.setattr(time, "monotonic_ns", lambda: made.now)
    return made


def start(machine: Machine, own: frozenset[int] = HOST) -> Processes:
    made = Processes(own, machine.said.append)
    machine.dumps = 0  # of the first look, at what can be asked at all
    return made


clock = count(1_700_000_000_000_000_000)


def batch(*packets: tuple[int, Address, Address]) -> Batch:
    """Return packets of (op, source, destination), each a nanosecond younger than any before."""
    scanner = Scanner()
    scanner.add_interface(VSOCK)
    frames = (frame(op, ends=Ends(src[0], dst[0], src[1], dst[1])) for op, src, dst in packets)
    data = b"".join(enhanced(one, next(clock)) for one in frames)
    return scanner.pcapng(data, 0, len(data), swapped=SWAPPED)


def fed(sink: Processes, *packets: tuple[int, Address, Address]) -> Batch:
    made = batch(*packets)
    sink.feed(made)
    return made


def of(sink: Processes, found: Batch, row: int = 0) -> Pair:
    """Return what is known of the connection whose first packet this row is."""
    names = ("src_cid", "src_port", "dst_cid", "dst_port")
    ends = Tuple(*(found.column(name)[row] for name in names))
    return sink.known.process(ends, found.column("time")[row])


# --- one connection over loopback, step by step -----------------------------------------------

SRC, DST = (1, 1024), (1, 1234)


def loopback(machine: Machine) -> Processes:
    """A client that connects, and a server that has not accepted."""
    machine.sockets = [socket(10, (ANY, 1024), DST), listener(20, (ANY, 1234)), socket(0, DST, SRC)]
    machine.owners = {10: CLIENT, 20: SERVER, 30: WORKER}
    return start(machine)


def test_the_client_and_who_listens(machine: Machine) -> None:
    sink = loopback(machine)
    found = fed(sink, (RW, DST, SRC), (REQUEST, SRC, DST), (RESPONSE, DST, SRC))
    assert sink.available
    assert of(sink, found, 1) == (CLIENT, SERVER)
    assert found.comments == {1: b"python3[812] > sshd[99]"}
    assert machine.asked == [[10, 20]]
    assert machine.said == []


def test_who_accepts_is_named_instead(machine: Machine) -> None:
    sink = loopback(machine)
    found = fed(sink, (REQUEST, SRC, DST))
    machine.sockets[2] = socket(30, DST, SRC)
    later = fed(sink, (RW, SRC, DST))
    assert of(sink, found) == (CLIENT, WORKER)
    assert found.comments == {0: b"python3[812] > sshd[99]"}, "it was written before"
    assert later.comments == {}


def test_who_accepts_after_the_response_is_named(machine: Machine) -> None:
    sink = loopback(machine)
    found = fed(sink, (REQUEST, SRC, DST))
    fed(sink, (RW, SRC, DST))
    fed(sink, (RESPONSE, DST, SRC))
    machine.sockets[2] = socket(30, DST, SRC)
    fed(sink, (RW, SRC, DST))
    assert of(sink, found) == (CLIENT, WORKER)


def test_who_closed_again_stays_known(machine: Machine) -> None:
    sink = loopback(machine)
    machine.sockets[2] = socket(30, DST, SRC)
    found = fed(sink, (REQUEST, SRC, DST), (RESPONSE, DST, SRC))
    del machine.sockets[2], machine.sockets[0]
    fed(sink, (RW, SRC, DST))
    assert machine.dumps == 2
    assert of(sink, found) == (CLIENT, WORKER)


def test_sockets_that_are_gone_are_nobodys(machine: Machine) -> None:
    sink = loopback(machine)
    machine.sockets = []
    found = fed(sink, (REQUEST, SRC, DST))
    assert of(sink, found) == NOBODY
    assert found.comments == {}
    assert machine.asked == [], "there is nothing to ask the child"


def test_a_process_that_cannot_be_seen_is_none(machine: Machine) -> None:
    sink = loopback(machine)
    del machine.owners[10]
    found = fed(sink, (REQUEST, SRC, DST))
    assert of(sink, found) == (None, SERVER)
    assert found.comments == {0: b"? > sshd[99]"}


def test_ports_used_again_are_another_connection(machine: Machine) -> None:
    sink = loopback(machine)
    first = fed(sink, (REQUEST, SRC, DST))
    fed(sink, (RW, SRC, DST))
    machine.owners[10] = WORKER
    second = fed(sink, (REQUEST, SRC, DST))
    assert (of(sink, first), of(sink, second)) == ((CLIENT, SERVER), (WORKER, SERVER))


def test_a_response_alone(machine: Machine) -> None:
    """The flow begins with it, and its src is who sent it."""
    sink = loopback(machine)
    found = fed(sink, (RESPONSE, DST, SRC))
    assert of(sink, found) == (SERVER, CLIENT)
    assert found.comments == {}


@pytest.mark.parametrize(("own", "cid"), [(HOST, 2), (frozenset({1}), 2), (GUEST, 7)])
def test_loopback_answers_from_cid_1(own: frozenset[int], cid: int, machine: Machine) -> None:
    asked = (cid, 1234)
    loopback(machine)
    sink = start(machine, own)
    machine.sockets = [socket(10, (ANY, 1024), asked), listener(20, (ANY, 1234))]
    found = fed(sink, (REQUEST, SRC, asked))
    fed(sink, (RW, SRC, asked))
    machine.sockets.append(socket(30, asked, SRC))
    fed(sink, (RESPONSE, DST, SRC))
    assert of(sink, found) == (CLIENT, WORKER)


# --- which end is here ------------------------------------------------------------------------

PLACES = [
    ("from the host", HOST, (2, 1024), (3, 1234), (CLIENT, None)),
    ("to the host", HOST, (3, 1024), (2, 1234), (None, SERVER)),
    ("from a guest", GUEST, (7, 1024), (2, 1234), (CLIENT, None)),
    ("to a guest", GUEST, (2, 1024), (7, 1234), (None, SERVER)),
    ("to a guest that is a host", GUEST, (3, 1024), (2, 1234), (None, SERVER)),
    ("from a guest that is a host", GUEST, (2, 1024), (3, 1234), (CLIENT, None)),
    ("a guest to itself", GUEST, (7, 1024), (7, 1234), (CLIENT, SERVER)),
    ("between others", HOST, (3, 1024), (4, 1234), NOBODY),
]


@pytest.mark.parametrize(
    ("own", "src", "dst", "pair"), [row[1:] for row in PLACES], ids=[row[0] for row in PLACES]
)
def test_only_ends_of_this_machine(
    own: frozenset[int], src: Address, dst: Address, pair: Pair, machine: Machine
) -> None:
    """Sockets with the ports of both ends are here in any case."""
    machine.sockets = [socket(10, (ANY, src[1]), dst), listener(20, (ANY, dst[1]))]
    machine.owners = {10: CLIENT, 20: SERVER}
    sink = start(machine, own)
    found = fed(sink, (REQUEST, src, dst))
    assert of(sink, found) == pair
    assert machine.dumps == (1 if any(pair) else 0)


# --- how often --------------------------------------------------------------------------------


def test_nothing_opens_nothing_is_asked(machine: Machine) -> None:
    sink = loopback(machine)
    for _ in range(3):
        fed(sink, *[(RW, SRC, DST)] * 50)
    fed(sink)
    assert machine.dumps == 0


def test_a_batch_is_one_question(machine: Machine) -> None:
    machine.sockets = [socket(port, (ANY, port), DST) for port in range(2000, 2100)]
    machine.owners = {port: Process(port, "client") for port in range(2000, 2100)}
    sink = start(machine)
    found = fed(sink, *((REQUEST, (1, port), DST) for port in range(2000, 2100)))
    assert (machine.dumps, len(machine.asked)) == (1, 1)
    assert found.comments == {
        row: b"client[%d] > ?" % port for row, port in enumerate(range(2000, 2100))
    }


def test_after_two_questions_it_is_left(machine: Machine) -> None:
    sink = loopback(machine)
    fed(sink, (REQUEST, SRC, DST))
    for _ in range(5):
        fed(sink, (RW, SRC, DST))
    assert machine.dumps == 2


def test_a_flood_is_asked_for_in_parts(machine: Machine) -> None:
    sink = loopback(machine)
    found = fed(sink, *((REQUEST, (1, port), (1, 80)) for port in range(5000, 9000)))
    assert (machine.dumps, len(sink._waiting)) == (1, module._WAITING)
    assert found.comments == {}
    fed(sink, *((REQUEST, (1, port), (1, 80)) for port in range(1000)))
    assert len(sink._opened) == module._OPENED
    assert len(sink.known) == 0


def test_looking_takes_a_small_part_of_the_time(machine: Machine) -> None:
    sink = loopback(machine)
    machine.takes = 2 * module._BURST_NS
    fed(sink, (REQUEST, SRC, DST))
    assert machine.dumps == 1
    late = fed(sink, (REQUEST, SRC, DST))
    machine.now += 8 * module._BURST_NS  # and the look itself took two: ten for the one too many
    fed(sink, (RW, SRC, DST))
    assert (machine.dumps, of(sink, late)) == (1, NOBODY)
    machine.now += module._SHARE
    fed(sink, (RW, SRC, DST))
    assert (machine.dumps, of(sink, late)) == (2, (CLIENT, SERVER))
    assert late.comments == {}


def test_connections_there_was_no_time_for_are_counted(machine: Machine) -> None:
    sink = loopback(machine)
    machine.takes = 2 * module._BURST_NS
    fed(sink, *((REQUEST, (1, port), (1, 80)) for port in range(2000, 2003)))
    fed(sink, *((REQUEST, (1, port), (1, 80)) for port in range(5000, 5000 + module._WAITING)))
    sink.close()  # three were asked for once
    assert machine.said == [
        f"there was no time to look for the processes of {module._WAITING} connections"
    ]


def test_time_that_was_not_used_is_saved_up_to_a_limit(machine: Machine) -> None:
    sink = loopback(machine)
    machine.now += 1_000_000_000_000
    machine.takes = module._BURST_NS
    for _ in range(5):
        fed(sink, (REQUEST, SRC, DST))
    assert machine.dumps == 2, "the second by the tenth of the time that the first took"


# --- connections that were open before --------------------------------------------------------


def flow(ends: Tuple, began: int) -> Flow:
    nothing = Flow._make([0] * len(Flow._fields))
    return nothing._replace(**ends._asdict(), start=began)


def test_connections_that_were_open_before(machine: Machine) -> None:
    """Which of their ends opened them is not known: the flow's src is who sent first."""
    sink = loopback(machine)
    machine.sockets[2] = socket(30, DST, SRC)
    flows = [flow(Tuple(*SRC, *DST), 5), flow(Tuple(*DST, *SRC), 6), flow(Tuple(3, 1, 4, 2), 7)]
    sink.ask(flows)
    assert [sink.known.of(each) for each in flows] == [
        ("python3[812]", "sshd-session[100]"),
        ("sshd-session[100]", "python3[812]"),
        (None, None),
    ]
    assert machine.dumps == 1
    sink.ask(flows[:2])
    assert machine.dumps == 2, "a connection that is known is not asked for: the rest of before is"


def test_many_connections_that_were_open_before(machine: Machine) -> None:
    sink = loopback(machine)
    flows: Iterable[Flow] = (flow(Tuple(1, port, *DST), 5) for port in count(2000))
    sink.ask(flows)
    assert machine.dumps == 1


# --- what cannot be asked ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (errno.ENOENT, "this kernel has no vsock_diag"),
        (errno.EPROTONOSUPPORT, os.strerror(errno.EPROTONOSUPPORT)),
    ],
)
def test_without_vsock_diag(code: int, why: str, machine: Machine) -> None:
    machine.refusal = OSError(code, "no")
    sink = start(machine)
    found = fed(sink, (REQUEST, SRC, DST), (RESPONSE, DST, SRC))
    sink.ask([flow(Tuple(*SRC, *DST), 5)])
    assert (sink.available, of(sink, found), found.comments) == (False, NOBODY, {})
    assert machine.said == [f"connections will have no process names: {why}"]
    assert machine.children == 0
    sink.close()


def test_without_a_child(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise OSError(errno.EAGAIN, "no")

    monkeypatch.setattr(module, "Owners", refuse)
    assert not start(machine).available
    assert len(machine.said) == 1


@pytest.mark.parametrize("which", ["refusal", "gone"])
def test_what_fails_later_is_said_once_and_what_is_known_stays(
    which: str, machine: Machine
) -> None:
    sink = loopback(machine)
    first = fed(sink, (REQUEST, SRC, DST))
    setattr(machine, which, OSError(errno.EPIPE, "no"))
    for _ in range(3):
        later = fed(sink, (REQUEST, SRC, DST))
    assert (of(sink, first), of(sink, later)) == ((CLIENT, SERVER), NOBODY)
    assert machine.said == [f"there are no more process names: {os.strerror(errno.EPIPE)}"]
    assert (sink.available, machine.children) == (True, 0)
    sink.close()
    assert machine.children == 0


def test_after_close_nothing_is_asked(machine: Machine) -> None:
    sink = loopback(machine)
    found = fed(sink, (REQUEST, SRC, DST))
    sink.close()
    sink.close()
    fed(sink, (REQUEST, SRC, DST))
    sink.ask([flow(Tuple(*SRC, *DST), 5)])
    assert (machine.dumps, machine.children) == (1, 0)
    assert of(sink, found) == (CLIENT, SERVER)
