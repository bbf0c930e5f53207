"""A table as it is, held to what a pipeline declares."""

from dataclasses import replace

import pytest

from batch_transform.scoring.errors import TargetMismatch
from batch_transform.scoring.outputs.staged import StagedColumn
from batch_transform.scoring.pipeline import Target
from batch_transform.scoring.warehouse.declared import TableColumn, check, lacking, missing
from batch_transform.scoring.warehouse.protocol import Load
from tests.factories import an_entry

SCORE = StagedColumn(name="score", type="double", nullable=True)
TARGET = Target(conn_id="warehouse", table="predictions.apples", partition_column="day")
LOAD = Load(
    target=TARGET,
    columns=(StagedColumn(name="apple_id", type="bigint"), SCORE),
    ids=1,
    typed=True,
    entry=an_entry(),
)


def column(name, kind, *, not_null=False, filled=False):
    return TableColumn(name=name, type=kind, not_null=not_null, filled=filled)


DAY, ID = column("day", "date", not_null=True), column("apple_id", "bigint", not_null=True)
FIT = (DAY, ID, column("score", "double precision"))


def test_a_table_may_have_more_columns_where_these_may_stay_empty():
    check(LOAD, [*FIT, column("note", "text"), column("at", "date", not_null=True, filled=True)])


@pytest.mark.parametrize(
    ("actual", "problem"),
    [
        (FIT[1:], "day is missing"),
        ((DAY, FIT[2]), "apple_id is missing"),
        (FIT[:2], "score is missing; target.add_columns: true would add it"),
        ((column("day", "text"), *FIT[1:]), "day is text, but declared date"),
        ((*FIT[:2], column("score", "text")), "score is text, but declared double precision"),
        (
            (*FIT[:2], column("score", "double precision", not_null=True)),
            "score is NOT NULL, but declared nullable",
        ),
        (
            (*FIT, column("note", "text", not_null=True)),
            "note is not declared, yet may not be NULL",
        ),
    ],
)
def test_a_column_that_is_not_as_declared_is_named(actual, problem):
    with pytest.raises(TargetMismatch) as refusal:
        check(LOAD, actual)
    assert str(refusal.value).splitlines()[1:] == [f"  {problem}"]


def test_of_ids_that_nobody_knows_the_type_of_any_type_will_do():
    check(replace(LOAD, typed=False), [DAY, column("apple_id", "text"), FIT[2]])


def test_what_is_not_there_is_made():
    def spell(each):
        return f"{each.name} {each.type}"

    made = dict(missing(LOAD, {}, "day date", spell))
    assert list(made) == ["create_ledger", "create_quarantine", "create_turn", "create_target"]
    assert made["create_target"] == {
        "definition": "day date NOT NULL, apple_id bigint NOT NULL, score double"
    }
    untyped = dict(missing(replace(LOAD, typed=False), {}, "day date", spell))
    assert "create_target" not in untyped, "a table needs the types of its ids"
    adding = replace(LOAD, target=TARGET.model_copy(update={"add_columns": True}))
    assert lacking(adding, FIT[:2]) == [SCORE]
    there = dict(missing(adding, {TARGET.table: FIT[:2]}, "day date", spell))
    assert there["add_column"] == {"column": "score double"}
