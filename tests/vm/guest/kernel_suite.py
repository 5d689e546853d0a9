"""Run the kernel's own tests of AF_VSOCK, each alone, over loopback.

`python -m tests.vm.guest.kernel_suite VSOCK_TEST FILE` writes when each ran and how it ended.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import cast

from .truth import Truth, now

CONTROL_PORT = 1234  # TCP's, by which the two ends agree on when to do what
HANG_S = 15  # theirs give up after 10 s where they wait for anything
TRIES = 4


def names(program: str) -> list[str]:
    words = [program, "--list", *common(), "--mode", "server"]
    # Its exit status is that of an error.
    shown = subprocess.run(words, capture_output=True, text=True, check=False).stdout
    return [line.split("\t")[1] for line in shown.splitlines() if line[:1].isdigit()]


def common() -> list[str]:
    return ["--control-port", str(CONTROL_PORT), "--peer-cid", "1"]


def settled(program: str, number: int, count: int) -> Truth:
    """Run one test until it passes; give its last run.

    Some race the worker that carries loopback's packets ("SHUT_RD" says by TCP that it shut down,
    and fails if that is faster than the SHUTDOWN), others allow a read 0.25 s too much.
    """
    for _ in range(TRIES):
        seen = run(program, number, count)
        ends = cast("list[tuple[int, str]]", seen["ends"])
        if not any(code > 0 for code, _ in ends):
            break  # passed, or hung until it was killed: what hangs is no race
    return seen


def run(program: str, number: int, count: int) -> Truth:
    """Run one test, both ends of it; give their exit codes and last words."""
    skipped = [word for n in range(count) if n != number for word in ("--skip", str(n))]
    base = [program, *common(), *skipped]
    began = now()
    server = start([*base, "--mode", "server"])
    assert server.stdout is not None
    server.stdout.readline()  # "Control socket listening"
    client = start([*base, "--mode", "client", "--control-host", "127.0.0.1"])
    ends = [end(process) for process in (client, server)]
    time.sleep(0.1)  # for the last packets
    return {"began": began, "ended": now(), "ends": ends}


def start(words: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )


def end(process: subprocess.Popen[str]) -> tuple[int, str]:
    try:
        said = process.communicate(timeout=HANG_S)[0]
    except subprocess.TimeoutExpired:
        process.kill()
        said = process.communicate()[0]
    return process.returncode, said[-200:]


def main(program: str, file: Path) -> None:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    tests = names(program)
    seen = {name: settled(program, number, len(tests)) for number, name in enumerate(tests)}
    file.write_text(json.dumps(seen, indent=1))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
