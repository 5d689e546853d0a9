"""Which packets of a batch match a tree: programs for what frames tell, tests for the rest."""

from collections.abc import Callable, Iterable, Sequence
from itertools import compress

from vsockdump.engine.batch import Batch
from vsockdump.engine.bpf import Program, match

from . import masks
from .followed import Followed
from .masks import Choose, Mask
from .plan import follows, in_frame
from .program import compiled, packed
from .terms import tester
from .tree import And, Not, Or, Tree

Batches = Callable[[], Iterable[Batch]]
"""Gives all packets, anew with every call."""


class Choice:
    """Tells which packets match, batch by batch in the order of the capture.

    Where the tree asks about connections they are followed here, in `followed`: of all packets that
    come, so that the others must not have been left out before.
    """

    def __init__(self, tree: Tree, followed: Followed | None = None) -> None:
        """Prepare; raises FilterError for what makes too long a program."""
        self.followed = (followed or Followed()) if follows(tree) else None
        self._choose = _chooser(tree, self.followed)

    def learn(self, batches: Batches) -> None:
        """Find out how connections end, of all packets that will come, where that is asked."""
        if self.followed is not None:
            self.followed.learn(batches())

    def begin(self) -> None:
        """Begin again with the first packet."""
        if self.followed is not None:
            self.followed.begin()

    def __call__(self, batch: Batch) -> Mask:
        """Return a byte a packet, 1 for those that match."""
        if self.followed is not None:
            self.followed.feed(batch)
        return self._choose(batch, masks.every(batch))


class Connections(Choice):
    """Tells which packets are of a connection of which any matches: it has to learn that before."""

    def __init__(self, tree: Tree, followed: Followed) -> None:
        """Prepare; raises FilterError for what makes too long a program."""
        super().__init__(tree, followed)
        self._numbers: set[int] = set()
        self._own = Followed()

    def learn(self, batches: Batches) -> None:
        """Find out which connections these are."""
        super().learn(batches)
        for batch in batches():
            self._own.feed(batch)
            self._numbers.update(compress(self._own.numbers, super().__call__(batch)))
        self._numbers.discard(0)
        self.begin()

    def begin(self) -> None:
        """Begin again with the first packet."""
        super().begin()
        self._own.begin()

    def __call__(self, batch: Batch) -> Mask:
        """Return a byte a packet, 1 for those of such connections."""
        self._own.feed(batch)
        return bytes(map(self._numbers.__contains__, self._own.numbers))


def _chooser(tree: Tree, followed: Followed | None) -> Choose:
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
            if linktype not in self._programs:
                self._programs[linktype] = Program(packed(compiled(self._tree, linktype)))
        self._known = batch.interfaces.count
        return match(batch, self._programs, wanted)
