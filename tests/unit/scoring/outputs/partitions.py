"""A partition's shards and outputs, as an extract and a transform job would leave them."""

import functools
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb

from batch_transform.scoring.extract import manifest
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.outputs.reconcile import columns_of, stage_outputs
from batch_transform.scoring.outputs.sent import covered
from batch_transform.scoring.outputs.staged import staging
from tests.factories import DAY, a_job, a_shard, an_index

INPUTS, OUTPUTS = S3Uri("bucket", "run/input"), S3Uri("bucket", "run/output")
MANIFEST = S3Uri("bucket", "run/manifest.json")


@dataclass(frozen=True)
class Sent:
    """A shard: its name, its records, and the ids of the first and the last."""

    name: str
    body: bytes
    first: tuple
    last: tuple

    def entry(self):
        return a_shard(self.name, self.body, first_id=self.first, last_id=self.last)


def put(objects, pipeline, sent, outputs, *, folder=""):
    """Store shards and outputs, and return the index."""
    for shard in sent:
        objects.put(INPUTS / shard.name, shard.body)
    objects.put(MANIFEST, manifest.build(INPUTS, [shard.name for shard in sent]))
    for name, body in outputs.items():
        objects.put(OUTPUTS / f"{folder}{name}.out", body)
    return index_of(pipeline, [shard.entry() for shard in sent])


def index_of(pipeline, shards, *, partition=DAY):
    columns = tuple(pipeline.settings.record.columns)
    return an_index(shards, pipeline=pipeline.name, partition=partition, columns=columns)


@contextmanager
def staged_from(objects, pipeline, index):
    with staging(columns_of(pipeline.settings, index)) as staged:
        coverage = covered(index, a_job(), objects)
        yield staged, stage_outputs(pipeline, index, objects, coverage, staged)


def rows_of(staged):
    """Every staged row, as Python values."""
    path = staged.folder / "rows-of-a-test"
    staged.export_parquet(path, (0, staged.count()))
    with _duckdb().cursor() as connection:
        return connection.execute("SELECT * FROM read_parquet(?)", [str(path)]).fetchall()


@functools.cache
def _duckdb():
    """Connect once: registering DuckDB's functions takes longer than reading a file."""
    return duckdb.connect()
