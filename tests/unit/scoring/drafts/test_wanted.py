"""What a new pipeline reads, as a person asks for it, and what nobody can tell."""

import pytest

from batch_transform.scoring.drafts.columns import Found
from batch_transform.scoring.drafts.wanted import Wanted, of_files, of_table
from batch_transform.scoring.errors import ConfigurationError
from batch_transform.scoring.kinds import Column

APPLES = Found(
    columns=(
        Column(name="apple_id", kind="integer"),
        Column(name="picked_on", kind="date"),
        Column(name="weight", kind="float"),
        Column(name="picked by", kind="text"),
        Column(name="photo", source_type="BYTEA"),
    ),
    keys=("apple_id",),
)


def wanted(**given):
    return Wanted(name="apples", about={}, model={}, transform={}, **{"found": APPLES, **given})


def test_the_rows_of_a_day_are_those_of_the_only_date():
    draft = of_table(wanted(), "garden.apples", "warehouse")
    assert "partition is the day." in draft.query
    assert "picked_on = :partition\n" in draft.query
    assert draft.settings["record"]["features"] == ["weight"]
    assert draft.notes == ("left out of the record: picked_on, picked by, photo BYTEA",)


def test_columns_that_nobody_describes_are_taken_as_they_are_named():
    draft = of_files(wanted(found=None, ids=["apple_id"], features=["weight"]), {})
    assert [column.name for column in draft.columns] == ["apple_id", "weight"]
    assert draft.notes == (
        "no contract.yaml was written, since nothing says which kinds the columns have",
    )


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"found": None}, "Nothing says which columns name a row: give them with --id"),
        ({"found": Found(columns=(Column(name="weight", kind="float"),))}, "with --id"),
        ({"found": None, "ids": ["apple_id"]}, "Nothing says what the model is sent: give --feat"),
        (
            {"ids": ["weight"], "features": ["pear", "picked by"]},
            "The record cannot have these columns: weight is float, and an id is an integer or a"
            " text; pear is not there; there are .*; 'picked by' is no name of letters, digits",
        ),
    ],
)
def test_what_nobody_can_tell_is_asked_for(given, problem):
    with pytest.raises(ConfigurationError, match=problem):
        of_files(wanted(**given), {})
