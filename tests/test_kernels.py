"""Which kernel's tap has which defect."""

import os

import pytest

from vsockdump import kernels

DEBIAN = "6.1.0-50-amd64 #1 SMP PREEMPT_DYNAMIC Debian 6.1.192-1 (2026-11-02) x86_64"
UBUNTU = "6.8.0-51-generic #52-Ubuntu SMP PREEMPT_DYNAMIC Ubuntu 6.8.0-51.52-generic 6.8.12"

# text, the stable release in it, its certain defects, its possible ones
TABLE = [
    ("4.11.12", (4, 11, 12), "", ""),  # before vsockmon
    ("4.12.0-rc7+", (4, 12, 0), "repeat early", ""),
    ("5.6.19", (5, 6, 19), "repeat early", ""),
    ("5.7.0", (5, 7, 0), "early", ""),
    ("5.15.167.4-microsoft-standard-WSL2", (5, 15, 167), "early", ""),
    ("6.1.62", (6, 1, 62), "early", ""),
    ("6.1.63", (6, 1, 63), "early A1", ""),
    ("6.1.0-50-amd64", (6, 1, kernels.UNKNOWN_PATCH), "early", "A1"),
    (DEBIAN, (6, 1, 192), "early A1", ""),
    ("Linux 6.1.0-50-amd64 (6.1.192)", (6, 1, 192), "early A1", ""),
    ("6.2.16", (6, 2, 16), "early", ""),
    ("6.3.0", (6, 3, 0), "early A1", ""),
    ("6.5.0-14-generic", (6, 5, kernels.UNKNOWN_PATCH), "early A1", ""),
    ("6.6.30", (6, 6, 30), "", "early A1"),
    ("6.7.1", (6, 7, 1), "early A2 B", ""),
    (UBUNTU, (6, 8, 12), "A2 B", "early"),
    ("6.9.0", (6, 9, 0), "A2 B", ""),
    ("6.12.89", (6, 12, 89), "A2 B", "B-large"),
    ("6.12.90", (6, 12, 90), "", ""),
    ("6.12.107+deb13-amd64", (6, 12, 107), "", ""),
    ("6.17.5", (6, 17, 5), "A2 B-large", ""),
    ("6.18.31", (6, 18, 31), "A2 B-large", ""),
    ("6.18.32", (6, 18, 32), "", ""),
    ("7.0.3", (7, 0, 3), "", "A2 B-large"),
    ("7.1.0", (7, 1, 0), "", ""),
    ("7.2.13+deb14-amd64", (7, 2, 13), "", ""),
    ("Microsoft Windows", None, "", ""),
    ("", None, "", ""),
]


@pytest.mark.parametrize(("text", "version", "certain", "possible"), TABLE)
def test_table(text: str, version: kernels.Version | None, certain: str, possible: str) -> None:
    assert kernels.parse(text) == version
    found = kernels.defects(text)
    assert [f.key for f in found if f.certain] == certain.split()
    assert [f.key for f in found if not f.certain] == possible.split()


@pytest.mark.parametrize(
    ("release", "version", "expected"),
    [
        ("6.12.90", "#1 SMP", "Linux 6.12.90"),
        ("6.1.0-50-amd64", DEBIAN[15:], "Linux 6.1.0-50-amd64 (6.1.192)"),
        ("6.1.0-50-amd64", "#1 SMP", "Linux 6.1.0-50-amd64"),
        ("unreadable", "#1 SMP", "Linux unreadable"),
        ("6.18.44-fc", "#1 SMP gcc 12.2.0", "Linux 6.18.44-fc"),
    ],
)
def test_name(release: str, version: str, expected: str) -> None:
    assert kernels.name(release, version) == expected
    assert kernels.defects(expected) == kernels.defects(f"{release} {version}")


def test_running_is_this_kernel() -> None:
    assert kernels.running().startswith(f"Linux {os.uname().release}")


def test_windows_are_in_order_and_apart() -> None:
    for defect in kernels.DEFECTS:
        for one, next_one in zip(defect.windows, defect.windows[1:], strict=False):
            assert one.first < one.end <= next_one.first < next_one.end, defect.key
