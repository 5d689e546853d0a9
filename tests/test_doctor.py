"""The doctor says what is there, what is not, and what to do about it."""

import gzip
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from vsockdump import checks, doctor, kernels, modules
from vsockdump.checks import Means, Row
from vsockdump.modules import State
from vsockdump.sources import netlink
from vsockdump.sources.netlink import LinkInfo
from vsockdump.sources.standin import Standin

Run = Callable[[Callable[[], object]], int]
RELEASE = "6.1.0-50-amd64"
PROJECT = Path(doctor.__file__).parents[1]
UP = LinkInfo("vsockmon0", 7, 826, 1, "vsockmon", 65568, 42, 0)
DOWN = UP._replace(name="vsockmon1", flags=0)


def plant(root: Path, files: dict[str, str]) -> Path:
    """Make a machine of files: those every one has, and `files`."""
    common = {"proc/self/status": "Name:\tx\nCapEff:\t0000000000003000\n", "proc/modules": ""}
    for name, text in (common | files).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, "unknown"),
        ({"proc/modules": "vsock 57344 1 vhost_vsock, Live 0x0\n"}, "loaded"),
        ({"sys/module/vsock/uevent": ""}, "built in"),
        ({"lib/modules/R/modules.builtin": "kernel/net/vmw_vsock/vsock.ko\n"}, "built in"),
        ({"boot/config-R": "CONFIG_VSOCKETS=y\n"}, "built in"),
        ({"lib/modules/R/modules.dep": "kernel/net/vmw_vsock/vsock.ko.xz:\n"}, "not loaded"),
        ({"lib/modules/R/modules.dep": "kernel/net/tun.ko: kernel/net/vsock.ko\n"}, "missing"),
        ({"boot/config-R": "# CONFIG_VSOCKETS is not set\nCONFIG_X=y\n"}, "missing"),
        ({"boot/config-R": "CONFIG_VSOCKETS=m\n"}, "unknown"),  # a container: where is it?
    ],
)
def test_a_modules_state(tmp_path: Path, files: dict[str, str], expected: str) -> None:
    planted = {name.replace("R", RELEASE): text for name, text in files.items()}
    assert modules.states(plant(tmp_path, planted), RELEASE)["vsock"] == expected


def test_the_running_kernels_configuration_is_read(tmp_path: Path) -> None:
    root = plant(tmp_path, {})
    (root / "proc/config.gz").write_bytes(gzip.compress(b"CONFIG_VSOCKMON=y\n"))
    states = modules.states(root, RELEASE)
    assert (states["vsockmon"], states["vsock"]) == (State.BUILT_IN, State.MISSING)


@pytest.mark.parametrize(
    ("means", "possible"),
    [
        (Means(True, True, True, ()), True),
        (Means(True, True, None, ()), True),
        (Means(True, True, False, ()), False),
        (Means(True, True, False, (DOWN,)), True),
        (Means(True, False, True, ()), False),
        (Means(True, False, True, (DOWN,)), False),
        (Means(True, False, False, (DOWN, UP)), True),
        (Means(False, True, True, (UP,)), False),
    ],
)
def test_what_a_capture_needs(means: Means, possible: bool) -> None:
    assert means.possible is possible


def examine(
    root: Path, monkeypatch: pytest.MonkeyPatch, *links: LinkInfo
) -> tuple[dict[str, Row], bool]:
    monkeypatch.setattr(netlink, "links", lambda: list(links))
    rows, possible = checks.examine(root)
    assert len({row.what for row in rows}) == len(rows)
    return {row.what: row for row in rows}, possible


def test_a_machine_with_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = "".join(f"{module.name} 1 0 - Live 0\n" for module in modules.MODULES)
    files = {
        "proc/modules": loaded,
        "dev/vhost-vsock": "",
        "proc/sys/net/vsock/ns_mode": "global\n",
        "proc/sys/net/vsock/child_ns_mode": "local\n",
        "proc/812/comm": "firecracker\n",
        "proc/813/comm": "cloud-hyperviso\n",
        "proc/814/comm": "bash\n",
    }
    rows, possible = examine(plant(tmp_path, files), monkeypatch, UP, DOWN)
    assert possible
    assert rows["vsockmon"] == Row("vsockmon", "possible", "ok", "there is one")
    assert rows["link vsockmon0"] == Row("link vsockmon0", "up, 42 packets", "ok")
    assert (
        rows["link vsockmon1"].advice == "nothing is tapped while it is down; a capture raises it"
    )
    assert rows["/dev/vhost-vsock"].value == "present"
    assert (rows["netns mode"].value, rows["netns mode"].verdict) == (
        "global, new ones local",
        "warn",
    )
    assert (rows["process 812"].value, rows["process 812"].verdict) == ("firecracker", "warn")
    assert "capture in its guest" in rows["process 813"].advice
    assert "process 814" not in rows
    assert (
        rows["module hv_sock"].verdict == rows["module vmw_vsock_vmci_transport"].verdict == "warn"
    )
    assert rows["module vsock_diag"] == Row(
        "module vsock_diag", "loaded", "ok", "for telling which process has a socket"
    )
    assert rows["capture"] == Row("capture", "possible", "ok")


def test_a_machine_with_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = {
        "proc/self/status": "CapEff:\t0000000000000000\n",
        f"boot/config-{os.uname().release}": "CONFIG_X=y\n",
    }
    monkeypatch.setattr(checks, "_probe", lambda: 95)  # EOPNOTSUPP
    rows, possible = examine(plant(tmp_path, nothing), monkeypatch)
    assert not possible
    no = ["vsockmon", "CAP_NET_RAW", "CAP_NET_ADMIN", "capture"]
    assert [row.what for row in rows.values() if row.verdict == "no"] == no
    assert rows["/dev/vsock"].advice == "no VM socket can be used here"
    assert rows["CAP_NET_RAW"].advice.startswith("a capture needs it: run as root, or 'setcap")
    assert rows["module vsockmon"].advice == "needed for the tap: every capture"
    assert rows["links"].advice == ""


def test_a_module_that_is_installed_is_not_loaded_by_a_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def probe() -> int:
        raise AssertionError("tried")

    monkeypatch.setattr(checks, "_probe", probe)
    listing = f"lib/modules/{os.uname().release}/modules.dep"
    root = plant(tmp_path, {listing: "kernel/drivers/net/vsockmon.ko.xz: kernel/net/vsock.ko\n"})
    rows, possible = examine(root, monkeypatch)
    assert possible
    assert rows["vsockmon"].advice == "the module is installed, making a link loads it"
    assert rows["module vsockmon"].advice.endswith("'modprobe vsockmon' loads it")


@pytest.mark.parametrize(
    ("defect", "value"), [("6.1.192", "present"), ("6.1.0-50-amd64", "possible")]
)
def test_defects_of_the_tap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, defect: str, value: str
) -> None:
    monkeypatch.setattr(kernels, "running", lambda: f"Linux {defect}")
    rows, _ = examine(plant(tmp_path, {}), monkeypatch)
    assert rows["kernel"].value == f"Linux {defect}"
    assert (rows["tap defect A1"].value, rows["tap defect A1"].verdict) == (value, "warn")


@pytest.mark.standin
def test_a_look_leaves_no_link(standin: Standin, capsys: pytest.CaptureFixture[str]) -> None:
    before = netlink.links()
    assert doctor.main(["--json"]) == 0  # the stand-in can be captured on
    assert netlink.links() == before
    said = json.loads(capsys.readouterr().out)
    assert said["possible"] is True
    (row,) = [row for row in said["rows"] if row["what"] == f"link {standin.name}"]
    assert row["value"] == "up, 0 packets, a tun device"


def test_a_user_may_look(in_child: Run, capfd: pytest.CaptureFixture[str]) -> None:
    def act() -> None:
        if os.geteuid() == 0:
            os.setresuid(65534, 65534, 65534)
        assert doctor.main([]) == 1

    assert in_child(act) == 0
    lines = capfd.readouterr().out.splitlines()
    assert " ".join(lines[-1].split()) == "no capture not possible CAP_NET_RAW is missing"


def test_plain_lines_are_aligned() -> None:
    out = io.StringIO()
    rows = [Row("kernel", "Linux 6", "ok"), Row("module x", "no", "warn", "load it")]
    doctor.write(rows, out)
    assert out.getvalue() == "ok    kernel    Linux 6\nwarn  module x  no       load it\n"


def test_a_table_on_a_terminal() -> None:
    pexpect = pytest.importorskip("pexpect")
    script = "import sys; from vsockdump import doctor; sys.exit(doctor.main([]))"
    child = pexpect.spawn(
        sys.executable,
        ["-c", script],
        env={**os.environ, "PYTHONPATH": str(PROJECT), "TERM": "xterm-256color"},
        dimensions=(100, 160),
        encoding="utf-8",
    )
    text = child.read()
    child.close()
    assert "what it means" in text
    assert "\x1b[32mok" in text
    assert child.exitstatus in (0, 1)


def test_rich_is_not_loaded_for_plain_text() -> None:
    script = (
        "import sys; from vsockdump import doctor; doctor.main(['--json']);"
        " sys.exit('rich' in sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, check=False
    )
    assert done.returncode == 0
