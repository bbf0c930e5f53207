from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from batch_transform.scoring.records.unwritable import FINE, UnreadableValue
from batch_transform.scoring.sources.literals import literals

NOON = datetime(2013, 6, 1, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("integer", "9007199254740993", 9007199254740993),
        ("integer", "-007", -7),
        ("integer", str(2**70), 2**70),
        ("decimal", "0.1000", Decimal("0.1000")),
        ("decimal", "-12345678901234567890.123456789", Decimal("-12345678901234567890.123456789")),
        ("decimal", "1E+3", Decimal("1E+3")),
        ("decimal", "NaN", Decimal("NaN")),
        ("float", "0.1", 0.1),
        ("float", "5e-324", 5e-324),
        ("float", "-0", -0.0),
        ("float", "9007199254740993", 9007199254740992.0),
        ("float", "-Infinity", float("-inf")),
        ("boolean", "True", True),
        ("boolean", "f", False),
        ("text", " 1", " 1"),
        ("date", "2012-02-29", date(2012, 2, 29)),
        ("timestamp", "2013-06-01T12:30:00Z", NOON),
        ("timestamp", "2013-06-01 12:30", datetime(2013, 6, 1, 12, 30)),
        ("timestamp", "2013-06-01 12:30:00+00", NOON),
        ("timestamp", "2013-06-01 12:30:00.000000000 UTC", NOON),
        (
            "timestamp",
            "2013-06-01T12:30:00.5-0430",
            datetime(2013, 6, 1, 12, 30, 0, 500000, timezone(-timedelta(hours=4, minutes=30))),
        ),
        ("nested", '{"a": [1, 0.10, 1e1]}', {"a": [1, Decimal("0.10"), Decimal("1e1")]}),
    ],
)
def test_a_text_is_read_exactly(kind, text, value):
    (found,) = literals([text], kind)
    assert repr(found) == repr(value)  # repr tells 1 from 1.0 and True, -0.0 from 0.0


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("integer", ""),
        ("integer", "1.0"),
        ("integer", " 1"),
        ("integer", "1_000"),
        ("integer", "٣"),
        ("decimal", "1,5"),
        ("float", "0x1p3"),
        ("float", "secret"),
        ("boolean", "yes"),
        ("date", "20130601"),
        ("date", "2013-02-29"),
        ("date", "0000-01-01"),
        ("date", "2013-W22-6"),
        ("timestamp", "2013-06-01"),
        ("timestamp", "2013-06-01T24:30:00Z"),
        ("timestamp", "2013-06-01T12:30:00+25:00"),
        ("nested", "1"),
        ("nested", "[" * 100_000),
    ],
)
def test_a_text_that_is_no_such_value_is_unreadable(kind, text):
    (found,) = literals([text], kind)
    assert found == UnreadableValue(
        f"a text that is no {kind}; correct the files, or the kind in contract.yaml"
    )


@pytest.mark.parametrize(
    ("kind", "text", "what"),
    [
        ("float", "1e309", "a number larger than any float"),
        ("integer", "1" * 5000, "a number of more digits"),
        ("decimal", "1e999999999999999999999", "a number of more digits"),
        ("decimal", "1e999999", "a number of more digits"),
        ("decimal", "0e-999999", "a number of more digits"),
        ("timestamp", "2013-06-01T12:30:00.0000001Z", FINE.what),
    ],
)
def test_nothing_is_rounded_to_make_it_fit(kind, text, what):
    (found,) = literals([text], kind)
    assert isinstance(found, UnreadableValue)
    assert found.what.startswith(what)


def test_null_stays_null():
    assert literals([None, "1", None], "integer") == [None, 1, None]
