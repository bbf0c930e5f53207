"""The parts of an id as they go into columns of a table."""

import pytest

from batch_transform.scoring.outputs.id_proof import id_values
from batch_transform.scoring.outputs.replies import ShardWrong
from batch_transform.scoring.outputs.staged import StagedColumn

COLUMNS = (
    StagedColumn(name="apple_id", type="bigint"),
    StagedColumn(name="colour", type="text"),
)


def test_each_part_has_the_type_of_its_column_to_the_last_digit():
    assert list(id_values(("9007199254740993", "7"), COLUMNS)) == [9007199254740993, "7"]


@pytest.mark.parametrize(
    ("parts", "problem"),
    [
        (("7a", "red"), "apple_id of id .*7a.* is no integer, as that of the first record is"),
        (("7", "r\0d"), "colour of id .* holds a NUL character"),
    ],
)
def test_a_part_that_its_column_cannot_hold_is_named_with_its_id(parts, problem):
    with pytest.raises(ShardWrong, match=problem):
        list(id_values(parts, COLUMNS))
