"""Shards of the shipped pipelines' own rows, and the names of their transform jobs.

Both depend on content alone. A change of a digest is a change of every name, and of what is paid
again: ``tests/golden/shipped.json`` changes on purpose or not at all.
"""

import gzip
import json
import zlib
from contextlib import closing
from datetime import UTC, date, datetime, timedelta

import psycopg
import psycopg2
import pytest
import yaml
from airflow.sdk.exceptions import AirflowRescheduleException
from airflow.sdk.execution_time import task_runner
from sqlalchemy import create_engine

import batch_transform
from batch_transform.operators.transform import TransformOperator
from batch_transform.scoring.extract import write
from batch_transform.scoring.extract.extract import extract
from batch_transform.scoring.extract.join import join
from batch_transform.scoring.jobs import request
from batch_transform.scoring.names import RunLayout, S3Uri
from batch_transform.scoring.partition import Partition
from batch_transform.scoring.pipeline import PipelineFile
from batch_transform.scoring.pipelines import FILE_NAME, read_pipeline
from batch_transform.scoring.records import encoder
from batch_transform.scoring.sources.postgres import stream
from batch_transform.scoring.sources.postgres.copy_source import CopySource
from batch_transform.scoring.sources.slices import slices
from batch_transform.scoring.sources.sql import SqlSource
from batch_transform.scoring.testing import InMemoryObjects
from local.data.load import load
from tests.integration.hostile import GOLDEN
from tests.project import PIPELINES
from tests.unit.airflow.conftest import World

SHIPPED = ["flight_delay", "support_sentiment"]
EXPECTED = json.loads((GOLDEN / "shipped.json").read_text())
LIMITS = {"max_bytes": 200_000, "min_count": 2}


class Month(Partition):
    """More rows than one block has."""

    @property
    def start(self):
        return datetime(2013, 6, 1, tzinfo=UTC)

    @property
    def end(self):
        return datetime(2013, 7, 1, tzinfo=UTC)


MONTH = Month(day=date(2013, 6, 1), timezone="America/New_York")


@pytest.fixture(scope="module")
def warehouse(postgres):
    """A database with the demo's data."""
    postgres.create_database("shipped")
    with psycopg.connect(postgres.dsn("shipped"), autocommit=True) as connection:
        load(connection)
    yield postgres.dsn("shipped")
    with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as connection:
        connection.execute("DROP DATABASE shipped WITH (FORCE)")


@pytest.fixture(params=SHIPPED)
def make(request):
    """The shipped pipeline, cut into more shards; without a compression it has its own."""

    def make(compression="none", **changes):
        shipped = read_pipeline(PIPELINES / request.param)
        settings = yaml.safe_load((shipped.folder / FILE_NAME).read_text())
        if compression:
            settings["record"]["compression"] = compression
        changed = PipelineFile.model_validate({**settings, "shards": LIMITS, **changes})
        return shipped.model_copy(update={"settings": changed})

    return make


@pytest.fixture
def copied(warehouse):
    """The shards of an extract by COPY, and their bytes before compression."""

    def copied(pipeline, reshape=None, part=None, objects=None, attempt="whole"):
        more = {"reshape": reshape} if reshape else {}
        with closing(psycopg2.connect(warehouse)) as connection:
            source = CopySource(connection, pipeline.query, part, **more)
            return extracted(pipeline, source, objects or InMemoryObjects(), attempt)

    return copied


def extracted(pipeline, source, objects, attempt="whole"):
    layout = RunLayout(attempt_root=S3Uri("bucket", attempt))
    index = extract(pipeline, MONTH, source, objects, layout)
    bodies = [objects.get(layout.input / shard.name) for shard in index.shards]
    plain = [gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body for body in bodies]
    return [shard.records_sha256 for shard in index.shards], plain


def test_records_are_those_of_the_golden_file(make, copied):
    digests, bodies = copied(make())
    assert digests == EXPECTED[make().name]["digests"]
    assert len(digests) >= 2
    lines = b"".join(bodies).decode().splitlines()
    assert [lines[0], lines[-1]] == EXPECTED[make().name]["first_and_last"]


@pytest.mark.parametrize("block_bytes", [1 << 16, 1 << 18, 1 << 20])
def test_digests_do_not_depend_on_the_size_of_blocks(make, copied, monkeypatch, block_bytes):
    monkeypatch.setattr(stream, "_BLOCK_BYTES", block_bytes)
    assert copied(make())[0] == EXPECTED[make().name]["digests"]


@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_digests_do_not_depend_on_the_compressor(make, copied, monkeypatch, level):
    monkeypatch.setattr(write, "_GZIP_LEVEL", level)
    digests, bodies = copied(make("gzip"))
    assert digests == EXPECTED[make().name]["digests"]
    assert bodies == copied(make())[1]


@pytest.mark.parametrize("rows", [7, 1_000, 10_000])
def test_digests_do_not_depend_on_the_driver_or_its_chunks(
    make, copied, warehouse, monkeypatch, rows
):
    monkeypatch.setattr(encoder, "CHUNK_ROWS", rows)
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(warehouse))
    pipeline = make()
    by_sqlalchemy = extracted(pipeline, SqlSource(engine, pipeline.query), InMemoryObjects())
    engine.dispose()
    assert by_sqlalchemy[0] == EXPECTED[pipeline.name]["digests"]
    assert copied(pipeline, lambda table: table)[0] == EXPECTED[pipeline.name]["digests"]


def test_digests_do_not_depend_on_which_slice_was_done_first(make, copied):
    pipeline = make(extract={"slices": 3})
    parts = slices(pipeline.settings.extract)
    joined = []
    for order in (parts, parts[::-1]):
        objects, attempts = InMemoryObjects(), [f"slice-{part.number}" for part in order]
        for part, attempt in zip(order, attempts, strict=True):
            copied(pipeline, part=part, objects=objects, attempt=attempt)
        indexes = [f"s3://bucket/{attempt}/input/index.json" for attempt in attempts]
        layout = RunLayout(attempt_root=S3Uri("bucket", "joined"))
        joined.append(join(pipeline, indexes, objects, layout))
    assert joined[0] == joined[1]
    assert [shard.records_sha256 for shard in joined[0].shards] == (
        EXPECTED[pipeline.name]["sliced"]
    )


MADE = datetime(2013, 5, 1, tzinfo=UTC)


@pytest.fixture
def name_of(copied, monkeypatch):
    """The name of the job that the transform task starts for an extract of a pipeline."""

    def name_of(pipeline, attempt="first", model_made=MADE, **deployment):
        world = World()
        monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", world.supervisor, raising=False)
        monkeypatch.setattr("batch_transform.following.job_task._AT_FIRST_SECONDS", 0)
        world.models.described[pipeline.settings.model.name] = {
            "PrimaryContainer": {"Image": "trees:1", "ModelDataUrl": "s3://models/trees.tar.gz"},
            "CreationTime": model_made,
        }
        copied(pipeline, objects=world.objects, attempt=attempt)
        task = TransformOperator(
            task_id="transform",
            index=f"s3://bucket/{attempt}/input/index.json",
            pipeline=pipeline,
            deployment=world.deployment(deferrable=False, **deployment),
            connect=world.connect,
        )
        with pytest.raises(AirflowRescheduleException):
            task.execute(world.context(attempt))
        (name,) = world.jobs.created
        return name

    return name_of


def golden_name(pipeline):
    return EXPECTED[pipeline.name]["job_name"]


def test_the_job_is_named_as_in_the_golden_file(make, name_of):
    pipeline = make(None)
    assert name_of(pipeline) == golden_name(pipeline)


@pytest.mark.parametrize(
    ("module", "constant", "value"),
    [
        (write, "_GZIP_LEVEL", 0),
        (write, "_compressor", lambda _: zlib.compressobj(9, wbits=31)),
        (stream, "_BLOCK_BYTES", 1 << 16),
        (batch_transform, "__version__", "0.99.1"),
    ],
    ids=["level", "compressor", "blocks", "minor version"],
)
def test_the_name_does_not_depend_on_how_the_package_works(
    make, name_of, monkeypatch, module, constant, value
):
    monkeypatch.setattr(module, constant, value)
    pipeline = make(None)
    assert name_of(pipeline) == golden_name(pipeline)


def test_the_name_does_not_depend_on_attempt_worker_or_log(make, name_of, monkeypatch):
    monkeypatch.setenv("HOSTNAME", "another-worker")
    monkeypatch.setenv("AIRFLOW__LOGGING__LOGGING_LEVEL", "DEBUG")
    pipeline = make(None, description="Says something else", owner="somebody else")
    name = name_of(pipeline, attempt="second", follow_logs=True)
    assert name == golden_name(pipeline)


def test_a_record_a_setting_a_model_made_anew_and_a_major_version_change_the_name(
    make, name_of, monkeypatch
):
    pipeline = make(None)
    query = f"SELECT * FROM ({pipeline.query}\n) AS rows OFFSET 1"
    transform = {**pipeline.settings.transform.model_dump(exclude_defaults=True)}
    names = [
        golden_name(pipeline),
        name_of(pipeline.model_copy(update={"query": query})),
        name_of(make(None, transform={**transform, "max_payload_mb": 5})),
        name_of(pipeline, model_made=MADE + timedelta(seconds=1)),
    ]
    monkeypatch.setattr(request, "PACKAGE_MAJOR_VERSION", request.PACKAGE_MAJOR_VERSION + 1)
    names.append(name_of(pipeline))
    assert len(set(names)) == 5
