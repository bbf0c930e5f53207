"""What is Iceberg's own: commits that others come before, and tables that follow the target."""

from contextlib import suppress

import pyarrow as pa
import pytest
from pyiceberg.partitioning import PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.types import NestedField

from batch_transform.scoring.errors import (
    OutputError,
    Superseded,
    TargetLocked,
    TargetMismatch,
    TargetRefused,
    Unreachable,
)
from batch_transform.scoring.outputs.staged import StagedColumn
from batch_transform.scoring.warehouse.iceberg.iceberg_ledger import PROPERTY
from batch_transform.scoring.warehouse.iceberg.patience import Patience
from tests.contract.warehouse.conftest import IcebergLab, IcebergS3Lab
from tests.contract.warehouse.loads import BAD, FIRST, NUMBERS, SECOND, a_load, replace, stage_of
from tests.contract.warehouse.test_warehouse import ADDED, NEW, OLD, Crash, add, at


@pytest.fixture
def lake(database, tmp_path):
    opened = IcebergLab(database, f"file://{tmp_path}")
    yield opened
    opened.close()


def meanwhile(step, work):
    """Do something once, when a load is about to take a step."""
    left = [work]
    return lambda name: left.pop()() if name == step and left else None


def crash_at(step):
    def crash(name):
        if name == step:
            raise Crash

    return crash


def test_a_partition_in_s3_is_replaced_by_one_snapshot_that_says_by_whom(
    database, sagemaker_local_server
):
    lake = IcebergS3Lab(database, sagemaker_local_server)
    try:
        replace(lake.warehouse(), lake.target, FIRST, OLD)
        replace(lake.warehouse(), lake.target, SECOND, OLD)
        began = lake.table()
        replace(lake.warehouse(), lake.target, FIRST, NEW, digest="new")
        assert lake.content() == {FIRST: NEW, SECOND: OLD}
        assert began.scan().to_arrow().num_rows == len(OLD + OLD), "as it was when it was opened"
        snapshots = lake.table().snapshots()
        assert [str(each.summary.operation.value) for each in snapshots] == [
            *("append", "append", "overwrite")
        ]
        last = snapshots[-1].summary
        assert (last["added-records"], last["deleted-records"]) == ("3", "3")
        assert last["batch-transform.digest"] == "new"
        assert last["batch-transform.partition"] == "2013-06-01"
    finally:
        lake.close()


def test_the_entry_is_in_force_with_the_rows_and_the_ledger_follows(lake):
    replace(lake.warehouse(), lake.target, FIRST, OLD, digest="old")
    with pytest.raises(Crash):
        replace(lake.warehouse(crash_at("ledger")), lake.target, FIRST, NEW, digest="new")
    assert (lake.content(), lake.loads()) == ({FIRST: NEW}, 1)
    assert lake.warehouse().in_force(lake.target, FIRST).digest == "new"
    found = lake.warehouse().recent(lake.target, "apples", SECOND, 7)
    assert [entry.digest for entry in found] == ["new"]
    replace(lake.warehouse(), lake.target, SECOND, OLD, digest="second")
    assert lake.loads() == 3
    found = lake.warehouse().recent(lake.target, "apples", SECOND, 7)
    assert [entry.digest for entry in found] == ["new"]


def test_a_retry_puts_into_quarantine_what_the_first_try_did_not(lake):
    with pytest.raises(Crash):
        replace(lake.warehouse(crash_at("quarantine")), lake.target, FIRST, OLD, quarantined=(BAD,))
    assert lake.quarantined(FIRST) == []
    again = replace(lake.warehouse(), lake.target, FIRST, OLD, quarantined=(BAD,))
    assert (again.changed, lake.loads()) == (False, 1)
    assert lake.quarantined(FIRST) == [(["7", "red"], "it's bad", "manual__2013")]


def test_the_quarantine_of_a_load_that_was_replaced_meanwhile_is_not_put_over_the_newer(lake):
    newer = (BAD.model_copy(update={"reason": "newer"}),)
    step = meanwhile(
        "quarantine",
        lambda: replace(lake.warehouse(), lake.target, FIRST, NEW, quarantined=newer),
    )
    replace(lake.warehouse(step), lake.target, FIRST, OLD, quarantined=(BAD,))
    assert lake.content() == {FIRST: NEW}
    assert [reason for _, reason, _ in lake.quarantined(FIRST)] == ["newer"]


def test_a_commit_that_others_came_before_is_made_again_with_the_same_files(lake):
    replace(lake.warehouse(), lake.target, SECOND, OLD)
    steps, left = [], [SECOND]

    def step(name):
        steps.append(name)
        if name == "swap" and left:
            lake.alter(left.pop())

    assert replace(lake.warehouse(step), lake.target, FIRST, NEW).changed
    assert steps == ["files", "swap", "swap", "ledger", "quarantine"]
    assert lake.content() == {FIRST: NEW, SECOND: [(number, 9.0) for number, _ in OLD]}


def test_an_older_load_looks_again_and_gives_way(lake):
    newer = meanwhile(
        "swap", lambda: replace(lake.warehouse(), lake.target, FIRST, NEW, snapshot_at=at(3))
    )
    with pytest.raises(Superseded, match="holds newer data"):
        replace(lake.warehouse(newer), lake.target, FIRST, OLD, snapshot_at=at(2))
    assert lake.content() == {FIRST: NEW}


def test_rows_are_added_once_by_two_at_once_and_not_to_what_was_replaced(lake):
    replace(lake.warehouse(), lake.target, FIRST, OLD, digest="a")
    add(lake, "a", meanwhile("swap", lambda: add(lake, "a")))
    assert lake.content() == {FIRST: sorted(OLD + ADDED)}
    replace(lake.warehouse(), lake.target, SECOND, OLD, digest="a")
    newer = meanwhile("swap", lambda: replace(lake.warehouse(), lake.target, SECOND, NEW))
    with pytest.raises(Superseded, match="has been loaded anew"):
        replace(
            *(lake.warehouse(newer), lake.target, SECOND, ADDED),
            digest="b",
            adds_to="a",
            kept=3,
        )
    assert lake.content()[SECOND] == NEW


def test_a_table_to_which_others_commit_all_the_time_is_left_to_them(lake):
    replace(lake.warehouse(), lake.target, SECOND, OLD)
    pauses = []
    patience = Patience(tries=5, pause=1, longest=4, sleep=pauses.append)

    def touch(name):
        if name == "swap":
            lake.alter(SECOND)

    with pytest.raises(TargetLocked, match="committed to predictions.Order at each of 5 tries"):
        replace(lake.warehouse(touch, patience), lake.target, FIRST, NEW)
    assert pauses == [1, 2, 4, 4, 4]
    assert set(lake.content()) == {SECOND}


def test_maintenance_by_the_owner_changes_nothing_of_what_is_in_force(lake):
    replace(lake.warehouse(), lake.target, FIRST, OLD, digest="old")
    with pytest.raises(Crash):
        replace(lake.warehouse(crash_at("ledger")), lake.target, FIRST, NEW, digest="new")
    table = lake.table()
    rows = table.scan().to_arrow()
    table.overwrite(rows)  # as a compaction does, whose snapshot says nothing of the load
    for snapshot in lake.table().snapshots()[:-1]:
        lake.table().maintenance.expire_snapshots().by_id(snapshot.snapshot_id).commit()
    assert lake.warehouse().in_force(lake.target, FIRST).digest == "new"
    assert replace(lake.warehouse(), lake.target, FIRST, NEW, digest="new").changed is False
    assert lake.content() == {FIRST: NEW}


def test_the_same_rows_of_a_later_extract_are_one_load_that_is_newer(lake):
    replace(lake.warehouse(), lake.target, FIRST, OLD, snapshot_at=at(1))
    replace(lake.warehouse(), lake.target, SECOND, OLD, snapshot_at=at(1))
    again = replace(lake.warehouse(), lake.target, FIRST, OLD, snapshot_at=at(3))
    assert (again.changed, lake.loads()) == (False, 2)
    assert lake.warehouse().in_force(lake.target, FIRST).snapshot_at == at(3)
    with pytest.raises(Superseded):
        replace(lake.warehouse(), lake.target, FIRST, NEW, snapshot_at=at(2))
    replace(lake.warehouse(), lake.target, SECOND, NEW, snapshot_at=at(2))
    assert lake.warehouse().in_force(lake.target, SECOND).snapshot_at == at(2)
    assert lake.loads() == 3


def test_an_empty_partition_of_a_later_extract_is_newer_where_there_is_no_table(lake):
    for hour in (1, 3):
        replace(lake.warehouse(), lake.target, FIRST, [], typed=False, snapshot_at=at(hour))
    with pytest.raises(Superseded):
        replace(lake.warehouse(), lake.target, FIRST, OLD, snapshot_at=at(2))
    assert (lake.content(), lake.loads()) == ({}, 1)


def test_a_table_that_somebody_made_anew_is_filled_anew(lake):
    replace(lake.warehouse(), lake.target, FIRST, OLD)
    lake.catalog.drop_table("predictions.Order")
    replace(lake.warehouse(), lake.target, SECOND, OLD)
    assert replace(lake.warehouse(), lake.target, FIRST, OLD).changed is True
    assert lake.content() == {FIRST: OLD, SECOND: OLD}
    assert lake.warehouse().in_force(lake.target, SECOND).rows == len(OLD)


def test_an_empty_first_load_sees_a_table_that_is_made_meanwhile(lake):
    full = meanwhile("swap", lambda: replace(lake.warehouse(), lake.target, FIRST, OLD))
    replace(lake.warehouse(full), lake.target, FIRST, [], typed=False)
    assert lake.content() == {}
    assert lake.warehouse().in_force(lake.target, FIRST).rows == 0


FIELDS = (
    NestedField(1, "group", "date", required=True),
    NestedField(2, "apple_id", "long", required=True),
    NestedField(3, "score", "double", required=True),
)


def test_a_table_that_is_partitioned_otherwise_is_refused(lake):
    lake.catalog.create_table("predictions.Order", Schema(*FIELDS), partition_spec=PartitionSpec())
    with pytest.raises(TargetMismatch, match="is not partitioned by group alone"):
        replace(lake.warehouse(), lake.target, FIRST, OLD)


def test_a_file_with_other_days_is_refused(lake):
    table = lake.catalog.create_table("predictions.Order", Schema(*FIELDS))
    rows = [{"group": day, "apple_id": 1, "score": 0.5} for day in (FIRST, SECOND)]
    table.append(pa.Table.from_pylist(rows, schema=table.schema().as_arrow()))
    with table.update_spec() as spec:
        spec.add_identity("group")
    with pytest.raises(TargetMismatch, match="keeps 2013-06-01 in a file with other days"):
        replace(lake.warehouse(), lake.target, FIRST, OLD)
    assert set(lake.content()) == {FIRST, SECOND}


def test_columns_are_held_to_those_declared_and_added_where_they_may_be(lake):
    replace(lake.warehouse(), lake.target, FIRST, OLD)
    more = (*NUMBERS, StagedColumn(name="sort", type="text", nullable=True))
    rows = [(1, 0.5, "red")]
    with pytest.raises(TargetMismatch, match="sort is missing; target.add_columns"):
        replace(lake.warehouse(), lake.target, FIRST, rows, columns=more)
    adding = lake.target.model_copy(update={"add_columns": True})
    replace(lake.warehouse(), adding, FIRST, rows, columns=more)
    assert lake.content() == {FIRST: rows}
    other = (NUMBERS[0], StagedColumn(name="score", type="bigint"))
    with pytest.raises(TargetMismatch, match="score is double precision, but declared bigint"):
        replace(lake.warehouse(), lake.target, FIRST, [(1, 2)], columns=other)


def test_another_number_of_rows_than_was_proven_changes_nothing(lake):
    replace(lake.warehouse(), lake.target, FIRST, OLD, digest="a")
    with pytest.raises(OutputError, match=r"would hold 3 \+ 2 rows, and 6 were proven"):
        replace(
            *(lake.warehouse(), lake.target, FIRST, ADDED),
            digest="b",
            adds_to="a",
            kept=4,
        )
    assert (lake.content(), lake.loads()) == ({FIRST: OLD}, 1)


def test_a_namespace_that_is_missing_is_named(lake):
    elsewhere = lake.target.model_copy(update={"table": "mart.apples"})
    with pytest.raises(TargetRefused, match="The catalog has no namespace mart"):
        replace(lake.warehouse(), elsewhere, FIRST, OLD)


def test_files_that_cannot_be_written_are_cured_by_waiting(database, sagemaker_local_server):
    lake = IcebergS3Lab(database, sagemaker_local_server)
    try:
        replace(lake.warehouse(), lake.target, FIRST, OLD)
        location = {"s3.endpoint": "http://127.0.0.1:9", "s3.connect-timeout": "0.2"}
        lake.catalog.properties.update(location)
        with pytest.raises(Unreachable, match="S3 gives no answer about predictions.Order"):
            replace(lake.warehouse(), lake.target, FIRST, NEW)
        assert lake.content() == {FIRST: OLD}
    finally:
        lake.close()


def test_two_targets_of_a_namespace_share_a_ledger_and_nothing_else(lake):
    other = lake.target.model_copy(update={"table": "predictions.pears"})
    replace(lake.warehouse(), lake.target, FIRST, OLD, quarantined=(BAD,))
    replace(lake.warehouse(), other, FIRST, NEW, digest="pears")
    assert lake.loads() == 2
    assert lake.warehouse().in_force(lake.target, FIRST).rows == len(OLD)
    assert lake.warehouse().in_force(other, FIRST).digest == "pears"
    assert len(lake.quarantined(FIRST)) == 1


def test_a_property_holds_one_entry_however_many_loads_there_were(lake):
    for digest in ("one", "two", "three"):
        replace(lake.warehouse(), lake.target, FIRST, OLD, digest=digest)
    (name,) = [name for name in lake.table().properties if name.startswith("batch-transform")]
    assert name == PROPERTY
    assert lake.table().properties[name].count('"digest"') == 1
    assert lake.loads() == 3


def test_held_rows_that_are_looked_at_change_nothing(lake, tmp_path):
    load = a_load(lake.target, FIRST, OLD)
    with stage_of(load, OLD) as staged:
        assert lake.warehouse().held(load, staged.folder) is None
        lake.warehouse().replace(load, staged)
        before = lake.table().metadata_location
        assert lake.warehouse().held(load, staged.folder).paths
    assert lake.table().metadata_location == before
    with suppress(Superseded):
        add(lake, "nothing")
    assert lake.table().metadata_location == before
