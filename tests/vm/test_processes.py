"""Who has the ends of connections: vsock_diag and /proc of real kernels, asked as nobody."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from vsockdump.remembered import Recalled
from vsockdump.sources.savefile import Savefile

from .conftest import KERNELS, Observed, boot, guest

pytestmark = pytest.mark.vm

ANY = 0xFFFF_FFFF
PORTS = {"plain": 6001, "handed over": 6002, "to host": 6003}
CIDS = {"plain": 1, "handed over": 1, "to host": 2}


@pytest.fixture(scope="module", params=KERNELS)
def talks(request: pytest.FixtureRequest, out: Path) -> Observed:
    """Boot a kernel once, for three connections over loopback."""
    folder = out / f"processes-{request.param}"
    return Observed(folder, boot(request.param, guest("processes", "/mnt/out"), folder))


def named(talks: Observed, name: str) -> list[list[Any]]:
    """Return what is known of the connections to a port."""
    return [row for row in talks("processes")["capture"]["known"] if row[3] == PORTS[name]]


def test_the_capture_was_nobodys_and_went_well(talks: Observed) -> None:
    seen = talks("processes")["capture"]
    assert (seen["status"], seen["available"]) == (0, True), seen["stderr"]
    assert (seen["user"], seen["said"]) == (65534, [])


@pytest.mark.parametrize("name", ["plain", "to host"])
def test_both_ends_are_named(talks: Observed, name: str) -> None:
    seen = talks("processes")[name]
    ((src_cid, _, dst_cid, _, src, dst),) = named(talks, name)
    assert (src_cid, dst_cid) == (1, CIDS[name])
    assert (src, dst) == (f"a-client[{seen['client']}]", f"a-server[{seen['server']}]")


def test_a_process_that_was_given_the_connection_is_named(talks: Observed) -> None:
    seen = talks("processes")["handed over"]
    ((*_, src, dst),) = named(talks, "handed over")
    assert src == f"a-client[{seen['client']}]"
    assert re.fullmatch(r"a-worker\[\d+\]", dst)


def test_the_file_tells_again(talks: Observed) -> None:
    seen, sink = talks("processes")["plain"], Recalled()
    with closing(Savefile(str(talks.folder / "processes.pcapng"))) as source:
        for batch in source.batches():
            if batch is not None:
                sink.feed(batch)
    pairs = {ends.dst_port: pair for (ends, _), pair in sink.known._pairs.items()}
    assert set(pairs) == set(PORTS.values())
    src, dst = pairs[PORTS["plain"]]
    assert (str(src), str(dst)) == (f"a-client[{seen['client']}]", f"a-server[{seen['server']}]")


def address(text: str) -> tuple[int, int]:
    cid, port = (ANY if part == "*" else int(part) for part in text.rsplit(":", 1))
    return cid, port


@pytest.mark.parametrize("name", PORTS)
def test_the_sockets_are_those_of_ss(talks: Observed, name: str) -> None:
    seen = talks("processes")[name]
    if not seen["ss"]:
        pytest.skip("needs ss with --vsock")
    fields = [line.split() for line in seen["ss"].splitlines()]
    theirs = [(*address(field[4]), *address(field[5])) for field in fields]
    assert sorted(tuple(ours[3:7]) for ours in seen["sockets"]) == sorted(theirs)
    users = {field[4]: field[6] for field in fields if len(field) > 6}
    assert any(f'("a-client",pid={seen["client"]},' in user for user in users.values())
