"""A target in S3 as Glue has it: partitions that are made once, and pointers that are replaced."""

import pytest

from batch_transform.scoring.aws.objects import S3Objects
from batch_transform.scoring.errors import TargetMismatch, TargetRefused
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.outputs.staged import StagedColumn
from batch_transform.scoring.pipeline import GluePlace, Target
from batch_transform.scoring.warehouse.files import FilesWarehouse
from batch_transform.scoring.warehouse.glue_table import GlueTable
from tests.contract.warehouse.conftest import FilesLab
from tests.contract.warehouse.loads import FIRST, NUMBERS, SECOND, replace
from tests.contract.warehouse.test_warehouse import NEW, OLD, Crash

PLACE = GluePlace(database="predictions", table="apples")


class GlueLab(FilesLab):
    """The same files, read by what Glue says of them."""

    def __init__(self, server):
        s3, self.glue = server.client("s3"), server.client("glue")
        s3.create_bucket(Bucket="bucket")
        self.glue.create_database(DatabaseInput={"Name": PLACE.database})
        super().__init__(S3Objects(s3))

    def warehouse(self, step=None):
        return FilesWarehouse(self.objects, step, GlueTable(self.glue, PLACE))

    def partitions(self):
        named = {"DatabaseName": PLACE.database, "TableName": PLACE.table}
        return self.glue.get_partitions(**named)["Partitions"]

    def seen(self):
        """The rows of each partition, as a reader of symlinks finds them."""
        found = {}
        for partition in self.partitions():
            place = S3Uri.parse(partition["StorageDescriptor"]["Location"].rstrip("/"))
            found[partition["Values"][0]] = sorted(
                row
                for pointer in self.objects.keys(place)
                for uri in self.objects.get(pointer).decode().splitlines()
                for row in self._read(S3Uri.parse(uri))
            )
        return found


@pytest.fixture
def lake(sagemaker_local):
    return GlueLab(sagemaker_local)


def test_a_table_is_made_and_a_partition_once(lake):
    replace(lake.warehouse(), lake.target, FIRST, OLD)
    table = lake.glue.get_table(DatabaseName="predictions", Name="apples")["Table"]
    assert table["PartitionKeys"] == [{"Name": "group", "Type": "date"}]
    assert table["StorageDescriptor"]["Location"] == "s3://bucket/lake/apples/current/"
    columns = {each["Name"]: each["Type"] for each in table["StorageDescriptor"]["Columns"]}
    assert columns == {"apple_id": "bigint", "score": "double"}
    made = lake.partitions()
    assert lake.seen() == {"2013-06-01": OLD}
    replace(lake.warehouse(), lake.target, FIRST, NEW)
    replace(lake.warehouse(), lake.target, SECOND, OLD)
    assert lake.seen() == {"2013-06-01": NEW, "2013-06-02": OLD}
    assert lake.partitions()[0] == made[0], "what changes is the pointer"


def test_a_reader_sees_a_partition_whole_before_each_step_and_after_a_crash_there(lake):
    replace(lake.warehouse(), lake.target, FIRST, OLD)
    for day, rows, before in ((FIRST, NEW, OLD), (SECOND, NEW, None)):
        name = day.isoformat()
        for crash_at in ("file", "entry", "pointer", "partition"):

            def step(name_of_step, crash_at=crash_at, day=name, before=before, rows=rows):
                assert lake.seen().get(day) in (before, rows)
                if name_of_step == crash_at:
                    raise Crash

            with pytest.raises(Crash):
                replace(lake.warehouse(step), lake.target, day, rows)
            assert lake.seen().get(name) in (before, rows)
        replace(lake.warehouse(), lake.target, day, rows)
        assert lake.seen()[name] == rows


def test_an_empty_day_before_all_others_needs_no_table(lake):
    replace(lake.warehouse(), lake.target, FIRST, [], typed=False)
    assert lake.glue.get_tables(DatabaseName="predictions")["TableList"] == []
    replace(lake.warehouse(), lake.target, SECOND, OLD)
    replace(lake.warehouse(), lake.target, FIRST, [], typed=False)
    assert lake.seen() == {"2013-06-01": [], "2013-06-02": OLD}


def test_a_table_of_another_place_or_format_or_columns_is_refused_and_nothing_is_changed(lake):
    replace(lake.warehouse(), lake.target, FIRST, OLD)
    elsewhere = lake.target.model_copy(update={"table": "s3://bucket/lake/pears"})
    with pytest.raises(TargetMismatch, match="pointers are below s3://bucket/lake/pears/current"):
        replace(lake.warehouse(), elsewhere, FIRST, OLD)
    more = (*NUMBERS, StagedColumn(name="sort", type="text", nullable=True))
    with pytest.raises(TargetMismatch, match="sort is missing, but declared string"):
        replace(lake.warehouse(), lake.target, FIRST, [(1, 0.5, "red")], columns=more)
    table = lake.glue.get_table(DatabaseName="predictions", Name="apples")["Table"]
    storage = {**table["StorageDescriptor"], "InputFormat": "org.apache.hadoop.Parquet"}
    plain = {"Name": "apples", "StorageDescriptor": storage}
    lake.glue.update_table(DatabaseName="predictions", TableInput=plain)
    with pytest.raises(TargetMismatch, match="reads org.apache.hadoop.Parquet, and pointers are"):
        replace(lake.warehouse(), lake.target, FIRST, NEW)
    assert lake.content() == {FIRST: OLD}


def test_a_database_that_is_missing_is_named_and_nothing_is_published(lake):
    lake.glue.delete_database(Name="predictions")
    with pytest.raises(TargetRefused, match="Glue has no database predictions"):
        replace(lake.warehouse(), lake.target, FIRST, OLD)
    assert lake.content() == {}


def test_a_table_of_glue_is_for_files():
    place = {"conn_id": "aws", "partition_column": "day", "glue": PLACE}
    assert Target(table="s3://bucket/apples", **place).glue == PLACE
    with pytest.raises(ValueError, match="leads to files; drop it from a target that is a table"):
        Target(table="apples", **place)
