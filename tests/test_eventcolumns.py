"""What scripts read of events: common values, each kind's own numbers, and words for codes."""

import csv
import json

import pytest

from tests.test_events import TABLE, event, name
from vsockdump.eventcolumns import COMMON, CSV, numbers, remark
from vsockdump.events import NUMBERS, Blame, Defect, Kind, Reset
from vsockdump.values import as_json, as_text

S = 1_000_000_000


def test_common_values() -> None:
    row = remark(event(Kind.UNREAD_CLOSE, 5000), name)
    assert {field.name: as_json(field.type, field.value(row)) for field in COMMON} == {
        "kind": '"unread_close"',
        "severity": '"note"',
        "confidence": '"sure"',
        "flow": "1",
        "time": '"1970-01-01T00:00:01.000000000Z"',
        "packets": "[1, 2]",
        "text": json.dumps(row.text),
    }


@pytest.mark.parametrize(
    ("kind", "values", "encoded"),
    [
        (Kind.REFUSED, (38_000,), {"after_s": 0.000038}),
        (
            Kind.STALL,
            (2 * S, 5, 6, Blame.REQUEST_UNANSWERED, 0),
            {"length_s": 2.0, "in_flight": 5, "window": 6, "blame": "request_unanswered",
             "lifted": False},
        ),
        (
            Kind.RESET,
            (Reset.MID_BURST, 7, 1),
            {"reset": "mid_burst", "in_flight": 7, "after_s": 1e-9},
        ),
        (Kind.KERNEL_DEFECT, (Defect.A2,), {"defect": "a2"}),
        (Kind.MISMATCH, (), {}),
    ],
)  # fmt: skip
def test_own_numbers(
    kind: Kind, values: tuple[int, ...], encoded: dict[str, int | str | float]
) -> None:
    own = numbers(event(kind, *values))
    assert {name: json.loads(as_json(kind, value)) for name, kind, value in own} == encoded


@pytest.mark.parametrize("kind", Kind)
def test_every_number_has_its_name(kind: Kind) -> None:
    values = next(numbers for each, numbers, *_ in TABLE if each is kind)
    own = list(numbers(event(kind, *values)))
    assert [name for name, _, _ in own] == list(NUMBERS[kind])
    assert not {name for name, _, _ in own} & {field.name for field in COMMON}
    for name_, type_, value in own:
        assert (type_ == "seconds") == name_.endswith("_s")
        as_json(type_, value)


def test_csv_has_own_numbers_in_one_column() -> None:
    row = remark(event(Kind.STALL, 2 * S, 5, 6, Blame.NO_UPDATE, 1), name)
    values = [as_text(field.type, field.value(row)) for field in CSV]
    assert values[5] == "1 2"
    assert values[-1] == "length_s=2.000000000;in_flight=5;window=6;blame=no_update;lifted=true"
    assert next(csv.reader([",".join(values[:6])])) == values[:6]
