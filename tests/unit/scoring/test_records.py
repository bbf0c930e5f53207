import csv
import io
import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batch_transform.scoring.errors import SourceError
from batch_transform.scoring.kinds import Column
from batch_transform.scoring.pipeline import Record
from batch_transform.scoring.pipeline.record import Policies
from batch_transform.scoring.records.encoder import RowEncoder
from batch_transform.scoring.records.lines import csv_column, json_lines
from batch_transform.scoring.records.unwritable import Unwritable

COLUMNS = ["apple_id", "value"]
EASTERN = timezone(timedelta(hours=-4))


def encode(format_, *values, policies=None):
    names = [f"value_{number}" for number in range(len(values) - 1)]
    record = Record(format=format_, id=["apple_id"], features=names, policies=policies or {})
    columns = [Column(name=name) for name in record.columns]
    return RowEncoder(record, columns).encode([values]).decode()


@pytest.mark.parametrize(
    ("value", "csv_field", "json_value"),
    [
        (None, "", "null"),
        (True, "true", "true"),
        (False, "false", "false"),
        (9007199254740993, "9007199254740993", "9007199254740993"),
        (Decimal("0.1000"), "0.1000", "0.1000"),
        (Decimal("1E+3"), "1000", "1000"),
        (Decimal("12345678901234567890.123456789"),) + ("12345678901234567890.123456789",) * 2,
        (0.1, "0.1", "0.1"),
        (1.0, "1", "1"),
        (-0.0, "-0", "-0"),
        (1e15, "1e+15", "1e+15"),
        (-1234567890123456.0, "-1.234567890123456e+15", "-1.234567890123456e+15"),
        (123456789012345.5, "123456789012345.5", "123456789012345.5"),
        ("", '""', '""'),
        (999999999999999.0, "999999999999999", "999999999999999"),
        (-1e15, "-1e+15", "-1e+15"),
        (1.5e-07, "1.5e-07", "1.5e-07"),
        (1e22, "1e+22", "1e+22"),
        (1.25e300, "1.25e+300", "1.25e+300"),
        # Rounded to as many digits it would end in 1, and be another float.
        (2.0**89, "6.189700196426902e+26", "6.189700196426902e+26"),
        # 1e23 lies halfway between two floats, and 7e22 between this one and a larger one.
        (1e23, "9.999999999999999e+22", "9.999999999999999e+22"),
        (-7e22, "-7.0000000000000004e+22", "-7.0000000000000004e+22"),
        (date(2013, 6, 1), "2013-06-01", '"2013-06-01"'),
        (
            datetime(2013, 6, 1, 12, 30, tzinfo=EASTERN),
            "2013-06-01T16:30:00+00:00",
            '"2013-06-01T16:30:00+00:00"',
        ),
        (
            datetime(2013, 6, 1, 12, 30, 0, 5, tzinfo=UTC),
            "2013-06-01T12:30:00.000005+00:00",
            '"2013-06-01T12:30:00.000005+00:00"',
        ),
        ("plain", "plain", '"plain"'),
        ("a,b", '"a,b"', '"a,b"'),
        ('say "hi"', '"say ""hi"""', r'"say \"hi\""'),
        ("  blanks ", "  blanks ", '"  blanks "'),
        ("häß 🍏\u2028", "häß 🍏\u2028", '"häß 🍏\u2028"'),
    ],
)
def test_each_kind_of_value_has_one_text(value, csv_field, json_value):
    assert encode("csv", 7, value) == f"7,{csv_field}\n"
    assert encode("jsonl", 7, value) == f'{{"apple_id":7,"value_0":{json_value}}}\n'


def test_a_record_may_be_its_id_alone():
    assert json_lines(["apple_id"], [["7", "8"]]) == b'{"apple_id":7}\n{"apple_id":8}\n'


def test_a_column_of_lists_is_no_csv_though_all_of_them_are_null():
    for values, position in (([None, None], 0), ([None, [1]], 1)):
        with pytest.raises(Unwritable, match="which CSV has no text for") as refused:
            csv_column(values, "nested", Policies())
        assert refused.value.position == position


def test_a_line_break_stays_in_json_lines():
    assert encode("jsonl", 7, "two\nlines") == '{"apple_id":7,"value_0":"two\\nlines"}\n'


REFUSED_ALWAYS = [
    (float("nan"), "NaN;"),
    (Decimal("NaN"), "NaN;"),
    (Decimal("sNaN"), "NaN;"),
    (float("inf"), "an infinity;"),
    (float("-inf"), "an infinity;"),
    (Decimal("Infinity"), "an infinity;"),
    (datetime(2013, 6, 1, 12), "a timestamp without a time zone;"),
    (datetime.max.replace(tzinfo=EASTERN), "a date outside of the years 1 to 9999;"),
    (b"secret", "a value of type bytes;"),
    (timedelta(1), "a value of type timedelta;"),
    ("secret \ud800", "text with half of a surrogate pair,"),
]
REFUSED_IN_CSV = [
    ("secret\nlines", "text with a line break,"),
    ("secret\rlines", "text with a line break,"),
    ("secret\r\nlines", "text with a line break,"),
    ("secret\0", "text with a NUL character;"),
    (["secret"], "a list or an object,"),
    ({"secret": 1}, "a list or an object,"),
]
REFUSED_IN_JSON = [
    ([float("nan")], "a nested value with NaN;"),
    ({"secret": [b"secret"]}, "a nested value with a value of type bytes;"),
    ({1: "secret"}, "a nested value with a key of type int;"),
    (["\ud800"], "a nested value with text with half of a surrogate pair,"),
]


@pytest.mark.parametrize(
    ("format_", "value", "complaint"),
    [
        *[(f, *case) for f in ("csv", "jsonl") for case in REFUSED_ALWAYS],
        *[("csv", *case) for case in REFUSED_IN_CSV],
        *[("jsonl", *case) for case in REFUSED_IN_JSON],
    ],
)
def test_what_has_no_faithful_text_is_refused_with_column_and_id_but_not_the_value(
    format_, value, complaint
):
    record = Record(format=format_, id=["apple_id"], features=["fine", "value"])
    rows = [(6, "fine", None), (7, "fine", value), (8, "fine", None)]
    with pytest.raises(SourceError) as refusal:
        RowEncoder(record, [Column(name=name) for name in record.columns]).encode(rows)
    assert f"Row apple_id=7: column value holds {complaint}" in str(refusal.value)
    assert "secret" not in str(refusal.value)


def test_a_column_keeps_the_kind_of_its_first_value():
    record = Record(format="csv", id=["apple_id"], features=["weight"])
    encoder = RowEncoder(record, [Column(name=name) for name in record.columns])
    encoder.encode([(1, None), (2, 3)])
    with pytest.raises(SourceError, match="Row apple_id=3: column weight holds a value of kind fl"):
        encoder.encode([(3, 3.5)])


@pytest.mark.parametrize(
    ("policies", "value", "csv_field"),
    [
        ({"nan": "empty"}, float("nan"), ""),
        ({"nan": "empty"}, Decimal("NaN"), ""),
        ({"infinity": "empty"}, float("-inf"), ""),
        ({"line_break": "space"}, "a\r\nb\rc\nd\n\ne", "a b c d  e"),
        ({"nul": "drop"}, "a\0b", "ab"),
        ({"surrogate": "replace"}, "a\ud83db", "a\ufffdb"),
    ],
)
def test_a_policy_says_what_is_written_instead(policies, value, csv_field):
    assert encode("csv", 7, value, policies=policies) == f"7,{csv_field}\n"


def test_json_lines_have_policies_where_they_have_hazards():
    assert (
        encode(
            "jsonl", 7, [float("nan"), "\ud800"], policies={"nan": "empty", "surrogate": "replace"}
        )
        == '{"apple_id":7,"value_0":[null, "\ufffd"]}\n'
    )
    assert encode("jsonl", 7, "a\0b") == '{"apple_id":7,"value_0":"a\\u0000b"}\n'


def test_halves_of_a_surrogate_pair_in_two_texts_are_not_one_character():
    record = Record(format="csv", id=["apple_id"], features=["value"])
    encoder = RowEncoder(record, [Column(name=name) for name in record.columns])
    with pytest.raises(SourceError, match="Row apple_id=1: column value holds text with half"):
        encoder.encode([(1, "\ud83c"), (2, "\udf4f")])


integers = st.integers()
decimals = st.decimals(allow_nan=False, allow_infinity=False)
floats = st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(codec="utf-8"))
one_line = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"))
moments = st.datetimes(timezones=st.just(UTC) | st.just(EASTERN), min_value=datetime(1, 1, 2))
dates = st.dates()
nested = st.recursive(
    st.none() | st.booleans() | integers | texts,
    lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
)


def rows_of(*columns):
    """Rows of an id and these columns, any value of which may be NULL."""
    cells = [st.none() | column for column in columns]
    return st.lists(st.tuples(*cells), min_size=1, max_size=20).map(
        lambda rows: [(number, *row) for number, row in enumerate(rows)]
    )


def lines_of(format_, rows):
    names = [f"value_{number}" for number in range(len(rows[0]) - 1)]
    record = Record(format=format_, id=["apple_id"], features=names)
    encoder = RowEncoder(record, [Column(name=name) for name in record.columns])
    lines = encoder.encode(rows).decode().removesuffix("\n").split("\n")
    assert len(lines) == len(rows)
    return lines


def same_number(text, value):
    """Whether a text is a number to the last digit, its sign, and for a decimal its scale."""
    if isinstance(value, Decimal):
        read = Decimal(text)
        return read == value and read.is_signed() == value.is_signed()
    return repr(float(text)) == repr(value) if isinstance(value, float) else text == str(value)


machine_may_be_busy = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@machine_may_be_busy
@given(rows_of(integers, decimals, floats, one_line, moments, dates, st.booleans()))
def test_csv_reads_back(rows):
    for line, row in zip(lines_of("csv", rows), rows, strict=True):
        (fields,) = csv.reader(io.StringIO(line, newline=""), strict=True)
        assert [field == "" for field in fields] == [value in (None, "") for value in row]
        identity, integer, decimal, real, text, moment, day, flag = row
        assert fields[0] == str(identity)
        for field, value in zip(fields[1:4], (integer, decimal, real), strict=True):
            assert value is None or same_number(field, value)
        assert text is None or fields[4] == text
        assert moment is None or datetime.fromisoformat(fields[5]) == moment
        assert day is None or date.fromisoformat(fields[6]) == day
        assert flag is None or fields[7] == str(flag).lower()
        if text == "":
            assert ',"",' in line  # an empty text is told from NULL


@machine_may_be_busy
@given(rows_of(integers, decimals, floats, texts, moments, dates, st.booleans(), st.lists(nested)))
def test_json_lines_read_back(rows):
    for line, row in zip(lines_of("jsonl", rows), rows, strict=True):
        read = list(json.loads(line, parse_int=Number, parse_float=Number).values())
        identity, integer, decimal, real, text, moment, day, flag, value = row
        assert read[0] == str(identity)
        for field, number in zip(read[1:4], (integer, decimal, real), strict=True):
            assert field is None if number is None else same_number(field, number)
        assert read[4] == text
        assert read[5] is None if moment is None else datetime.fromisoformat(read[5]) == moment
        assert read[6] is None if day is None else date.fromisoformat(read[6]) == day
        assert read[7] is flag
        assert list(json.loads(line).values())[8] == value


class Number(str):
    """The digits of a JSON number as they were written."""

    __slots__ = ()


@pytest.mark.parametrize("format_", ["csv", "jsonl"])
def test_an_integer_longer_than_python_reads_back_is_refused_by_its_id(format_):
    record = Record(format=format_, id=["apple_id"], features=["value"])
    encoder = RowEncoder(record, [Column(name=name) for name in record.columns])
    with pytest.raises(SourceError, match="Row apple_id=7: column value holds .*digits"):
        encoder.encode([(5, None), (6, 1), (7, 10**5000)])


def test_nested_values_are_written_by_their_kinds():
    moment = datetime(2013, 6, 1, 12, 30, tzinfo=EASTERN)
    values = [date(2013, 6, 1), moment, Decimal("1E+3"), float("inf")]
    assert encode("jsonl", 7, values, policies={"infinity": "empty"}) == (
        '{"apple_id":7,"value_0":["2013-06-01", "2013-06-01T16:30:00+00:00", 1000, null]}\n'
    )
    with pytest.raises(SourceError, match="a nested value with a timestamp without a time zone"):
        encode("jsonl", 7, [datetime(2013, 6, 1, 12, 30)])
