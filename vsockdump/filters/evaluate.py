"""Which packets of a batch match a tree: programs for what frames tell, tests for the rest."""

from collections.abc import Iterable, Sequence
from itertools import compress

from vsockdump.dissectors import LINKTYPES
from vsockdump.engine.batch import Batch
from vsockdump.engine.bpf import OTHERS, Program, match

from . import masks
from .followed import Followed, Knowing
from .masks import Choose, Mask
from .plan import follows, in_frame
from .program import compiled, packed
from .terms import tester
from .tree import And, Not, Or, Tree


class Choice:
    """Tells which packets match, batch by batch in the order of the capture.

    Terms about connections ask `followed`, which has to be fed every batch before this is asked,
    and before anything is left out of it.
    """

    def __init__(self, tree: Tree, followed: Knowing | None = None) -> None:
        """Prepare; raises FilterError for what makes too long a program."""
        self._followed = followed if follows(tree) else None
        self._choose = _chooser(tree, self._followed)

    def __call__(self, batch: Batch) -> Mask:
        """Return a byte a packet, 1 for those that match."""
        if self._followed is not None:
            self._followed.look()
        return self._choose(batch, masks.every(batch))


class Openings:
    """Tells which packets are of a connection whose first packet matches.

    For what is true of all packets of a connection or of none, but for loopback's: who calls CID 2
    there is answered from CID 1.
    """

    def __init__(self, tree: Tree, followed: Followed, most: int) -> None:
        """Prepare; raises FilterError for what makes too long a program."""
        self._choice = Choice(tree)
        self._followed = followed
        self._most = most
        self._taken: set[int] = set()
        self._last = 0  # the last connection that was looked at: their numbers ascend

    def __call__(self, batch: Batch) -> Mask:
        """Return a byte a packet, 1 for those of such connections."""
        self._followed.look()
        numbers = self._followed.numbers
        for number, matches in zip(numbers, self._choice(batch), strict=True):
            if number > self._last:
                self._last = number
                if matches:
                    self._taken.add(number)
        if len(self._taken) > 2 * self._most:  # the oldest are not followed any more
            self._taken = set(sorted(self._taken)[-self._most :])
        return bytes(map(self._taken.__contains__, numbers))


class Connections:
    """Tells which packets are of a connection of which any matches: it has to learn that before."""

    def __init__(self, tree: Tree, followed: Followed) -> None:
        """Prepare; raises FilterError for what makes too long a program."""
        self._any = Choice(tree, followed)
        self._followed = followed
        self._numbers: set[int] = set()

    def learn(self, batches: Iterable[Batch]) -> None:
        """Find out which connections these are; `followed` then begins again."""
        for batch in batches:
            self._followed.feed(batch)
            self._followed.look()
            self._numbers.update(compress(self._followed.numbers, self._any(batch)))
        self._numbers.discard(0)
        self._followed.begin()

    def __call__(self, batch: Batch) -> Mask:
        """Return a byte a packet, 1 for those of such connections."""
        self._followed.look()
        return bytes(map(self._numbers.__contains__, self._followed.numbers))


def _chooser(tree: Tree, followed: Knowing | None) -> Choose:
    if in_frame(tree):
        return _Programs(tree).choose
    match tree:
        case And(parts):
            return _all([_chooser(part, followed) for part in _grouped(And, parts)])
        case Or(parts):
            return _any([_chooser(part, followed) for part in _grouped(Or, parts)])
        case Not(part):
            other = _chooser(part, followed)
            return lambda batch, wanted: masks.but(wanted, other(batch, wanted))
        case _:
            return tester(tree, followed)


def _grouped(kind: type[And] | type[Or], parts: Sequence[Tree]) -> list[Tree]:
    """Return the parts with those that a program decides in one, and before the others."""
    frames = tuple(part for part in parts if in_frame(part))
    others = [part for part in parts if not in_frame(part)]
    return [kind(frames), *others] if frames else others


def _all(choosers: Sequence[Choose]) -> Choose:
    def choose(batch: Batch, wanted: Mask) -> Mask:
        for chooser in choosers:
            wanted = chooser(batch, wanted)
        return wanted

    return choose


def _any(choosers: Sequence[Choose]) -> Choose:
    def choose(batch: Batch, wanted: Mask) -> Mask:
        found = bytes(len(wanted))
        for chooser in choosers:
            found = masks.either(found, chooser(batch, masks.but(wanted, found)))
        return found

    return choose


class _Programs:
    """One tree's programs, each for the frames of a link type, made when one comes."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._programs: dict[int, Program] = {}
        self._known = 0  # interfaces
        compiled(tree)  # what is too long is known before anything is read

    def choose(self, batch: Batch, wanted: Mask) -> Mask:
        for index in range(self._known, batch.interfaces.count):
            linktype = batch.interfaces.linktype(index)
            linktype = linktype if linktype in LINKTYPES else OTHERS
            if linktype not in self._programs:
                self._programs[linktype] = Program(packed(compiled(self._tree, linktype)))
        self._known = batch.interfaces.count
        return match(batch, self._programs, wanted)
