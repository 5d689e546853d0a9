"""Every command in README.md is run, and what it shows must be what comes out.

Commands stand in fenced blocks whose language is `console`, each on a line that begins with "$ ";
the lines below it are its output, on stdout and stderr as a terminal shows them, or nothing where
the output is of no interest. In the output `...` stands for any text, and alone on a line for any
lines. A block's commands run in order in a folder of their own, with the project's `pcaps` in it,
in UTC, on a terminal 100 columns wide; every command must end with 0. HTML comments right above the
block say what differs:

    <!-- needs: root -->            skipped for other users
    <!-- needs: vsockmon -->        run on the real kernels of tests/vm, and here where there is one
    <!-- set-up -->                 make targets, run by .ci/run; here only looked at
    <!-- in: new environment -->    run in a copy of the sources, with an empty virtual environment
    <!-- exit: 2 -->                how the last command ends
    <!-- stop: 3 -->                the last command is interrupted (Ctrl-C) after 3 seconds
    <!-- keys: 2q -->               the last command has a terminal, where these keys are pressed
"""

from __future__ import annotations

import os
import re
import select
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pexpect
import pytest

PROJECT = Path(__file__).parents[1]
README = PROJECT / "README.md"
TEXT = README.read_text() if README.exists() else ""
SHELLS = {"", "sh", "bash", "shell", "shell-session", "terminal"}
MARKS = {
    "needs": {"root", "vsockmon"},
    "set-up": {""},
    "in": {"new environment"},
    "exit": {"1", "2", "13", "14"},
    "stop": {"1", "2", "3", "5"},
    "keys": {"2n3q", "2q"},
}

pytestmark = pytest.mark.xdist_group("readme")


class Command(NamedTuple):
    """A line to run, and the lines it shows."""

    line: str
    output: list[str]


class Block(NamedTuple):
    """A fenced block of the README."""

    number: int  # of its first line
    language: str
    marks: dict[str, str]
    lines: list[str]

    def commands(self) -> list[Command]:
        """Take a block apart; a line that ends with a backslash goes on in the next."""
        found: list[Command] = []
        for line in "\n".join(self.lines).replace("\\\n", "").splitlines():
            if line.startswith("$ "):
                found.append(Command(line[2:], []))
            else:
                found[-1].output.append(line)
        return found

    @property
    def title(self) -> str:
        return "-".join([f"line{self.number}", *self.marks, *self.marks.values()]).strip("-")


def blocks(text: str) -> Iterator[Block]:
    """Find the fenced blocks, each with the comments right above it."""
    fenced = r"((?:<!--.*-->\n)*)^```(.*)\n((?:.*\n)*?)```$"
    for found in re.finditer(fenced, text, re.M):
        marks = dict(re.findall(r"<!-- ([\w-]+):? ?(.*?) -->", found[1]))
        number = text.count("\n", 0, found.start(3)) + 1
        yield Block(number, found[2].strip(), marks, found[3].splitlines())


BLOCKS = list(blocks(TEXT))
CONSOLE = [block for block in BLOCKS if block.language == "console" and "set-up" not in block.marks]
SET_UP = [block for block in BLOCKS if "set-up" in block.marks]


def difference(expected: list[str], got: str) -> str | None:
    """Compare what a block shows with what came out; None when they agree."""
    parts = [
        r"(?:.*\n)*?" if line.strip() == "..." else re.escape(line).replace(r"\.\.\.", ".*") + r"\n"
        for line in expected
    ]
    shown = "".join(line.rstrip() + "\n" for line in got.splitlines())
    if re.fullmatch("".join(parts), shown):
        return None
    return "README shows:\n" + "\n".join(expected) + "\n\nand it is:\n" + shown


def reason_to_skip(block: Block) -> str | None:
    need = block.marks.get("needs")
    if os.environ.get("VSOCKDUMP_README_REQUIRED") == "1":
        return None
    if need and os.geteuid() != 0:
        return "needs root"
    if need == "vsockmon" and not Path("/sys/module/vsockmon").exists():
        return "no vsockmon in this kernel: tests/vm/test_readme.py runs it"
    return None


def write_script(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def environment(home: Path, programs: Path) -> dict[str, str]:
    """Make the environment of a reader at a terminal: root needs no sudo, and may not have it."""
    write_script(home / "sudo", 'exec "$@"')
    shell = {"TZ": "UTC", "COLUMNS": "100", "NO_COLOR": "1", "LC_ALL": "C.UTF-8"}
    path = f"{programs}:{home}:{os.environ['PATH']}:/usr/sbin:/sbin"
    return {**os.environ, **shell, "PATH": path}


def new_environment(home: Path) -> dict[str, str]:
    """Make an empty virtual environment, lent pip and what the build needs by this one."""
    venv.create(home / "venv", with_pip=False)
    (site,) = (home / "venv").glob("lib/python*/site-packages")
    (site / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    write_script(home / "venv/bin/pip", 'exec "$(dirname "$0")/python" -m pip "$@"')
    # pip's switch is named for what it turns off: 0 is without isolation.
    pip = {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_NO_DEPS": "1"}
    return {**environment(home, home / "venv/bin"), **pip}


def lay_out(block: Block, folder: Path) -> None:
    made = shutil.ignore_patterns(".*", "build", "dist", "bench-data", "out", "*.so", "*.c")
    if "in" in block.marks:
        shutil.copytree(PROJECT, folder, symlinks=True, ignore=made)
    else:
        shutil.copytree(PROJECT / "pcaps", folder / "pcaps")


def execute(line: str, folder: Path, shell: dict[str, str], stop: str | None) -> tuple[int, str]:
    """Run a line in bash; `stop` seconds after its first words interrupt it, as Ctrl-C does."""
    with subprocess.Popen(
        ["bash", "-c", line], cwd=folder, env=shell, text=True, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as process:  # fmt: skip
        if stop and process.stdout:
            select.select([process.stdout], [], [], 60)
        try:
            output, _ = process.communicate(timeout=float(stop or 120))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGINT if stop else signal.SIGKILL)
            output, _ = process.communicate(timeout=20)
    return process.returncode, output


def press(line: str, folder: Path, shell: dict[str, str], keys: str) -> tuple[int, str]:
    """Run a line in bash on a terminal, and press keys once a screen is there."""
    colours = {name: value for name, value in shell.items() if name != "NO_COLOR"}
    process = pexpect.spawn(
        "bash", ["-c", line], cwd=folder, env={**colours, "TERM": "xterm-256color"},
        dimensions=(24, 80), timeout=120, encoding="utf-8",
    )  # fmt: skip
    process.expect_exact("? help")
    shown = str(process.before)
    for key in keys:
        process.send(key)
    process.expect(pexpect.EOF)
    process.close()
    return process.exitstatus, shown + str(process.before)


@pytest.mark.parametrize("block", CONSOLE, ids=[block.title for block in CONSOLE])
def test_console(block: Block, tmp_path: Path) -> None:
    if reason := reason_to_skip(block):
        pytest.skip(reason)
    folder = tmp_path / "here"
    lay_out(block, folder)
    fresh = "in" in block.marks
    shell = (
        new_environment(tmp_path) if fresh else environment(tmp_path, Path(sys.executable).parent)
    )
    commands = block.commands()
    for command in commands:
        last = command is commands[-1]
        stop = block.marks.get("stop") if last else None
        if last and "keys" in block.marks:
            status, output = press(command.line, folder, shell, block.marks["keys"])
        else:
            status, output = execute(command.line, folder, shell, stop)
        expected = int(block.marks.get("exit", 0)) if last else 0
        assert status == expected, f"$ {command.line}\n{output}\nexit {status}, not {expected}"
        assert not command.output or (wrong := difference(command.output, output)) is None, wrong


def test_every_command_is_run_somewhere() -> None:
    """A block in a shell's language, or a `$` line elsewhere, would be run by nobody."""
    astray = [
        block
        for block in BLOCKS
        if block.language in SHELLS
        or (block.language != "console" and any(line.startswith("$ ") for line in block.lines))
        or (block.language == "console" and not block.lines[0].startswith("$ "))
    ]
    assert CONSOLE
    assert SET_UP
    assert not astray, f"mark these blocks `console`, and commands with $: {astray}"


def test_no_block_is_missed() -> None:
    fences = re.findall(r"^\s*(?:```|~~~)", TEXT, re.M)
    assert len(fences) == 2 * len(BLOCKS)
    assert "\n    $ " not in TEXT


def test_marks_are_known() -> None:
    unknown = [
        (block.number, name, value)
        for block in BLOCKS
        for name, value in block.marks.items()
        if value not in MARKS.get(name, ())
    ]
    assert not unknown


def test_what_needs_vsockmon_is_run_on_a_real_kernel() -> None:
    assert "vsockmon" in (PROJECT / "tests/vm/test_readme.py").read_text()


def dry_run(target: str) -> str:
    """Give what make would run, its own sub-makes too."""
    done = subprocess.run(
        ["make", "-n", target], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("block", SET_UP, ids=[block.title for block in SET_UP])
def test_set_up_is_done_by_ci(block: Block) -> None:
    """The set-up commands are make targets; .ci/run gives them a machine with nothing on it."""
    ci = (PROJECT / ".ci/run").read_text() + dry_run("check")
    for command in block.commands():
        program, target = shlex.split(command.line)
        assert program == "make"
        assert dry_run(target)
        assert re.search(rf"^make {re.escape(target)}$", ci, re.M), f"{command.line} is not run"


def inline(program: str) -> list[str]:
    """Find the commands named in running text."""
    prose = re.sub(r"^```.*?^```$", "", TEXT, flags=re.M | re.S)
    return re.findall(rf"`({program} [^`]+)`", prose)


@pytest.mark.parametrize("command", sorted(set(inline("make"))))
def test_make_target_in_the_text_exists(command: str) -> None:
    target = next(word for word in command.split()[1:] if "=" not in word)
    assert dry_run(target)


def test_options_in_the_text_exist() -> None:
    program = Path(sys.executable).parent / "vsockdump"
    shown = subprocess.run([program, "--help"], capture_output=True, text=True, check=True).stdout
    named = {
        option
        for command in inline("vsockdump")
        for option in re.findall(r"(?<!\S)--?[A-Za-z#][\w-]*", command)
    }
    known = set(re.findall(r"(?<![\w-])--?[A-Za-z#][\w-]*", shown))
    assert named - known == set()


@pytest.mark.parametrize(
    ("expected", "got", "same"),
    [
        (["a"], "a\n", True),
        (["a"], "a \n", True),
        (["a"], "b\n", False),
        (["a"], "a\nb\n", False),
        (["a", "..."], "a\nb\nc\n", True),
        (["...", "c"], "a\nb\nc\n", True),
        (["...", "c"], "a\nb\n", False),
        (["x ... z"], "x y z\n", True),
        (["x ... z"], "x y\n", False),
        (["a.c"], "abc\n", False),
    ],
)
def test_difference(expected: list[str], got: str, same: bool) -> None:
    assert (difference(expected, got) is None) == same


def test_blocks_are_read_with_marks_and_output() -> None:
    text = "text\n\n<!-- needs: root -->\n<!-- exit: 2 -->\n```console\n$ a \\\n b\n1\n$ c\n```\n"
    (block,) = blocks(text)
    assert block.marks == {"needs": "root", "exit": "2"}
    assert block.number == 6
    assert block.commands() == [Command("a  b", ["1"]), Command("c", [])]


def test_interrupt_ends_a_command(tmp_path: Path) -> None:
    status, output = execute("echo begun; exec sleep 60", tmp_path, dict(os.environ), "0.2")
    assert (status, output) == (-signal.SIGINT, "begun\n")
