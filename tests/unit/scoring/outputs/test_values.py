"""What fits a column, and what is said about the rest."""

import pytest

from batch_transform.scoring.outputs.typed import typed
from batch_transform.scoring.pipeline import Prediction
from batch_transform.scoring.pipeline.prediction_types import Unfit

BIG = 9007199254740993


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("double", "0.1", 0.1),
        ("double", " 1e-3 ", 0.001),
        ("double", 1, 1.0),
        ("bigint", str(BIG), BIG),
        ("bigint", BIG, BIG),
        ("bigint", "2.0", 2),
        ("bigint", 2.0, 2),
        ("bigint", -(2**63), -(2**63)),
        ("text", "a, b", "a, b"),
        ("text", 5, "5"),
        ("boolean", "True", True),
        ("boolean", False, False),
    ],
)
def test_a_value_becomes_that_of_its_column(kind, value, expected):
    found = typed("score", value, Prediction(at=0, type=kind))
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        ("double", "ERROR", "score is 'ERROR', not double"),
        ("double", "", "score is '', not double"),
        ("double", True, "score is True, not double"),
        ("double", [0.5], "score is a list, not double: let its `at` lead to a value in it"),
        ("double", "nan", "score is nan, not a finite number"),
        ("double", "1e400", "score is inf, not a finite number"),
        ("double", 10**400, "not double"),
        ("double", None, "score is null; allow it with nullable: true"),
        ("bigint", "2.5", "score is '2.5', not bigint"),
        ("bigint", 2.5, "score is 2.5, not bigint"),
        ("bigint", "1e20", "score is '1e20', not bigint"),
        ("bigint", 2**63, "score is 9223372036854775808, which 64 bits do not hold"),
        ("bigint", False, "score is False, not bigint"),
        ("text", {"a": 1, "b": 2}, "score is an object with a, b, not text: let its `at` lead"),
        ("double", {}, "score is an object with no key, not double"),
        ("double", {"x" * 100: 1}, "score is an object with " + "x" * 60 + "…, not double"),
        ("text", "a\0b", "score holds a NUL character"),
        ("boolean", "yes", "score is 'yes', not boolean"),
        ("boolean", 1, "score is 1, not boolean"),
        ("text", ["x" * 100], "score is a list, not text"),
        ("double", "x" * 100, "score is '" + "x" * 59 + "…, not double"),
    ],
)
def test_a_value_that_does_not_fit_is_named_with_its_column(kind, value, message):
    with pytest.raises(Unfit, match=message.replace("(", r"\(")):
        typed("score", value, Prediction(at=0, type=kind))


@pytest.mark.parametrize("kind", ["double", "bigint", "text", "boolean"])
def test_null_fits_where_it_is_allowed(kind):
    assert typed("score", None, Prediction(at=0, type=kind, nullable=True)) is None


def test_bounds_belong_to_what_fits():
    within = Prediction(at=0, type="bigint", min=-1, max=2**53)
    assert [typed("n", each, within) for each in (-1, 2**53)] == [-1, 2**53]
    with pytest.raises(Unfit, match=r"n is -2, below its min of -1\.0"):
        typed("n", -2, within)
    with pytest.raises(Unfit, match=f"n is {BIG}, above its max of 9007199254740992"):
        typed("n", BIG, within)
