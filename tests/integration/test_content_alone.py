"""Shards of the shipped pipelines' own rows: their records depend on content alone.

The names of transform jobs come from these digests, so a change of one is a change of every name,
and of what is paid again: ``tests/golden/shipped.json`` changes on purpose or not at all.
"""

import gzip
import json
from contextlib import closing
from datetime import UTC, date, datetime

import psycopg
import psycopg2
import pytest
import yaml
from sqlalchemy import create_engine

from batch_transform.scoring.extract import write
from batch_transform.scoring.extract.extract import extract
from batch_transform.scoring.extract.join import join
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
    """The shipped pipeline, cut into more shards."""

    def make(compression="none", **changes):
        shipped = read_pipeline(PIPELINES / request.param)
        settings = yaml.safe_load((shipped.folder / FILE_NAME).read_text())
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
