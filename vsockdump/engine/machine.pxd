# The machine of classic BPF: its instructions, and how those of a verified program are run.
# Linux: include/uapi/linux/filter.h, Documentation/networking/filter.rst, net/core/filter.c.

cimport cython
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

from .layout cimport be16toh, be32toh

cdef extern from *:
    bint expect "__builtin_expect_with_probability"(bint, bint, double) nogil

cdef struct sock_filter:
    uint16_t code
    uint8_t jt
    uint8_t jf
    uint32_t k

cdef enum:
    MEMORY_WORDS = 16   # BPF_MEMWORDS

    LD_IMM = 0x00
    LD_W_ABS = 0x20
    LD_H_ABS = 0x28
    LD_B_ABS = 0x30
    LD_W_IND = 0x40
    LD_H_IND = 0x48
    LD_B_IND = 0x50
    LD_MEM = 0x60
    LD_LEN = 0x80
    LDX_IMM = 0x01
    LDX_MEM = 0x61
    LDX_LEN = 0x81
    LDX_MSH = 0xB1
    ST = 0x02
    STX = 0x03
    ADD_K = 0x04
    ADD_X = 0x0C
    SUB_K = 0x14
    SUB_X = 0x1C
    MUL_K = 0x24
    MUL_X = 0x2C
    DIV_K = 0x34
    DIV_X = 0x3C
    OR_K = 0x44
    OR_X = 0x4C
    AND_K = 0x54
    AND_X = 0x5C
    LSH_K = 0x64
    LSH_X = 0x6C
    RSH_K = 0x74
    RSH_X = 0x7C
    NEG = 0x84
    MOD_K = 0x94
    MOD_X = 0x9C
    XOR_K = 0xA4
    XOR_X = 0xAC
    JA = 0x05
    JEQ_K = 0x15
    JEQ_X = 0x1D
    JGT_K = 0x25
    JGT_X = 0x2D
    JGE_K = 0x35
    JGE_X = 0x3D
    JSET_K = 0x45
    JSET_X = 0x4D
    RET_K = 0x06
    RET_A = 0x16
    TAX = 0x07
    TXA = 0x87


cdef inline bint is_load_abs(uint16_t code) noexcept nogil:
    return code in (LD_W_ABS, LD_H_ABS, LD_B_ABS)


cdef inline bint is_branch(uint16_t code) noexcept nogil:
    """Whether it jumps by jt or jf."""
    return code & 7 == JA and code != JA


cdef inline const sock_filter *branch(const sock_filter *i, bint taken) noexcept nogil:
    # Said to be likely so that it becomes a jump that the processor foresees. As a conditional move,
    # the compiler's choice, every instruction waited for the bytes of the frame: twice the time.
    if expect(taken, True, 0.995):
        return i + 1 + i.jt
    return i + 1 + i.jf


cdef inline const sock_filter *behind(const sock_filter *i, uint32_t A) noexcept nogil:
    """Step over an instruction, and do the comparison that mostly stands behind it."""
    i += 1
    if i.code == JEQ_K:
        return branch(i, A == i.k)
    return i


cdef inline bint load(
    uint32_t *value, const uint8_t *frame, uint64_t captured, uint64_t at, uint32_t size
) noexcept nogil:
    """Load `size` bytes, 1, 2 or 4, the highest first; false if they are not all there."""
    cdef uint16_t half
    if at + size > captured:
        return False
    if size == 4:
        memcpy(value, frame + at, 4)
        value[0] = be32toh(value[0])
    elif size == 2:
        memcpy(&half, frame + at, 2)
        value[0] = be16toh(half)
    else:
        value[0] = frame[at]
    return True


@cython.cdivision(True)
cdef inline uint32_t execute(
    const sock_filter *i, const uint8_t *frame, uint64_t captured, uint32_t wire
) noexcept nogil:
    """Return what a verified program makes of a frame of which `captured` bytes are there.

    A load beyond them and a division by X = 0 end it with 0, as in the kernel. LD_LEN is `captured`,
    for checks before a load; LDX_LEN is the length on the wire. In the kernel the two are one.
    """
    cdef uint32_t A = 0, X = 0
    cdef uint32_t[MEMORY_WORDS] M
    while True:
        while i.code == LD_W_ABS:  # outside of the switch: half of a filter is this
            if not load(&A, frame, captured, i.k, 4): return 0
            i = behind(i, A)
        if i.code == LD_H_ABS:
            if not load(&A, frame, captured, i.k, 2): return 0
        elif i.code == LD_B_ABS:
            if not load(&A, frame, captured, i.k, 1): return 0
        elif i.code == LD_W_IND:
            if not load(&A, frame, captured, <uint64_t>X + i.k, 4): return 0
        elif i.code == LD_H_IND:
            if not load(&A, frame, captured, <uint64_t>X + i.k, 2): return 0
        elif i.code == LD_B_IND:
            if not load(&A, frame, captured, <uint64_t>X + i.k, 1): return 0
        elif i.code == LDX_MSH:
            if not load(&X, frame, captured, i.k, 1): return 0
            X = (X & 0xF) << 2
        elif i.code == LD_LEN: A = <uint32_t>captured
        elif i.code == LDX_LEN: X = wire
        elif i.code == LD_IMM: A = i.k
        elif i.code == LDX_IMM: X = i.k
        elif i.code == LD_MEM: A = M[i.k]
        elif i.code == LDX_MEM: X = M[i.k]
        elif i.code == ST: M[i.k] = A
        elif i.code == STX: M[i.k] = X
        elif i.code == TAX: X = A
        elif i.code == TXA: A = X
        elif i.code == ADD_K: A += i.k
        elif i.code == ADD_X: A += X
        elif i.code == SUB_K: A -= i.k
        elif i.code == SUB_X: A -= X
        elif i.code == MUL_K: A *= i.k
        elif i.code == MUL_X: A *= X
        elif i.code == DIV_K: A //= i.k
        elif i.code == DIV_X:
            if not X: return 0
            A //= X
        elif i.code == MOD_K: A %= i.k
        elif i.code == MOD_X:
            if not X: return 0
            A %= X
        elif i.code == AND_K: A &= i.k
        elif i.code == AND_X: A &= X
        elif i.code == OR_K: A |= i.k
        elif i.code == OR_X: A |= X
        elif i.code == XOR_K: A ^= i.k
        elif i.code == XOR_X: A ^= X
        elif i.code == LSH_K: A <<= i.k
        elif i.code == LSH_X: A <<= X & 31
        elif i.code == RSH_K: A >>= i.k
        elif i.code == RSH_X: A >>= X & 31
        elif i.code == NEG: A = -A
        elif i.code == JA: i += i.k
        elif i.code == JEQ_K: i = branch(i, A == i.k); continue
        elif i.code == JEQ_X: i = branch(i, A == X); continue
        elif i.code == JGT_K: i = branch(i, A > i.k); continue
        elif i.code == JGT_X: i = branch(i, A > X); continue
        elif i.code == JGE_K: i = branch(i, A >= i.k); continue
        elif i.code == JGE_X: i = branch(i, A >= X); continue
        elif i.code == JSET_K: i = branch(i, A & i.k != 0); continue
        elif i.code == JSET_X: i = branch(i, A & X != 0); continue
        elif i.code == RET_K: return i.k
        elif i.code == RET_A: return A
        else: return 0  # there are no others
        i = behind(i, A)
