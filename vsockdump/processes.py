"""Which processes open connections, asked live, while they do."""

import time
from collections.abc import Callable, Iterable
from itertools import islice

from vsockdump.dissectors.virtio import Op
from vsockdump.engine.batch import Batch
from vsockdump.errors import reason
from vsockdump.flows import Flow
from vsockdump.messages import plural, say
from vsockdump.remembered import Ends, Key, Known, comment, ends_of, keep
from vsockdump.sources import sockdiag
from vsockdump.sources.local import HOST, LOCAL
from vsockdump.sources.owners import Owners, Process
from vsockdump.sources.sockdiag import Holders

_OPENED = 4096  # connections whose RESPONSE is waited for
_WAITING = 256  # connections that are asked for at once: three sockets each, of owners.MOST
_TRIES = 2  # with the REQUEST or RESPONSE, and with what comes next: accept() follows them
_SHARE = 10  # looking may take so small a part of the time,
_BURST_NS = 250_000_000  # and so long at once: what comes meanwhile must fit into the ring


class Processes:
    """A sink that asks which processes open connections, while they do, and comments on REQUESTs.

    It has to come before what saves packets. `own` are this machine's CIDs; the processes of others
    are not asked for. A socket that is gone again is not found, nor one in another network
    namespace. Where nothing can be asked, that is said, once, and nothing is `available`.

    Make it before privileges are dropped, and before the capture's ring (see Owners).
    """

    def __init__(self, own: frozenset[int], tell: Callable[[str], None] = say) -> None:
        """Find out what can be asked; `tell` gets the sentence where that is nothing."""
        self.known = Known()
        # CID 2 is this machine, too, by loopback at least, unless it is a guest and has a host.
        self._own = own if any(cid > HOST for cid in own) else own | {HOST}
        self._tell = tell
        self._opened: dict[Ends, int] = {}
        self._waiting: dict[Key, int] = {}  # and how often they are still to be asked for
        self._allowance = _Allowance()
        self._missed = 0  # connections that were never asked for: there was no time
        self._owners: Owners | None = None
        try:
            sockdiag.sockets()  # while we may: the kernel may have to load the module
            self._owners = Owners()
        except OSError as error:
            tell(f"connections will have no process names: {_why(error)}")
        self.available = self._owners is not None

    def feed(self, batch: Batch) -> None:
        """Ask for the processes of connections that open in this batch."""
        if self._owners is None:
            return
        rows = batch.find(1 << Op.REQUEST | 1 << Op.RESPONSE)
        requests = self._note(batch, rows) if rows else {}
        if self._waiting and self._allowance.left():
            self._look(self._owners)
        for row, key in requests.items():
            if any(pair := self.known.process(*key)):
                batch.comments[batch.place(row)] = comment(pair)

    def ask(self, flows: Iterable[Flow]) -> None:
        """Ask now for connections, a few, that had been open before the capture began."""
        unknown = (flow for flow in flows if not any(self.known.of(flow)))
        for flow in islice(unknown, _WAITING):
            self._wait((Ends.of(flow), flow.start))
        if self._owners is not None and self._waiting:
            self._look(self._owners)

    def close(self) -> None:
        """Ask no more; what is known stays. Tells of how many nobody was asked."""
        if self._owners is None:
            return
        self._owners.close()
        self._owners = None
        self._missed += sum(tries == _TRIES for tries in self._waiting.values())
        if self._missed:
            missed = plural(self._missed, "connection")
            self._tell(f"there was no time to look for the processes of {missed}")

    def _note(self, batch: Batch, rows: list[int]) -> dict[int, Key]:
        """Have the connections of these rows asked for; return those that begin with a REQUEST."""
        ends, times, ops = ends_of(batch), batch.column("time"), batch.column("virtio_op")
        requests = {}
        for row in rows:
            if ops[row] == Op.REQUEST:
                requests[row] = self._open(ends(row), times[row])
            else:
                self._answer(ends(row).reversed, times[row])
        return requests

    def _open(self, ends: Ends, start: int) -> Key:
        keep(self._opened, ends, start, _OPENED)
        self._wait((ends, start))
        return ends, start

    def _answer(self, ends: Ends, now: int) -> None:
        """Ask again: the server may have taken the connection, or another process of it has."""
        # Loopback answers from CID 1, whatever CID of this machine was called.
        asked = [ends, *(ends._replace(dst_cid=cid) for cid in self._own if ends.dst_cid == LOCAL)]
        known = next((each for each in asked if each in self._opened), None)
        if known is None:
            self._open(ends, now)
        elif self._is_ours(known.dst_cid, known.src_cid):
            self._wait((known, self._opened[known]))

    def _wait(self, key: Key) -> None:
        ends = key[0]
        if self._is_ours(ends.src_cid, ends.dst_cid) or self._is_ours(ends.dst_cid, ends.src_cid):
            if key not in self._waiting and len(self._waiting) == _WAITING:
                self._missed += next(iter(self._waiting.values())) == _TRIES
            keep(self._waiting, key, _TRIES, _WAITING)

    def _is_ours(self, cid: int, other: int) -> bool:
        """Tell whether an end is here: CID 2 is a guest's host, and this one to its own guests."""
        return cid in self._own or (cid == HOST and other not in self._own)

    def _look(self, owners: Owners) -> None:
        """Ask for all that wait, once."""
        began = time.monotonic_ns()
        try:
            holders = Holders(sockdiag.sockets())
            sockets = {key: self._sockets(holders, key[0]) for key in self._waiting}
            inodes = sorted({inode for each in sockets.values() for inode in each if inode})
            found = dict(zip(inodes, owners.ask(inodes), strict=True)) if inodes else {}
        except OSError as error:
            self._tell(f"there are no more process names: {_why(error)}")
            self._waiting.clear()
            self.close()
            return
        for key, (src, dst, listener) in sockets.items():
            self._learn(key, found.get(src), found.get(dst), found.get(listener))
        self._allowance.spend(time.monotonic_ns() - began)

    def _sockets(self, holders: Holders, ends: Ends) -> tuple[int, int, int]:
        """Return the inodes of both ends, and of the socket that listens for the second."""
        src = dst = listener = 0
        if self._is_ours(ends.src_cid, ends.dst_cid):
            src = holders.connected(*ends)
        if self._is_ours(ends.dst_cid, ends.src_cid):
            dst = holders.connected(*ends.reversed)
            listener = holders.listening(ends.dst_cid, ends.dst_port)
        return src, dst, listener

    def _learn(
        self, key: Key, src: Process | None, dst: Process | None, listener: Process | None
    ) -> None:
        """Remember what was found; who listens is named until somebody has the connection."""
        before = self.known.process(*key)
        pair = (src or before[0], dst or before[1] or listener)
        if any(pair):
            self.known.put(*key, pair)
        self._waiting[key] -= 1
        if not self._waiting[key]:
            del self._waiting[key]


class _Allowance:
    """How long may still be looked: a share of the time since it was last asked, saved up."""

    def __init__(self) -> None:
        self._saved = _BURST_NS
        self._asked = time.monotonic_ns()

    def left(self) -> bool:
        now = time.monotonic_ns()
        self._saved = min(self._saved + (now - self._asked) // _SHARE, _BURST_NS)
        self._asked = now
        return self._saved > 0

    def spend(self, ns: int) -> None:
        self._saved -= ns


def _why(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "this kernel has no vsock_diag"
    return reason(error)
