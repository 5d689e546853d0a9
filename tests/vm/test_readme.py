"""The README's commands that need a real vsockmon, with traffic to see."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest

from .conftest import boot

pytestmark = pytest.mark.vm

# Somebody must talk while a command captures: a connection over CID 1 every half second.
TALK = """
import socket, time
listener = socket.socket(socket.AF_VSOCK)
listener.bind((socket.VMADDR_CID_ANY, 1234))
listener.listen()
while True:
    client = socket.socket(socket.AF_VSOCK)
    client.connect((1, 1234))
    server, _ = listener.accept()
    client.sendall(b"hello\\n")
    server.recv(6)
    client.close()
    server.close()
    time.sleep(0.5)
"""


def test_commands_that_need_vsockmon(out: Path) -> None:
    python = shlex.quote(sys.executable)
    result = boot(
        "trixie",
        f"modprobe -a vsockmon vsock_loopback; {python} -c {shlex.quote(TALK)} & "
        "VSOCKDUMP_README_REQUIRED=1 "
        f"{python} -m pytest -p no:cacheprovider -k 'test_console and vsockmon' "
        "tests/test_readme.py; status=$?; kill %1; (exit $status)",
        out / "readme",
    )
    assert result.status == 0, result.console
    assert re.search(r"[1-9]\d* passed", result.console), result.console
