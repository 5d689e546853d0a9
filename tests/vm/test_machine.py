"""The machine itself: what a script gets, and what becomes of one that hangs."""

from __future__ import annotations

from pathlib import Path

import pytest

from . import machine
from .conftest import KERNELS, boot, guest, or_skip
from .guest.traffic import BEHAVIOURS
from .machine import GuestError, Machine

pytestmark = pytest.mark.vm


@pytest.mark.parametrize("suite", KERNELS)
def test_every_behaviour_is_what_its_name_says(suite: str, out: Path) -> None:
    script = f"modprobe vsock_loopback; {guest('traffic', *BEHAVIOURS)}"
    result = boot(suite, script, out / f"traffic-{suite}")
    assert result.status == 0, result.console
    assert result.console.splitlines() == [f"{name}: as expected" for name in BEHAVIOURS]


def test_a_machine_that_hangs_is_ended(out: Path) -> None:
    with pytest.raises(GuestError, match=r"(?s)not finished after 25 s.*the last words"):
        Machine("bookworm", limit_s=25).run("echo the last words; sleep 1000", out / "hang")


def test_a_machine_that_dies_is_told(out: Path) -> None:
    script = "echo 1 > /proc/sys/kernel/sysrq; echo c > /proc/sysrq-trigger"
    with pytest.raises(GuestError, match=r"(?s)went down by itself.*Kernel panic"):
        Machine("bookworm", limit_s=120).run(script, out / "panic")


def test_a_missing_program_skips_but_not_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(machine.NEEDED, "no-such-program", "no-such-package")
    reason = machine.reason_to_skip()
    assert reason is not None
    assert "apt-get install no-such-package" in reason
    monkeypatch.setenv("CI", "")
    monkeypatch.delenv("VSOCKDUMP_VM_REQUIRED", raising=False)
    with pytest.raises(pytest.skip.Exception):
        or_skip(reason)
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception):
        or_skip(reason)
