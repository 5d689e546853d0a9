"""Values as scripts read them: exact, and nothing in them that a terminal would obey."""

import json

import pytest

from vsockdump.values import Value, as_json, as_text, json_object, seconds

# Type, value, CSV's text, JSON.
TABLE: list[tuple[str, Value, str, str]] = [
    ("int", 0, "0", "0"),
    ("int", 2**64 - 1, "18446744073709551615", "18446744073709551615"),
    ("float", 1 / 3, "0.333", "0.333"),
    ("bool", True, "true", "true"),
    ("bool", False, "false", "false"),
    ("str", 'say "hi"', 'say "hi"', r'"say \"hi\""'),
    ("str", "\x1b[31m\n", r"\x1b[31m\n", r'"\u001b[31m\n"'),
    ("list", [6, 7], "6 7", "[6, 7]"),
    ("list", [], "", "[]"),
    ("time", 1_700_000_000_000_000_001, "2023-11-14T22:13:20.000000001Z",
     '"2023-11-14T22:13:20.000000001Z"'),
    ("seconds", 1, "0.000000001", "0.000000001"),
    ("seconds", 1_992_993_000, "1.992993000", "1.992993000"),
    ("seconds", -1_500_000_000, "-1.500000000", "-1.500000000"),
    *((kind, None, "", "null") for kind in ("int", "float", "bool", "str", "list", "time")),
    ("seconds", None, "", "null"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "value", "text", "encoded"), TABLE)
def test_values(kind: str, value: Value, text: str, encoded: str) -> None:
    assert as_text(kind, value) == text
    assert as_json(kind, value) == encoded
    json.loads(encoded)


def test_no_nanosecond_is_rounded_away() -> None:
    """As a float this one would end in 4."""
    assert seconds(123_456_789_012_345_675) == "123456789.012345675"


def test_an_object_stands_in_one_line() -> None:
    members: list[tuple[str, str, Value]] = [("flow", "int", 1), ("text", "str", "a\nb")]
    assert json_object(members) == r'{"flow":1,"text":"a\nb"}'
