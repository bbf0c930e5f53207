"""A table with one row for each hazard of writing records, for every source that can hold it."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

GOLDEN = Path(__file__).parents[1] / "golden"
COLUMNS = ["row_id", "whole", "exact", "ratio", "flag", "day", "moment", "words"]
NOON = datetime(2013, 6, 1, 12, tzinfo=UTC)


def _row(number, **values):
    return (number, *(values.get(name) for name in COLUMNS[1:]))


ROWS = [
    _row(1, whole=1, exact=Decimal("1"), ratio=1.0, flag=True, day=date(2013, 6, 1), moment=NOON,
         words="plain"),
    _row(2),
    _row(3, whole=9007199254740993, exact=Decimal("0.1000"), ratio=0.1, flag=False),
    _row(4, whole=-(2**63), exact=Decimal("-12345678901234567890.123456789"),
         ratio=-1.7976931348623157e308),
    _row(5, whole=2**63 - 1, exact=Decimal("0.000000000000000000000001"), ratio=5e-324),
    _row(6, whole=0, exact=Decimal("0"), ratio=-0.0, words="0"),
    _row(7, exact=Decimal("1000"), ratio=1e15),
    _row(8, ratio=123456789012345.5, day=date(1, 1, 1), moment=datetime(1, 1, 1, tzinfo=UTC)),
    _row(9, ratio=1e22, day=date(9999, 12, 31),
         moment=datetime(9999, 12, 31, 23, 59, 59, 999999, UTC)),
    _row(10, ratio=1e-5, day=date(2012, 2, 29), moment=NOON.replace(microsecond=500000)),
    _row(11, ratio=0.0001, moment=NOON.replace(microsecond=5)),
    _row(12, words=""),
    _row(13, words="comma, comma"),
    _row(14, words='say "hi"'),
    _row(15, words='"'),
    _row(16, words="  blanks "),
    _row(17, words="häß 🍏 \u2028 \ufeff e\u0301 \x85"),
    _row(18, words="back\\slash \\N \\n \\. \\"),
    _row(19, words="\\N"),
    _row(20, words="tab\t vertical\v form\f bell\a escape\x1b one\x01 delete\x7f"),
    _row(21, words="null"),
    _row(22, words="NaN"),
    _row(23, words="-Infinity"),
    _row(24, words="'; DROP TABLE hostile; --"),
    _row(25, words="=1+1"),
    _row(26, words="x" * 100_000),
    _row(27, words="\x01"),
    _row(28, words="\\v\\\v"),
]  # fmt: skip
# Written in JSON Lines alone.
BROKEN_LINES = [
    _row(29, words="two\nlines"),
    _row(30, words="two\r\nlines,\rthree\n"),
    _row(31, words="\\\n"),
]
# Written where a policy says in what form.
NOT_FINITE = [
    _row(32, exact=Decimal("NaN"), ratio=float("nan")),
    _row(33, ratio=float("inf")),
    _row(34, ratio=float("-inf"), words="NaN"),
]
REPLACE_ALL = {"nan": "empty", "infinity": "empty", "line_break": "space"}

POSTGRES = (
    "CREATE TABLE hostile (row_id bigint, whole bigint, exact numeric, ratio double precision,"
    " flag boolean, day date, moment timestamptz, words text)"
)


def rows_for(record_format):
    return ROWS if record_format == "csv" else ROWS + BROKEN_LINES


def record(record_format, columns=COLUMNS, **more):
    return {"format": record_format, "id": [columns[0]], "features": columns[1:], **more}
