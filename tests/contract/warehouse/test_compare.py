"""What every warehouse gives of the rows it holds, so that they can be compared with others."""

import pytest

from batch_transform.scoring.pipeline import Prediction
from batch_transform.scoring.publish.compare import Sides, compare
from tests.contract.warehouse.loads import FIRST, MIXED, SECOND, a_load, replace, stage_of
from tests.contract.warehouse.test_warehouse import ADDED, BIG, OLD, add

SCORE = {"score": Prediction(at=-1, min=0, max=1)}
VALUES = {
    "select": Prediction(at=0, nullable=True),
    "sort": Prediction(at=1, type="text", nullable=True),
    "ripe": Prediction(at=2, type="boolean"),
    "pips": Prediction(at=3, type="bigint"),
}
HOSTILE = [
    ("", None, "", True, 0),
    ("NULL", 0.1, None, False, -(2**63)),
    ("\\N", 0.1, "\\N", False, 1),
    ('a "quoted", text', 1e-308, "line\nfeed \\N \u2028", True, 2**63 - 1),
    ("carriage\rreturn", 0.30000000000000004, '""', True, BIG),
    ("z'; DROP TABLE x; --", 1.7976931348623157e308, "\r\n\n", False, BIG + 1),
]


@pytest.fixture
def compared(lab):
    """What replaces the first partition, beside what it holds."""

    def compared(rows, predictions=SCORE, is_sample=False, **changes):
        load = a_load(lab.target, FIRST, rows, digest="new", **changes)
        warehouse = lab.warehouse()
        with stage_of(load, rows) as staged:
            held = warehouse.held(load, staged.folder)
            if held is None:
                return None
            entry = warehouse.in_force(lab.target, FIRST)
            sides = Sides(staged=staged, ids=1, held=held, entry=entry, is_sample=is_sample)
            return compare(sides, predictions)

    return compared


def test_where_nothing_is_held_there_is_nothing_to_compare(lab, compared):
    assert compared(OLD) is None
    replace(lab.warehouse(), lab.target, SECOND, OLD)
    assert compared(OLD) is None
    replace(lab.warehouse(), lab.target, FIRST, [], typed=False)
    assert compared(OLD) is None


def test_every_value_is_the_same_after_its_journey(lab, compared):
    replace(lab.warehouse(), lab.target, FIRST, HOSTILE, columns=MIXED)
    found = compared(HOSTILE, VALUES, columns=MIXED)
    assert (found.gained, found.lost, found.changed) == (0, 0, 0)
    assert (found.rows_before, found.rows_after) == (6, 6)


@pytest.mark.parametrize("column", range(1, 5))
def test_a_change_in_any_column_is_seen(lab, compared, column):
    replace(lab.warehouse(), lab.target, FIRST, HOSTILE, columns=MIXED)
    other = ("", 0.25, None, False, -1)
    rows = [list(row) for row in HOSTILE]
    rows[1][column] = {1: None, 2: "x", 3: True, 4: 2}[column]
    rows[0][column] = other[column]
    found = compared(rows, VALUES, columns=MIXED)
    assert (found.gained, found.lost, found.changed) == (0, 0, 2)


def test_rows_gained_lost_and_changed_are_told_apart(lab, compared):
    replace(lab.warehouse(), lab.target, FIRST, OLD)
    found = compared([(2, 0.5), (4, 1.0), (BIG, 0.75)])
    assert (found.gained, found.lost, found.changed, found.differing) == (1, 1, 1, 3)
    assert (found.mean_before, found.mean_after) == (0.5, 0.75)
    assert (found.mean_change, found.largest_change) == (0.25, 0.25)
    assert [(moved.id, moved.before, moved.after) for moved in found.largest] == [((2,), 0.25, 0.5)]
    assert str(found) == "3 rows with 3; mean 0.5 → 0.75; 3 predictions differ"
    assert (found.run_id, found.model, found.column) == ("manual__2013", "apples", "score")
    bins = found.histograms["score"]
    assert (sum(bins.before), sum(bins.after)) == (3, 3)
    assert (bins.before[25], bins.after[25], bins.after[49]) == (1, 1, 1)


def test_a_sample_is_compared_with_the_rows_of_its_ids_alone(lab, compared):
    replace(lab.warehouse(), lab.target, FIRST, OLD)
    found = compared([(2, 0.5), (4, 1.0)], is_sample=True)
    assert (found.gained, found.lost, found.changed) == (1, 0, 1)
    assert (found.rows_before, found.mean_before) == (1, 0.25)


def test_rows_that_were_added_are_held(lab, compared):
    replace(lab.warehouse(), lab.target, FIRST, OLD, digest="a")
    add(lab, "a")
    assert compared(OLD + ADDED).differing == 0


def test_a_column_that_the_target_lacks_differs_in_every_row(lab, compared):
    replace(lab.warehouse(), lab.target, FIRST, [(1, 0.5), (2, 0.5)])
    more = (*MIXED[:0], *a_load(lab.target, FIRST, []).columns, MIXED[4])
    found = compared([(1, 0.5, 3), (2, 0.5, 4)], {**SCORE, "pips": VALUES["pips"]}, columns=more)
    assert (found.gained, found.changed, found.mean_before) == (0, 2, 0.5)


def test_what_moved_furthest_comes_first_and_is_not_all(lab, compared):
    rows = [(number, 0.5) for number in range(100)]
    replace(lab.warehouse(), lab.target, FIRST, rows)
    found = compared([(number, 0.5 + number / 1000) for number in range(100)])
    assert [moved.id for moved in found.largest] == [(number,) for number in range(99, 89, -1)]
    assert found.changed == 99


def test_texts_have_no_mean_and_are_compared_all_the_same(lab, compared):
    columns = (MIXED[0], MIXED[2])
    replace(lab.warehouse(), lab.target, FIRST, [("a", "red"), ("b", None)], columns=columns)
    found = compared([("a", "green"), ("b", None)], {"sort": VALUES["sort"]}, columns=columns)
    assert (found.changed, found.mean_before, found.mean_change) == (1, None, None)
    assert [(m.id, m.before, m.after) for m in found.largest] == [(("a",), "red", "green")]
    assert str(found) == "2 rows with 2; 1 predictions differ"


def test_looking_changes_nothing(lab, compared):
    replace(lab.warehouse(), lab.target, FIRST, OLD)
    before = (lab.content(), lab.loads())
    compared([(2, 0.5)])
    assert (lab.content(), lab.loads()) == before
