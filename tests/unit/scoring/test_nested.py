"""What is inside of lists and objects, as PostgreSQL's jsonb prints it."""

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from batch_transform.scoring.pipeline.record import Policies
from batch_transform.scoring.records.nested import nested_texts
from batch_transform.scoring.records.unwritable import FAR, Unwritable

NAN, INFINITY = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([], "[]"),
        ({}, "{}"),
        ((1, (2,)), "[1, [2]]"),
        ([None, True, False], "[null, true, false]"),
        ([9007199254740993, 1.0, 1.5e-7], "[9007199254740993, 1, 0.00000015]"),
        ([1e20], "[100000000000000000000]"),
        ([Decimal("0.10"), Decimal("1E+3")], "[0.10, 1000]"),
        ({"a": 'say "hi"', "é": "\n"}, '{"a": "say \\"hi\\"", "é": "\\n"}'),
        ([date(2013, 6, 1)], '["2013-06-01"]'),
        ([datetime(2013, 6, 1, 12, tzinfo=UTC)], '["2013-06-01T12:00:00+00:00"]'),
        ([UUID(int=1)], '["00000000-0000-0000-0000-000000000001"]'),
    ],
)  # fmt: skip
def test_each_kind_inside_has_one_text(value, text):
    assert nested_texts([value, value], Policies()) == [text, text]


@pytest.mark.parametrize(
    ("value", "policies", "is_written"),
    [
        (NAN, {}, False),
        (INFINITY, {}, False),
        (NAN, {"nan": "empty"}, True),
        (NAN, {"infinity": "empty"}, False),
        (INFINITY, {"infinity": "empty"}, True),
        (-INFINITY, {"nan": "empty"}, False),
        (Decimal("NaN"), {"nan": "empty"}, True),
        (datetime(2013, 6, 1, 12), {}, False),
        (b"bytes", {}, False),
    ],
)
def test_what_has_no_json_is_null_or_refused_with_its_place(value, policies, is_written):
    chosen = Policies(**policies)
    if is_written:
        assert nested_texts([[value]], chosen) == ["[null]"]
        return
    with pytest.raises(Unwritable) as problem:
        nested_texts([[1], {"a": value}], chosen)
    assert problem.value.position == 1


def test_what_python_could_not_read_is_refused_for_its_own_reason():
    with pytest.raises(Unwritable, match="a nested value with a date outside of the years 1 to"):
        nested_texts([[1, FAR]], Policies())
