"""What moves a connection from one state to another: one table.

Sources: virtio 1.3, 5.10.6.6 (connections, half close), and Linux's
net/vmw_vsock/virtio_transport_common.c, which decides what is sent when.
"""

from enum import IntEnum


class State(IntEnum):
    """Where a connection stands, as far as its packets tell."""

    OPENING = 0
    """REQUEST was sent, and not answered."""
    OPEN = 1
    HALF_SRC = 2
    """Who opened it will not send any more, or not receive."""
    HALF_DST = 3
    """The other side will not."""
    CLOSING = 4
    """One side has announced both, or each of them something; no RST yet."""
    CLOSED = 5


class Move(IntEnum):
    """What a packet means to the state. `SRC` is the side that opened the connection."""

    RESPONSE = 0
    CARRY = 1
    """RW, CREDIT_UPDATE, CREDIT_REQUEST: only an open connection has them."""
    PART_SRC = 2
    """All SHUTDOWNs of that side together say either rcv or send."""
    PART_DST = 3
    END_SRC = 4
    """All SHUTDOWNs of that side together say rcv and send."""
    END_DST = 5
    RST = 6


_OPEN = {
    Move.RESPONSE: State.OPEN,
    Move.CARRY: State.OPEN,
    Move.PART_SRC: State.HALF_SRC,
    Move.PART_DST: State.HALF_DST,
    Move.END_SRC: State.CLOSING,
    Move.END_DST: State.CLOSING,
    Move.RST: State.CLOSED,
}

# A row a state; a move that is not in it changes nothing. A REQUEST is no move: on a connection
# that is not just being opened it begins another one, the next generation of the tuple.
MOVES: dict[State, dict[Move, State]] = {
    # Whatever is sent on a connection shows that it was answered, the answer seen or not.
    State.OPENING: _OPEN,
    State.OPEN: _OPEN,
    State.HALF_SRC: {
        Move.PART_DST: State.CLOSING,
        Move.END_SRC: State.CLOSING,
        Move.END_DST: State.CLOSING,
        Move.RST: State.CLOSED,
    },
    State.HALF_DST: {
        Move.PART_SRC: State.CLOSING,
        Move.END_SRC: State.CLOSING,
        Move.END_DST: State.CLOSING,
        Move.RST: State.CLOSED,
    },
    State.CLOSING: {Move.RST: State.CLOSED},
    State.CLOSED: {},
}
