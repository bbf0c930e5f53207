"""Groups of shards, proven apart and published together, are what one task loads."""

from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batch_transform.scoring.errors import OutputError
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.outputs.coverage import Coverage
from batch_transform.scoring.outputs.sent import covered
from batch_transform.scoring.pipeline import Target
from batch_transform.scoring.publish.groups import Proven, in_group, prove_group, publish, together
from batch_transform.scoring.publish.load import load
from batch_transform.scoring.publish.load_run import LoadRun
from batch_transform.scoring.testing import InMemoryObjects
from batch_transform.scoring.warehouse.files import FilesWarehouse
from tests.factories import DAY, a_job
from tests.unit.scoring.outputs.partitions import OUTPUTS, Sent, put

TARGET = Target(conn_id="lake", table="s3://bucket/lake/apples", partition_column="day")
ROWS = S3Uri("bucket", "run/rows")


@pytest.fixture(scope="module")
def pipeline():
    from tests.unit.scoring.conftest import make_pipeline

    return make_pipeline.__wrapped__()(
        limits={"bad_records": "50%", "on_limit": "load_rest"},
        checks={"constant": {"rows": 2}},
        target={"conn_id": "lake", "table": TARGET.table, "partition_column": "day"},
    )


class World:
    """Objects, and a run that has scored some shards: a list of scores for each."""

    def __init__(self, pipeline, shards):
        self.objects = InMemoryObjects()
        self.lake = FilesWarehouse(InMemoryObjects())
        sent, outputs, number = [], {}, 0
        for place, scores in enumerate(shards):
            ids = range(number, number + len(scores))
            name, number = f"part-{place:05d}.csv", number + len(scores)
            body = "".join(f"{apple},0.5,red\n" for apple in ids).encode()
            sent.append(Sent(name, body, (ids[0],), (ids[-1],)))
            lines = [f"{a},0.5,red,{score}\n" for a, score in zip(ids, scores, strict=True)]
            outputs[name] = "".join(lines).encode()
        index = put(self.objects, pipeline, sent, outputs)
        self.run = LoadRun(
            pipeline=pipeline,
            index=index,
            coverage=covered(index, a_job(), self.objects) if sent else Coverage(parts=()),
            quarantine=S3Uri("bucket", "run/quarantine"),
            job=a_job() if sent else None,
            run_id="nightly",
            now=lambda: datetime(2013, 6, 2, tzinfo=UTC),
        )

    def prove(self, groups):
        proven = [
            prove_group(self.run, (number, groups), self.objects, ROWS / f"{number}")
            for number in range(groups)
        ]
        return [Proven.from_json(one.to_json()) for one in proven]

    def publish(self, proven):
        return publish(self.run, proven, self.objects, lambda: nullcontext(self.lake))

    def load(self):
        return load(self.run, self.objects, lambda: nullcontext(self.lake))

    def rows(self, folder):
        found = self.lake.held(_load_of(self), folder)
        import duckdb

        if found is None:
            return []
        with duckdb.connect() as connection:
            paths = [str(path) for path in found.paths]
            return connection.execute("SELECT * FROM read_parquet(?)", [paths]).fetchall()


def _load_of(world):
    from tests.contract.warehouse.loads import a_load

    return a_load(TARGET, DAY, [])


def facts(loaded):
    """What a load says of itself, figures that depend on the order of sums rounded."""
    profile = {
        name: {**each, "mean": each["mean"] and round(each["mean"], 9)}
        for name, each in loaded.entry.profile.items()
    }
    return replace(loaded.entry, profile=profile), loaded.quarantined, loaded.changed


SCORES = st.sampled_from(["0", "0.25", "0.5", "1", "1.5", "ERROR"])
SHARDS = st.lists(st.lists(SCORES, min_size=1, max_size=4), max_size=5)


@settings(max_examples=12, deadline=None)
@given(shards=SHARDS, groups=st.integers(1, 7))
def test_whatever_the_groups_the_partition_is_that_of_one_task(
    pipeline, tmp_path_factory, shards, groups
):
    whole, cut = World(pipeline, shards), World(pipeline, shards)
    loaded = whole.load()
    proven = cut.prove(groups)[::-1]
    published = cut.publish(proven)
    assert facts(published) == facts(loaded)
    folder = tmp_path_factory.mktemp("rows")
    assert sorted(cut.rows(folder)) == sorted(whole.rows(folder))
    assert cut.publish(proven).changed is False


def test_each_part_is_in_one_group_and_neighbours_stay_together(pipeline):
    world = World(pipeline, [["0.5"]] * 10)
    names = [
        [part.shard for part in in_group(world.run.index, world.run.coverage, group, 4).parts]
        for group in range(4)
    ]
    found = [name for each in names for name in each]
    assert found == [shard.name for shard in world.run.index.shards]
    assert [len(each) for each in names] == [3, 2, 3, 2]


def test_a_group_whose_outputs_are_not_whole_says_which(pipeline):
    world = World(pipeline, [["0.5"], ["0.5", "1"]])
    world.objects.put(OUTPUTS / "part-00001.csv.out", b"1,0.5,red,0.5\n")
    assert prove_group(world.run, (0, 2), world.objects, ROWS).rows == 1
    with pytest.raises(OutputError, match="1 of 1 shards do not match .*\n  shard part-00001.csv"):
        prove_group(world.run, (1, 2), world.objects, ROWS)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda proven: proven[:-1],
        lambda proven: [*proven, proven[0]],
        lambda proven: [],
        lambda proven: [proven[0], proven[0].model_copy(update={"group": 1})],
    ],
    ids=["one too few", "one twice", "none", "one in another's place"],
)
def test_groups_that_are_not_all_there_once_publish_nothing(pipeline, spoil):
    world = World(pipeline, [["0.5"], ["0.25", "1"], ["1"]])
    with pytest.raises(OutputError, match="not touched"):
        world.publish(spoil(world.prove(2)))
    assert world.lake.in_force(TARGET, DAY) is None


def test_groups_that_were_proven_for_other_outputs_publish_nothing(pipeline):
    world = World(pipeline, [["0.5"], ["0.25"]])
    proven = world.prove(2)
    world.run = replace(world.run, job=a_job("apples-job-g2"))
    with pytest.raises(OutputError, match="proven for other outputs or settings"):
        world.publish(proven)


def test_a_file_that_has_other_rows_than_were_proven_publishes_nothing(pipeline):
    world = World(pipeline, [["0.5"], ["0.25"]])
    proven = world.prove(2)
    one, other = (S3Uri.parse(each.files[0].uri) for each in proven)
    file = proven[0].files[0].model_copy(update={"rows": 2})
    second = proven[1].model_copy(update={"files": (), "rows": 0})
    first = proven[0].model_copy(update={"files": (file,), "rows": 2})
    with pytest.raises(OutputError, match=r"has 1 rows, and 2 were proven"):
        world.publish([first, second])
    assert one != other
    assert world.lake.in_force(TARGET, DAY) is None


def test_a_column_that_is_constant_in_each_group_is_not_in_all(pipeline):
    alike, differ = World(pipeline, [["0.5"], ["0.5"]]), World(pipeline, [["0.5"], ["0.25"]])
    assert together(alike.prove(2))["sweetness"].varies is False
    assert together(differ.prove(2))["sweetness"].varies is True
    (finding,) = alike.publish(alike.prove(2)).findings
    assert "answered all 2 records alike" in str(finding)
    assert differ.publish(differ.prove(2)).findings == ()
