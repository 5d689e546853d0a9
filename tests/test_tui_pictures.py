"""The seven views as pictures, which README shows.

VSOCKDUMP_UPDATE_GOLDENS=1 draws them anew: look at them before they are committed.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.looking import opened, settled
from vsockdump.names import Names
from vsockdump.tui import slowly
from vsockdump.tui.app import VIEWS, Vsockdump

from .test_goldens import UPDATE

ROOT = Path(__file__).parents[1]
PICTURES = Path(__file__).parent / "pictures"

SHOWN = {
    "flows": ("long/random.pcap.zst", "s", "s", "s", "s", "s"),  # by time stalled
    "packets": ("slow-reader.pcap.zst", "n"),
    "ladder": ("slow-reader.pcap.zst", "3"),
    "credit": ("slow-reader.pcap.zst", "4", "j", "j", "j", "j", "j"),
    "follow": ("hello.pcap", "5"),
    "problems": ("long/random.pcap.zst", "6"),
    "info": ("hello-dumpcap.pcapng", "7"),
}
"""A real capture, and the keys that are pressed."""


def drawn(path: str, *keys: str) -> str:
    """Return the screen as SVG after keys were pressed."""

    async def run() -> str:
        with opened(Path("pcaps") / path) as found:
            app = Vsockdump(found, Names().endpoint)
            async with app.run_test(size=(100, 30)) as pilot:
                await settled(pilot)
                for key in keys:
                    await pilot.press(key)
                    await settled(pilot)
                return app.export_screenshot(title=f"vsockdump tui {path}")

    return asyncio.run(run())


@pytest.mark.parametrize("view", SHOWN)
def test_picture(view: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)  # a file is called the same on every machine
    monkeypatch.setattr(slowly, "EVERY", 0)  # nothing is left for later
    monkeypatch.setattr(slowly, "_SHARE", 0)
    found, picture = drawn(*SHOWN[view]), PICTURES / f"{view}.svg"
    if UPDATE:
        picture.write_text(found)
    assert found == picture.read_text()


def test_every_view_has_one() -> None:
    assert set(SHOWN) == {view.__name__.lower() for view in VIEWS}
