"""What each Linux kernel's tap gets wrong, by its version.

Sources: the kernel's commits named below and the stable releases that took them; where the release
that took one is not known, the defect is "possible" in that series.
"""

import os
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from vsockdump.engine.track import Tracker

Version = tuple[int, int, int]
UNKNOWN_PATCH = -1

_UNKNOWN_END = 1 << 16  # a series that has not been mended, as far as is known
_VERSION = re.compile(r"(?<![\w.])(\d+)\.(\d+)(?:\.(\d+))?")
_UBUNTU = "/proc/version_signature"  # "Ubuntu 6.8.0-51.52-generic 6.8.12"


class Window(NamedTuple):
    """Kernels from `first` on and before `end` have a defect; `doubtful` ones only may."""

    first: Version
    end: Version
    doubtful: bool = False


class Defect(NamedTuple):
    """Something that the tap of some kernels gets wrong."""

    key: str
    symptom: str
    windows: tuple[Window, ...]


class Finding(NamedTuple):
    """A defect that a kernel has, or, when not `certain`, may have."""

    key: str
    symptom: str
    certain: bool


# 4.12 brought vsockmon (0b2e66448ba2). The names are those used in the documentation.
DEFECTS = (
    Defect(
        "repeat",
        "a packet may appear twice, and a guest's packet after the answer to it",
        (Window((4, 12, 0), (5, 7, 0)),),
    ),
    Defect(
        # Mended by b32a09ea7c38 in 6.9; 6.6.y and 6.8.y took it at a release not known here.
        "early",
        "in a guest, a sent packet is stamped before it is queued, and may never be sent",
        (
            Window((4, 12, 0), (6, 6, 0)),
            Window((6, 6, 0), (6, 7, 0), doubtful=True),
            Window((6, 7, 0), (6, 8, 0)),
            Window((6, 8, 0), (6, 9, 0), doubtful=True),
        ),
    ),
    Defect(
        # Brought by 71dc9ec9ac7d in 6.3 and in 6.1.63; became A2 with 0df7cd3c13e4 in 6.7.
        "A1",
        "on a host, a packet split for the guest shows all bytes still to be sent",
        (
            Window((6, 1, 63), (6, 2, 0)),
            Window((6, 3, 0), (6, 6, 0)),
            Window((6, 6, 0), (6, 7, 0), doubtful=True),  # a backport of the fix was posted
        ),
    ),
    Defect(
        # Mended by 5f344d809e01: 7.1, 6.12.90, 6.18.32, a 7.0.y.
        "A2",
        "on a host, each piece of a packet split for the guest shows the whole packet",
        (
            Window((6, 7, 0), (6, 12, 90)),
            Window((6, 13, 0), (6, 18, 32)),
            Window((6, 19, 0), (7, 0, 0)),
            Window((7, 0, 0), (7, 0, 1)),
            Window((7, 0, 1), (7, 1, 0), doubtful=True),
        ),
    ),
    Defect(
        # Brought by 4b0bf10eb077, mended by 3a3e3d90cbc7, in the same releases as A2.
        "B",
        "payload sent with MSG_ZEROCOPY shows uninitialised kernel memory instead",
        (
            Window((6, 7, 0), (6, 12, 90)),
            Window((6, 13, 0), (6, 17, 0)),
        ),
    ),
    Defect(
        "B-large",
        "payload of more than 32404 bytes, or sent with MSG_ZEROCOPY, shows uninitialised kernel"
        " memory instead",
        (
            Window((6, 12, 0), (6, 12, 90), doubtful=True),  # stable trees took 6.17's change
            Window((6, 17, 0), (6, 18, 32)),
            Window((6, 19, 0), (7, 0, 0)),
            Window((7, 0, 0), (7, 0, 1)),
            Window((7, 0, 1), (7, 1, 0), doubtful=True),
        ),
    ),
)

LEAKS = frozenset({"B", "B-large"})
"""Defects by which the kernel's memory gets into a capture."""


def tell(tracker: "Tracker", index: int, release: str) -> None:
    """Have a tracker know what the kernel of an interface gets wrong."""
    keys = {finding.key for finding in defects(release) if finding.certain}
    tracker.interface(index, repeats="repeat" in keys, leaks=bool(keys & LEAKS))


def defects(release: str) -> list[Finding]:
    """Return what the tap of a kernel gets wrong; of one that cannot be read, nothing.

    `release` is uname's release, or any text that begins with it: with uname's version behind
    it, or pcapng's if_os as `name` writes it. Distributions hide the stable release in there.
    """
    version = parse(release)
    if version is None:
        return []
    found = ((defect, _judge(defect, version)) for defect in DEFECTS)
    return [Finding(defect.key, defect.symptom, sure) for defect, sure in found if sure is not None]


def parse(text: str) -> Version | None:
    """Return the stable release in a kernel's name, its patch level UNKNOWN_PATCH if it hides it.

    Debian and Ubuntu name a kernel after the first of its series, 6.1.0-50-amd64, and have the real
    one in uname's version: "#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-1 (2026-11-02)".
    """
    found = [(int(a), int(b), int(c or 0)) for a, b, c in _VERSION.findall(text)]
    if not found:
        return None
    first = found[0]
    same = [version for version in found[1:] if version[:2] == first[:2] and version[2]]
    if first[2] == 0 and same:
        return same[0]
    hidden = re.search(rf"\b{first[0]}\.{first[1]}\.0-\d", text)
    return (*first[:2], UNKNOWN_PATCH) if hidden else first


def name(release: str, version: str) -> str:
    """Return the kernel's name for if_os: "Linux 6.1.0-50-amd64 (6.1.192)".

    dumpcap and tcpdump write the release alone, from which the stable release cannot be told.
    """
    plain, full = parse(release), parse(f"{release} {version}")
    if full is None or full in (plain, (*full[:2], UNKNOWN_PATCH)):
        return f"Linux {release}"
    return f"Linux {release} ({'.'.join(map(str, full))})"


def running() -> str:
    """Return the name of the kernel this runs on, as `name` gives it."""
    uname = os.uname()
    return name(uname.release, f"{uname.version} {_signature()}")


def _signature() -> str:
    try:
        with open(_UBUNTU, encoding="ascii") as file:  # noqa: PTH123 - pathlib costs a start 5 ms
            return file.read()
    except OSError:
        return ""


def _judge(defect: Defect, version: Version) -> bool | None:
    """Return whether a defect is certain, None where there is none."""
    if version[2] == UNKNOWN_PATCH:
        series = [w for w in defect.windows if _touches(w, version[:2])]
        return all(_covers(w, version[:2]) for w in series) if series else None
    hit = [w for w in defect.windows if w.first <= version < w.end]
    return not hit[0].doubtful if hit else None


def _touches(window: Window, series: tuple[int, int]) -> bool:
    return window.first < (*series, _UNKNOWN_END) and window.end > (*series, 0)


def _covers(window: Window, series: tuple[int, int]) -> bool:
    whole = window.first <= (*series, 0) and window.end > (*series, _UNKNOWN_END)
    return whole and not window.doubtful
