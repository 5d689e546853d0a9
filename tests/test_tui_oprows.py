"""The colours of ops."""

import pytest

from vsockdump.dissectors.virtio import Op
from vsockdump.tui.ladderlist import LadderList
from vsockdump.tui.oprows import SIGNS, OpRows, op_ink
from vsockdump.tui.packetlist import PacketList
from vsockdump.tui.packets import Packets


@pytest.mark.parametrize("op", [*Op, 99])
@pytest.mark.parametrize("rows", [OpRows, PacketList, LadderList])
def test_every_op_has_an_ink(op: int, rows: type[OpRows]) -> None:
    inks = {name for each in rows.__mro__ for name in each.__dict__.get("COMPONENT_CLASSES", ())}
    assert f"rows--{op_ink(op)}" in inks


def test_what_opens_a_connection_is_told_from_what_ends_it() -> None:
    assert len({op_ink(op) for op in (Op.REQUEST, Op.SHUTDOWN, Op.RST, Op.RW, 99)}) == 5


def test_there_is_a_sign_for_every_severity() -> None:
    assert len(set(SIGNS)) == 4


def test_signs_are_explained() -> None:
    assert any(key.split() == list(SIGNS.strip()[::-1]) for key, _ in Packets.help)
