"""The command that explains an expression and prints its program."""

from pathlib import Path

import pytest

from vsockdump.errors import UsageError
from vsockdump.filter import main
from vsockdump.filters import manual
from vsockdump.filters.tokens import FilterError

from .command import lines, vsockdump


def told(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    assert main(words) == 0
    return capsys.readouterr().out.splitlines()


def test_an_expression_that_the_kernel_decides(capsys: pytest.CaptureFixture[str]) -> None:
    *head, last = told(capsys, "cid", "3", "&&", "vsock.virtio.op == 5")
    assert head == [
        "cid 3 and op rw",
        "",
        "packets of which all of these are true:",
        "  either side's CID is 3",
        "  the operation is RW",
        "",
    ]
    program = told(capsys, "-d", "cid 3 and op rw")
    assert last == f"the kernel decides all of it, in {len(program)} instructions"


def test_everything(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, "") == ["all packets", "", "the kernel decides all of it, in 1 instruction"]


FOLLOWED = "is known only from following connections"


@pytest.mark.parametrize(
    ("expression", "end"),
    [
        (
            "cid 3 and flow 7",
            [
                "the kernel decides, in {cid 3}: cid 3",
                "decided after it: flow 7",
                f"  flow 7: {FOLLOWED}",
            ],
        ),
        (
            "flow 7 and op rw and not (problem or op rst)",
            [
                "the kernel decides nothing of it",
                "decided after it: flow 7 and op rw and not (problem or op rst)",
                f"  flow 7: {FOLLOWED}",
                "  op rw: would leave out packets that following connections needs",
                f"  problem: {FOLLOWED}",
            ],
        ),
        (
            'port 3 or payload contains "x" or notes contains "y" or number 3',
            [
                "the kernel decides nothing of it",
                'decided after it: port 3 or payload contains "x" or notes contains "y"'
                " or number 3",
                '  payload contains "x": no program can search text',
                '  notes contains "y": is known only once the packet is decoded',
                "  number 3: stands in the packet's record, which no program sees",
            ],
        ),
        (
            "pid 3",
            [
                "the kernel decides nothing of it",
                "decided after it: pid 3",
                f"  pid 3: {FOLLOWED}",
                "live, processes are known a moment after a connection is opened",
            ],
        ),
    ],
)
def test_who_decides(expression: str, end: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    size = f"{len(told(capsys, '-d', 'cid 3'))} instructions"
    wanted = [line.replace("{cid 3}", size) for line in end]
    assert told(capsys, expression)[-len(end) - 1 :] == ["", *wanted]


LEFT = "'and' and 'or' are joined from the left, as by tcpdump; Wireshark joins 'and' first"


@pytest.mark.parametrize(
    ("expression", "shown", "mixed"),
    [
        ("cid 1 or 2 and 3", "(cid local or cid host) and cid 3", True),
        ("cid 1 or (cid 2 and 3)", "cid local or (cid host and cid 3)", False),
        ("cid 1 and 2 or 3", "(cid local and cid host) or cid 3", False),
    ],
)
def test_the_order_that_wireshark_would_not_have(
    expression: str, shown: str, mixed: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    found = told(capsys, expression)
    assert found[0] == shown
    assert (LEFT in found) == mixed


def test_the_three_formats(capsys: pytest.CaptureFixture[str]) -> None:
    listing, array, numbers = (
        told(capsys, option, "greater 100") for option in ("-d", "-dd", "-ddd")
    )
    assert listing[0] == "(000) ldx      #pktlen"
    assert listing[-1] == "(004) ret      #0"
    assert array[0] == "{ 0x81, 0, 0, 0x00000000 },"
    assert numbers[:2] == ["5", "129 0 0 0"]


def test_what_a_program_leaves_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    alone = told(capsys, "-ddd", "cid 3")
    assert main(["-ddd", "cid 3 and flow 7"]) == 0
    out, said = capsys.readouterr()
    assert out.splitlines() == alone
    assert said == "vsockdump: decided after this program: flow 7\n"


@pytest.mark.parametrize(
    ("size", "shown"), [("20", "add      #52"), ("300000", "add      #262176")]
)
def test_headers_and_some_payload(
    size: str, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert any(shown in line for line in told(capsys, "-d", "--snap-payload", size, ""))


def test_an_expression_from_a_file_with_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "names").write_text('[cid]\n7 = "web"\n[port]\n99 = "log"\n')
    (tmp_path / "expression").write_text("src web # a guest\nand dst port log\n")
    words = ("-F", str(tmp_path / "expression"), "--names", str(tmp_path / "names"))
    assert told(capsys, *words)[0] == "src_cid 7 and dst_port 99"


def test_options_may_stand_anywhere(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, "cid", "-d", "3") == told(capsys, "-d", "cid 3")


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ([], "an expression is needed; see 'vsockdump filter --help'"),
        (["-dddd", "cid 3"], "-d can be given three times at the most"),
        (
            ["-f", "cid 3", "cid 4"],
            "an expression was given more than once: name it, or give -f or -F",
        ),
        (["-F", "/nonexistent"], "-F /nonexistent: No such file or directory"),
        (
            ["--nothing", "cid 3"],
            "unrecognized arguments: --nothing; see 'vsockdump filter --help'",
        ),
    ],
)
def test_what_makes_no_sense(words: list[str], what: str) -> None:
    with pytest.raises(UsageError) as caught:
        main(words)
    assert str(caught.value) == what


def test_a_wrong_expression_is_pointed_at() -> None:
    done = vsockdump("filter", "cid 3 && sorce_port == 3")
    assert (done.returncode, done.stdout) == (1, b"")
    assert lines(done) == [
        "vsockdump: filter: no term begins with 'sorce_port'; do you mean src_port?",
        "  cid 3 && sorce_port == 3",
        "           ^",
    ]


def test_too_much_for_the_kernel() -> None:
    with pytest.raises(FilterError, match="too much for a program"):
        main([" or ".join(f"(src_port > {n} and data[{n}:4] = {n})" for n in range(999))])


def test_the_manual(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--manual"]) == 0
    assert capsys.readouterr().out == manual.roff()


def test_it_is_a_command() -> None:
    done = vsockdump("filter", "--help")
    assert done.stdout.startswith(b"usage: vsockdump filter EXPRESSION [options]\n")
    assert b"\n  vsockdump filter " in vsockdump("--help").stdout
