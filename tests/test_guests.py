"""Guests found by their monitors' command lines, in a /proc of our own; hostile ones too."""

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vsockdump.sources import guests as module
from vsockdump.sources.guests import guests

Start = Callable[..., Path]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Have a process with these words; return its folder."""
    (tmp_path / "self").mkdir()

    def begin(*words: str, pid: int = 812) -> Path:
        folder = tmp_path / str(pid)
        folder.mkdir()
        (folder / "cmdline").write_bytes("".join(f"{word}\0" for word in words).encode())
        return folder

    return begin


QEMU = "/usr/bin/qemu-system-x86_64"
LIBVIRT = json.dumps({"driver": "vhost-vsock-pci", "id": "vsock0", "guest-cid": 7, "vhostfd": "30"})

COMMANDS = [
    ([QEMU, "-m", "1G", "-device", "vhost-vsock-pci,guest-cid=3", "-name", "web"], {3: "web"}),
    ([QEMU, "--name", "web", "--device", "vhost-vsock-pci,id=v,guest-cid=0x10"], {16: "web"}),
    (["/usr/libexec/qemu-kvm", "-name", "guest=web,debug-threads=on", "-device", LIBVIRT],
     {7: "web"}),
    (["kvm", "-name", "debug-threads=on,guest=a,,b", "-device", "vhost-vsock-ccw,guest-cid=3"],
     {3: "a,b"}),
    ([QEMU, "-device", "virtio-net", "-device", "vhost-vsock-device,guest-cid=4294967294"],
     {2**32 - 2: "qemu-system-x86_64[812]"}),
    ([QEMU, "-name", "", "-device", "vhost-vsock-pci,guest-cid=3"],
     {3: "qemu-system-x86_64[812]"}),
    ([QEMU, "-name", "web", "-device", "virtio-net"], {}),
    ([QEMU, "-device"], {}),
    (["cloud-hypervisor", "--vsock", "cid=5,socket=/tmp/v"], {5: "cloud-hypervisor[812]"}),
    (["cloud-hypervisor", "--vsock=socket=/tmp/v,cid=5"], {5: "cloud-hypervisor[812]"}),
    (["cloud-hypervisor", "--api-socket", "/tmp/a"], {}),
    (["/opt/crosvm", "run", "--cid", "6", "--name", "box", "bzImage"], {6: "box"}),
    (["crosvm", "run", "--vsock", "6"], {6: "crosvm[812]"}),
    (["crosvm", "run", "--vsock=cid=6,device=/dev/vhost-vsock", "--name=box"], {6: "box"}),
    (["firecracker", "--id", "fc", "--api-sock", "/tmp/fc"], {}),
    (["bash", "-c", f"{QEMU} -device vhost-vsock-pci,guest-cid=3"], {}),
    (["sudo", QEMU, "-device", "vhost-vsock-pci,guest-cid=3"], {}),
    ([], {}),
    ([""], {}),
]  # fmt: skip


@pytest.mark.parametrize(("words", "found"), COMMANDS, ids=[" ".join(c) for c, _ in COMMANDS])
def test_a_command_line(
    words: list[str], found: dict[int, str], start: Start, tmp_path: Path
) -> None:
    start(*words)
    assert guests(str(tmp_path)) == found


@pytest.mark.parametrize("cid", ["", "x", "2", "-3", "4294967295", "3.0", "9" * 5000, "03", "True"])
def test_what_is_no_guests_cid(cid: str, start: Start, tmp_path: Path) -> None:
    start(QEMU, "-name", "web", "-device", f"vhost-vsock-pci,guest-cid={cid}")
    start("crosvm", "--cid", cid, pid=813)
    assert guests(str(tmp_path)) == {}


HOSTILE = ["{", "[" * 100_000, "[]", '{"guest-cid": null}', '{"guest-cid": {"a": 1}}',
           '{"guest-cid": true}', '{"guest-cid": 1e400}', "\ufffd"]  # fmt: skip


@pytest.mark.parametrize("device", HOSTILE, ids=range(len(HOSTILE)))
def test_json_that_is_none(device: str, start: Start, tmp_path: Path) -> None:
    start(QEMU, "-device", device)
    assert guests(str(tmp_path)) == {}


# --- Firecracker's file -----------------------------------------------------------------------

CONFIG = json.dumps({"boot-source": {}, "vsock": {"guest_cid": 9, "uds_path": "./v.sock"}})


def jailed(folder: Path, config: str = CONFIG, place: str = "root/etc/fc.json") -> None:
    (folder / place).parent.mkdir(parents=True)
    (folder / place).write_text(config)


def test_firecrackers_file_is_looked_for_where_it_sees_it(start: Start, tmp_path: Path) -> None:
    jailed(start("firecracker-v1.9", "--id", "fc", "--config-file", "/etc/fc.json"))
    assert guests(str(tmp_path)) == {9: "fc"}


def test_firecrackers_file_beside_it(start: Start, tmp_path: Path) -> None:
    jailed(start("firecracker", "--config-file=fc.json"), place="cwd/fc.json")
    assert guests(str(tmp_path)) == {9: "firecracker[812]"}


@pytest.mark.parametrize(
    "config", ["", "[9]", "{}", '{"vsock": 9}', '{"vsock": {}}', CONFIG[:-1], " " * 2**20 + CONFIG]
)
def test_a_file_without_a_guest(config: str, start: Start, tmp_path: Path) -> None:
    jailed(start("firecracker", "--config-file", "/etc/fc.json"), config)
    assert guests(str(tmp_path)) == {}


@pytest.mark.parametrize("path", ["/etc/none", "", "/", "/etc\x01", "/etc/fc.json/x"])
def test_a_file_that_is_not_there(path: str, start: Start, tmp_path: Path) -> None:
    jailed(start("firecracker", "--config-file", path))
    assert guests(str(tmp_path)) == {}


def test_only_files_are_opened(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pipe would wait for its writer, a device might do something."""
    for pid, name in enumerate(("pipe", "socket", "device"), 1):
        folder = start("firecracker", "--config-file", name, pid=pid)
        (folder / "cwd").mkdir()
    monkeypatch.chdir(tmp_path)
    os.mkfifo("1/cwd/pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("2/cwd/socket")
        Path("3/cwd/device").symlink_to("/dev/zero")
        assert guests(str(tmp_path)) == {}


# --- several ----------------------------------------------------------------------------------


def test_a_cid_that_two_claim_has_no_name(start: Start, tmp_path: Path) -> None:
    device = ("-device", "vhost-vsock-pci,guest-cid=3")
    start(QEMU, "-name", "web", *device, pid=1)
    start(QEMU, "-name", "db", "-device", "vhost-vsock-pci,guest-cid=4", pid=2)
    assert guests(str(tmp_path)) == {3: "web", 4: "db"}
    start(QEMU, "-name", "web", *device, pid=3)
    assert guests(str(tmp_path)) == {3: "web", 4: "db"}
    start(QEMU, "-name", "mine", *device, pid=4)
    assert guests(str(tmp_path)) == {4: "db"}


def test_a_process_that_ended_meanwhile(start: Start, tmp_path: Path) -> None:
    (start(QEMU, pid=1) / "cmdline").unlink()
    start(QEMU, "-name", "db", "-device", "vhost-vsock-pci,guest-cid=4", pid=2)
    assert guests(str(tmp_path)) == {4: "db"}


OPTIONS = ("-device", "-name", "--vsock", "--cid", "--name", "--id", "--config-file", "--vsock=")
WORDS = st.sampled_from([*OPTIONS, "cid=3", "guest-cid=3", "guest=a", "{", ",,", "=", "\0"])


@given(st.lists(WORDS | st.text(max_size=30) | st.tuples(WORDS, WORDS).map("".join), max_size=8))
def test_any_words(words: list[str]) -> None:
    for ask in module._MONITORS.values():
        cid, name = ask(module._Monitor("/nonexistent", words))
        assert isinstance(module._cid(cid), int)
        assert isinstance(name, str)


def test_this_machines_processes_are_read() -> None:
    assert isinstance(guests(), dict)
