"""Trees to the classic BPF programs that the kernel and the engine run, and these as text."""

import struct

from vsockdump.dissectors import LINKTYPE_VSOCK
from vsockdump.interface import SNAPLEN

from .assembly import MOST_INSTRUCTIONS, Assembly, Code, Instruction, TooLong
from .graph import ACCEPT, REJECT, threaded
from .lower import Lowering
from .tokens import FilterError
from .tree import Tree

# struct sock_filter { __u16 code; __u8 jt, jf; __u32 k; };
_SOCK_FILTER = struct.Struct("=HBBI")

_MOST_TESTS = 4 * MOST_INSTRUCTIONS  # threading leaves out some, but hardly more than this


def compiled(
    tree: Tree, linktype: int = LINKTYPE_VSOCK, snaplen: int = SNAPLEN, payload: int | None = None
) -> Code:
    """Return the program that tells whether a frame matches, by how many bytes of it are kept.

    0 for none of a frame that does not; else `snaplen`, or all headers and `payload` bytes. All
    terms of the tree have to be about frames alone. Raises FilterError for more instructions than
    the kernel takes.
    """
    lowering = Lowering(linktype)
    start = lowering.tree(tree, ACCEPT, REJECT)
    try:
        if len(lowering.graph.tests) > _MOST_TESTS:
            tests = len(lowering.graph.tests)
            raise TooLong(f"{tests} tests; the kernel takes {MOST_INSTRUCTIONS} instructions")
        return Assembly(lowering.base, snaplen, payload).program(*threaded(lowering.graph, start))
    except TooLong as error:
        text = str(tree)
        raise FilterError(text, len(text), f"too much for a program: {error}") from error


def packed(code: Code) -> bytes:
    """Return struct sock_filter[] in host byte order."""
    return b"".join(_SOCK_FILTER.pack(*one) for one in code)


def unpacked(program: bytes) -> Code:
    """Return the instructions of struct sock_filter[]."""
    return [Instruction._make(one) for one in _SOCK_FILTER.iter_unpack(program)]
