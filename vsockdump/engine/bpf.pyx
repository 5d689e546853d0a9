# cython: language_level=3
"""Classic BPF programs: those the kernel runs at capture, run here over the packets of a Batch."""

cimport cython
from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from .batch cimport CAPACITY, Batch, Row
from .machine cimport (
    ADD_K, ADD_X, AND_K, AND_X, DIV_K, DIV_X, JA, JEQ_K, JEQ_X, JGE_K, JGE_X, JGT_K, JGT_X, JSET_K,
    JSET_X, LD_B_ABS, LD_B_IND, LD_H_ABS, LD_H_IND, LD_IMM, LD_LEN, LD_MEM, LD_W_ABS, LD_W_IND, LDX_IMM,
    LDX_LEN, LDX_MEM, LDX_MSH, LSH_K, LSH_X, MEMORY_WORDS, MOD_K, MOD_X, MUL_K, MUL_X, NEG, OR_K, OR_X,
    RET_A, RET_K, RSH_K, RSH_X, ST, STX, SUB_K, SUB_X, TAX, TXA, XOR_K, XOR_X, execute, is_branch,
    is_load_abs, sock_filter,
)

cdef enum:
    MOST_INSTRUCTIONS = 4096    # BPF_MAXINSNS
    MOST_LINKTYPES = 16

OTHERS = -1
"""Stands for every link type that has no program of its own."""

cdef frozenset KNOWN = frozenset([
    LD_IMM, LD_W_ABS, LD_H_ABS, LD_B_ABS, LD_W_IND, LD_H_IND, LD_B_IND, LD_MEM, LD_LEN,
    LDX_IMM, LDX_MEM, LDX_LEN, LDX_MSH, ST, STX, TAX, TXA, RET_K, RET_A,
    ADD_K, SUB_K, MUL_K, DIV_K, MOD_K, AND_K, OR_K, XOR_K, LSH_K, RSH_K, NEG,
    ADD_X, SUB_X, MUL_X, DIV_X, MOD_X, AND_X, OR_X, XOR_X, LSH_X, RSH_X,
    JA, JEQ_K, JGT_K, JGE_K, JSET_K, JEQ_X, JGT_X, JGE_X, JSET_X,
])


@cython.auto_pickle(False)
cdef class Program:
    """A program that is safe to run, by the rules of Linux's bpf_check_classic().

    `code` is struct sock_filter[] in this machine's byte order. Raises ValueError for what the
    kernel refuses, instructions counted from 0, and for loads at 2^31 and above: there the kernel
    keeps facts about a packet, which a file does not have.
    """

    cdef readonly bytes code
    cdef const sock_filter *start
    cdef Py_ssize_t count

    def __cinit__(self, bytes code not None):
        cdef Py_ssize_t size = len(code)
        self.count = size // <Py_ssize_t>sizeof(sock_filter)
        if size % sizeof(sock_filter) or not 0 < self.count <= MOST_INSTRUCTIONS:
            raise ValueError(
                f"a program is 1 to {MOST_INSTRUCTIONS} instructions of 8 bytes, not {size} bytes"
            )
        cdef void *start = malloc(size)  # the bytes themselves need not be aligned
        if start == NULL:
            raise MemoryError
        memcpy(start, <const char *>code, size)
        self.start = <const sock_filter *>start
        self.code = code
        _verify(self.start, self.count)

    def __dealloc__(self):
        free(<void *>self.start)

    def __len__(self):
        return self.count

    def run(self, bytes frame not None, uint32_t wire_len):
        """Return what becomes of a frame: how many of its bytes are kept, 0 for none."""
        return execute(self.start, frame, len(frame), wire_len)


cdef int _verify(const sock_filter *code, Py_ssize_t count) except -1:
    cdef Py_ssize_t at
    for at in range(count):
        fault = _fault(&code[at], count - 1 - at)
        if fault is not None:
            raise ValueError(f"instruction {at} {fault}")
    if code[count - 1].code not in (RET_K, RET_A):
        raise ValueError(f"instruction {count - 1} is the last and does not return")
    return _verify_memory(code, count)


cdef str _fault(const sock_filter *i, uint32_t more):
    """Say what is wrong with an instruction, behind which there are so many more, or None."""
    if i.code not in KNOWN:
        return f"has the unknown opcode {i.code:#06x}"
    if i.code in (DIV_K, MOD_K) and i.k == 0:
        return "divides by 0"
    if i.code in (LSH_K, RSH_K) and i.k >= 32:
        return f"shifts 32 bits by {i.k}"
    if i.code in (LD_MEM, LDX_MEM, ST, STX) and i.k >= MEMORY_WORDS:
        return f"uses M[{i.k}], but there are {MEMORY_WORDS}"
    if (is_load_abs(i.code) or i.code == LDX_MSH) and i.k >> 31:
        return f"loads from {i.k:#x}, which is no place in a frame"
    if is_branch(i.code) and max(i.jt, i.jf) >= more or i.code == JA and i.k >= more:
        return "jumps out of the program"
    return None


cdef int _verify_memory(const sock_filter *code, Py_ssize_t count) except -1:
    """No way through it may read a word before storing one there: check_load_and_stores()."""
    cdef uint16_t[MOST_INSTRUCTIONS] arriving
    cdef uint16_t stored = 0
    cdef const sock_filter *i
    cdef Py_ssize_t at
    for at in range(count):
        arriving[at] = 0xFFFF
    for at in range(count):
        i = &code[at]
        stored &= arriving[at]
        if i.code in (LD_MEM, LDX_MEM) and not stored >> i.k & 1:
            raise ValueError(f"instruction {at} reads M[{i.k}] before it is stored")
        if i.code in (ST, STX):
            stored |= 1 << i.k
        elif i.code == JA:
            arriving[at + 1 + i.k] &= stored
            stored = 0xFFFF
        elif is_branch(i.code):
            arriving[at + 1 + i.jt] &= stored
            arriving[at + 1 + i.jf] &= stored
            stored = 0xFFFF
    return 0


cdef struct Choice:
    int linktype
    const sock_filter *start


cdef struct Choices:
    Choice[MOST_LINKTYPES] list
    int count


def match(Batch batch not None, programs, bytes wanted=None):
    """Return a byte a packet: 1 where its link type's program gives anything but 0, else 0.

    `programs` has them by link type; one without gives OTHERS' or else 0. Packets whose byte in
    `wanted` is 0 are passed over. Raises ValueError if `wanted` has not a byte for each packet.
    """
    cdef Choices choices
    cdef uint8_t[CAPACITY] results
    cdef const uint8_t *asked = NULL
    held = list(programs.items())  # nobody may free them meanwhile
    _choices(&choices, held)
    if wanted is not None:
        if len(wanted) != batch.count:
            raise ValueError(f"{len(wanted)} choices for {batch.count} packets")
        asked = wanted
    with nogil:
        _match(batch, &choices, asked, results)
    return results[:batch.count]


cdef int _choices(Choices *choices, list programs) except -1:
    cdef Program program
    if len(programs) > MOST_LINKTYPES:
        raise ValueError(f"programs for {len(programs)} link types, {MOST_LINKTYPES} at the most")
    choices.count = 0
    for linktype, program in programs:
        if program is None:
            raise TypeError(f"no program for link type {linktype}")
        choices.list[choices.count] = Choice(linktype, program.start)
        choices.count += 1
    return 0


cdef void _match(
    Batch b, const Choices *choices, const uint8_t *asked, uint8_t *results
) noexcept nogil:
    cdef const sock_filter *start = NULL
    cdef const Row *row
    cdef Py_ssize_t i
    cdef int interface = -1
    for i in range(b.count):
        row = &b.rows[i]
        if row.interface != interface:
            interface = row.interface
            start = _program(choices, b.interfaces.table[interface].linktype)
        if start == NULL or asked != NULL and not asked[i]:
            results[i] = 0
        else:
            results[i] = execute(start, b.bytes + row.offset, row.cap_len, row.wire_len) != 0


cdef const sock_filter *_program(const Choices *choices, int linktype) noexcept nogil:
    cdef const sock_filter *others = NULL
    cdef int i
    for i in range(choices.count):
        if choices.list[i].linktype == linktype:
            return choices.list[i].start
        if choices.list[i].linktype == -1:  # OTHERS
            others = choices.list[i].start
    return others
