"""What is said, and that nobody need hear it."""

import shlex

import pytest

from tests.command import ARGV, PCAPS, run
from vsockdump import messages
from vsockdump.messages import plural, printable

HELLO = PCAPS / "hello.pcap"
READ = shlex.join([*ARGV, "-r", str(HELLO)])


@pytest.mark.parametrize(("count", "text"), [(0, "0 packets"), (1, "1 packet"), (2, "2 packets")])
def test_plural(count: int, text: str) -> None:
    assert plural(count, "packet") == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [("plain", "plain"), ("\x1b[31m", "\\x1b[31m"), ("a\nb", "a\\nb"), ("\udcff", "\\udcff")],
)
def test_printable(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_say_and_tell(capsys: pytest.CaptureFixture[str]) -> None:
    messages.say("one")
    messages.tell("two")
    assert capsys.readouterr().err == "vsockdump: one\ntwo\n"


@pytest.mark.parametrize("where", ["2>/dev/full", "2</dev/null", "2>&-"])
def test_a_stderr_that_takes_nothing_ends_no_run(where: str) -> None:
    done = run("bash", "-c", f"{READ} {where}")
    assert (done.returncode, done.stdout.count(b"\n")) == (0, 9)
