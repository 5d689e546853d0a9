"""Names for CIDs and ports: what a file may say, what guests may not, and how they are shown."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.frames import RST, VSOCK, Ends, enhanced, frame
from vsockdump.engine.lines import Lines
from vsockdump.engine.scan import Scanner
from vsockdump.errors import UsageError
from vsockdump.names import LONGEST, NUMERIC, WELL_KNOWN, Names, choose, parse, read

FILE = """
# machines
[cid]
3 = "web-vm"
1 = "me"
4294967294 = "höchste"

[port]
1234 = "agent"
0 = "zero"
"""

NAMES = parse(FILE)


@pytest.mark.parametrize(
    ("cid", "port", "usual", "named"),
    [
        (1, 5001, "local:5001", "me:5001"),
        (2, 1234, "host:1234", "host:agent"),
        (3, 1234, "3:1234", "web-vm:agent"),
        (0, 0, "hypervisor:0", "hypervisor:zero"),
        (2**32 - 1, 2**32 - 1, "any:4294967295", "any:4294967295"),
        (2**32 - 2, 7, "4294967294:7", "höchste:7"),
        (2**32 + 2, 7, "4294967298:7", "4294967298:7"),
    ],
)
def test_an_address(cid: int, port: int, usual: str, named: str) -> None:
    assert Names().endpoint(cid, port) == usual
    assert NAMES.endpoint(cid, port) == named
    assert NUMERIC.endpoint(cid, port) == f"{cid}:{port}"


NUMBERS = st.sampled_from([0, 1, 2, 3, 258, 2**32 - 1]) | st.integers(0, 2**32 - 1)
TEXTS = st.text(max_size=80)


@given(
    st.dictionaries(NUMBERS, TEXTS, max_size=9),
    st.dictionaries(NUMBERS, TEXTS, max_size=9),
    st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS),
)
def test_lines_word_an_address_no_other_way(
    cids: dict[int, str], ports: dict[int, str], ends: tuple[int, int, int, int]
) -> None:
    names, (src, dst, src_port, dst_port) = Names(cids, ports), ends
    scanner = Scanner()
    scanner.add_interface(VSOCK)
    data = enhanced(frame(RST, ends=Ends(src, dst, src_port, dst_port)))
    known, services = names.encoded
    text = Lines(cids=known, ports=services).render(scanner.pcapng(data, 0, len(data)))
    shown = f"{names.endpoint(src, src_port)} > {names.endpoint(dst, dst_port)}"
    assert text.decode() == f"{shown} RST\n"
    assert shown.isprintable()


def test_names_are_escaped() -> None:
    names = parse('[cid]\n5 = "a\\u001b[31m\\n\\u202e"\n[port]\n6 = "p\\t"\n')
    assert names.endpoint(5, 6) == "a\\x1b[31m\\n\\u202e:p\\t"


@pytest.mark.parametrize("text", ["", "[cid]\n", "[port]\n[cid]\n", "# nothing\n"])
def test_a_file_without_names(text: str) -> None:
    assert parse(text).encoded == Names().encoded


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("3 = 'web'", r"3 stands where only the tables \[cid\] and \[port\] may"),
        ("cid = 3", "cid stands where"),
        ("[cids]\n3 = 'web'", "cids stands where"),
        ("[cid]\n-3 = 'web'", r"-3 in \[cid\] is no number from 0 to 4294967295"),
        ("[cid]\n03 = 'web'", "03 in"),
        ("[cid]\n0x3 = 'web'", "0x3 in"),
        ("[cid]\nhost = 'web'", "host in"),
        ("[cid]\n'٣' = 'web'", "٣ in"),
        ("[port]\n4294967296 = 'web'", r"4294967296 in \[port\] is no number"),
        (f"[port]\n{'9' * 5000} = 'web'", r"9+ in \[port\] is no number"),
        ("[port]\n3.4 = 'web'", r"3 in \[port\] needs a name in quotes"),
        ("[cid]\n3 = 4", r"3 in \[cid\] needs a name in quotes, of 1 to 64 characters"),
        ("[cid]\n3 = ''", "3 in"),
        ("[cid]\n3 = ' '", "3 in"),
        ("[cid]\n3 = '7'", "3 in .* not only digits"),
        (f"[cid]\n3 = '{'x' * (LONGEST + 1)}'", "3 in"),
        ("[cid]\n3 = 'a'\n3 = 'b'", "not TOML: Cannot overwrite a value"),
        ("[cid]\n3: web", "not TOML: .*line 2"),
        ("a=" + "[" * 100_000, "not TOML"),
    ],
)
def test_a_file_that_is_wrong(text: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"^{why}"):
        parse(text)
    path = tmp_path / "names.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=f"^--names {path}: {why}"):
        read(str(path))


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    absent = str(tmp_path / "absent")
    with pytest.raises(UsageError, match=f"^--names {absent}: No such file or directory$"):
        read(absent)
    with pytest.raises(UsageError, match=f"^--names {tmp_path}: Is a directory$"):
        read(str(tmp_path))
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff")
    with pytest.raises(UsageError, match=f"^--names {binary}: it is not UTF-8$"):
        read(str(binary))


def test_what_the_options_ask_for(tmp_path: Path) -> None:
    path = tmp_path / "names.toml"
    path.write_text(FILE, encoding="utf-8")
    ends = (3, 1234)
    assert choose("", numeric=False).endpoint(*ends) == "3:1234"
    assert choose("", numeric=False).endpoint(2, 1) == "host:1"
    assert choose(str(path), numeric=False).endpoint(*ends) == "web-vm:agent"
    assert choose(str(path), numeric=True) is NUMERIC


def test_guests_name_themselves() -> None:
    names = NAMES.with_guests({4: "db", 5: "x" * 200, 6: "a\x1bb"})
    assert names.endpoint(4, 1234) == "db:agent"
    assert names.endpoint(5, 1) == f"{'x' * LONGEST}:1"
    assert names.endpoint(6, 1) == "a\\x1bb:1"
    assert NAMES.endpoint(4, 1234) == "4:agent", "another's names stay as they are"


def test_guests_take_nobodys_name() -> None:
    found = {0: "a", 1: "b", 2: "c", 3: "d", 2**32 - 1: "e", 7: "host", 8: "me", 9: "2", 10: " "}
    names = NAMES.with_guests(found | {11: "web-vm", 12: ""})
    assert names.encoded == NAMES.encoded
    assert Names().with_guests({3: "db"}).cids == WELL_KNOWN | {3: "db"}
