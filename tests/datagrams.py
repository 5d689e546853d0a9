"""Classic BPF as the kernel runs it: on datagrams between two sockets, which takes no rights."""

import ctypes
import errno
import socket
import struct

SO_ATTACH_FILTER = 26  # include/uapi/asm-generic/socket.h


class Kernel:
    """A pair of sockets with a filter between them."""

    def __init__(self) -> None:
        self._near, self._far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._far.setblocking(False)

    def takes(self, program: bytes) -> bool:
        """Whether the kernel accepts the program, which is then run on what comes."""
        held = ctypes.create_string_buffer(program)
        asked = struct.pack("HP", len(program) // 8, ctypes.addressof(held))
        try:
            self._far.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, asked)
        except OSError as error:
            assert error.errno == errno.EINVAL
            return False
        return True

    def kept(self, frame: bytes) -> bytes | None:
        """What the program leaves of a frame; None if nothing at all arrives."""
        self._near.send(frame)
        try:
            return self._far.recv(1 << 16)
        except BlockingIOError:
            return None

    def close(self) -> None:
        self._near.close()
        self._far.close()
