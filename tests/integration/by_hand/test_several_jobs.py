"""A partition that is scored by several jobs, each of some slices: from a shell, task by task."""

import psycopg
import pytest
import yaml

from batch_transform.scoring.errors import OutputError
from tests.integration.by_hand.conftest import COMMON, DAY, QUERY, write

JOBS = 2
PLUMS = 24
BAD = (8, 6)  # of the first job, which has the ids that are 0 and 1 modulo 4, and of the second
SETTINGS = {
    **COMMON,
    "source": {"conn_id": "warehouse", "sql": "features.sql"},
    "extract": {"slices": 4},
    "model": {"name": "apples"},
    "transform": {"instance_type": "ml.m5.large", "strategy": "MultiRecord", "jobs": JOBS},
    "target": {
        "conn_id": "warehouse",
        "table": "predictions.plums",
        "partition_column": "picked_on",
    },
}


class Plums:
    """The pipeline, its table, and its jobs."""

    def __init__(self, world, database):
        self.world, self.database = world, database
        write(world.root, "plums", SETTINGS, QUERY.replace("pears", "plums"))
        self.sql("CREATE SCHEMA source", "CREATE SCHEMA predictions")
        self.sql("CREATE TABLE source.plums (id int, weight float8, picked_on date)")
        self.sql(
            f"INSERT INTO source.plums SELECT n, n, '{DAY}' FROM generate_series(1, {PLUMS}) AS n"
        )

    def sql(self, *statements):
        with psycopg.connect(self.database) as connection:
            for statement in statements:
                cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def set(self, section, **changes):
        file = self.world.root / "plums" / "pipeline.yaml"
        settings = yaml.safe_load(file.read_text())
        settings.setdefault(section, {}).update(changes)
        file.write_text(yaml.safe_dump(settings))

    def run(self, **asked):
        return self.world.walk("plums", **asked).go()

    @property
    def rows(self):
        return [row for (row,) in self.sql("SELECT id FROM predictions.plums ORDER BY 1")]

    @property
    def jobs(self):
        found = self.world.aws.client("sagemaker").list_transform_jobs(
            NameContains="plums", MaxResults=100
        )
        return {each["TransformJobName"] for each in found["TransformJobSummaries"]}


@pytest.fixture
def plums(world, database):
    return Plums(world, database)


def names(left):
    return [job and job["job_name"] for job in left["transform"]]


def test_each_job_is_paid_attached_to_and_recovered_alone_and_all_are_one_partition(plums):
    plums.sql(f"UPDATE source.plums SET weight = -1 WHERE id IN {BAD}")
    before = plums.jobs
    with pytest.raises(OutputError, match="2 of 24 records have no fit prediction, and limits"):
        plums.run()
    assert plums.sql("SELECT to_regclass('predictions.plums')") == [(None,)], "nothing is loaded"
    paid = plums.jobs - before
    assert len(paid) > JOBS, "each job found its bad record, within the partition's limit"

    plums.set("limits", bad_records=2)
    left = plums.run()
    assert plums.jobs - before == paid, "paid twice"
    assert [job["how"] for job in left["transform"]] == ["reused"] * JOBS
    assert len(set(names(left))) == JOBS
    again = [recovered["jobs"] for recovered in left["recover"]]
    assert paid == {*names(left), *again[0], *again[1]}
    assert [recovered["quarantined"] for recovered in left["recover"]] == [1, 1]
    assert plums.rows == [n for n in range(1, PLUMS + 1) if n not in BAD]
    (counted,) = plums.sql(
        "SELECT transform_jobs, source_rows, quarantined, rows"
        " FROM predictions.batch_transform_ledger"
    )
    assert counted == (len(paid), PLUMS, 2, PLUMS - 2)

    plums.sql(f"INSERT INTO source.plums VALUES (100, 1, '{DAY}')")
    more = plums.run()
    assert [job["how"] for job in more["transform"]] == ["started", "reused"]
    assert more["recover"][1] | {"coverage": ""} == left["recover"][1] | {"coverage": ""}
    assert plums.rows[-1] == 100


def test_a_job_without_records_is_none(plums):
    plums.sql("DELETE FROM source.plums WHERE id % 4 > 1")
    left = plums.run()
    assert [bool(name) for name in names(left)] == [True, False]
    assert plums.rows == [n for n in range(1, PLUMS + 1) if n % 4 <= 1]
