# What the numbers in the headers mean, where C can see it. Its home is vsockdump.dissectors; the
# test that compares every frame's row with its dissection holds the two to each other.

cdef enum:
    LINKTYPE_LINUX_SLL = 113
    LINKTYPE_VSOCK = 271
    LINKTYPE_LINUX_SLL2 = 276
    ARPHRD_VSOCKMON = 826

cdef enum:
    TRANSPORT_VIRTIO = 2
    TYPE_SEQPACKET = 2

# virtio's operations
cdef enum:
    OP_REQUEST = 1
    OP_RESPONSE = 2
    OP_RST = 3
    OP_SHUTDOWN = 4
    OP_RW = 5
    OP_CREDIT_UPDATE = 6
    OP_CREDIT_REQUEST = 7

# dissectors.notes.Note
cdef enum:
    TRUNCATED = 1 << 0
    MALFORMED = 1 << 1
    LEN_BEYOND_FRAME = 1 << 2
    DEFECT_A = 1 << 3
    DEFECT_A1 = 1 << 4
    DEFECT_A2 = 1 << 5
    ANY_DEFECT_A = DEFECT_A | DEFECT_A1 | DEFECT_A2
    TRAILING = 1 << 6
    MISMATCH = 1 << 7
    UPPER_CID = 1 << 8
    CONTROL_PAYLOAD = 1 << 9
    RESERVED = 1 << 10
    ODD_LEN = 1 << 11
    ODD_FLAGS = 1 << 12
    NOT_VSOCK = 1 << 13

# A SEQPACKET RW's flag, and SHUTDOWN's
cdef enum:
    EOM = 1
    RCV = 1
    SEND = 2
