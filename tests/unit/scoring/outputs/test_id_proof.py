"""The ids that came back are those that were sent, each once, and in their order."""

import pytest

from batch_transform.scoring.outputs.id_proof import difference, id_values
from batch_transform.scoring.outputs.replies import ShardWrong
from batch_transform.scoring.outputs.staged import StagedColumn

COLUMNS = [StagedColumn(name="orchard", type="text"), StagedColumn(name="apple", type="bigint")]


def ids(letters):
    return [(letter,) for letter in letters]


@pytest.mark.parametrize(
    ("sent", "returned", "facts"),
    [
        ("abc", "abc", None),
        ("", "", None),
        ("abc", "ab", "1 missing (c)"),
        ("abc", "abb", "1 missing (c), 1 more than once (b)"),
        ("abc", "abx", "1 missing (c), 1 foreign (x)"),
        ("abcdef", "def", "3 missing (a, b, c)"),
        ("abcdef", "ef", "4 missing (a, b, c, …)"),
        ("ab", "abab", "2 more than once (a, b)"),
        ("abc", "acb", "in another order from line 2 on"),
        ("abc", "bac", "in another order from line 1 on"),
    ],
)
def test_a_difference_is_told_by_its_kind(sent, returned, facts):
    found = difference(ids(sent), ids(returned))
    assert found == facts or facts in found


def test_a_part_of_an_id_is_what_its_column_holds():
    assert list(id_values(("007", "007"), COLUMNS)) == ["007", 7]
    assert list(id_values(("a", "9007199254740993"), COLUMNS)) == ["a", 9007199254740993]


@pytest.mark.parametrize(
    ("parts", "words"),
    [(("a", "1.5"), "apple of id .* is no integer"), (("a\0", "1"), "orchard of id .* holds")],
)
def test_an_id_that_its_table_cannot_hold_is_refused(parts, words):
    with pytest.raises(ShardWrong, match=words):
        list(id_values(parts, COLUMNS))
