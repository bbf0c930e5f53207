"""A partition's shards and outputs, as an extract and a transform job would leave them."""

import gzip
import hashlib
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

import duckdb

from batch_transform.scoring.extract.index import ExtractIndex, Shard
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.outputs.fetch import Places, covered
from batch_transform.scoring.outputs.reconcile import columns_of, stage_outputs
from batch_transform.scoring.outputs.staged import staging

PLACES = Places(input=S3Uri("bucket", "run/input"), output=S3Uri("bucket", "run/output"))
DAY = date(2013, 6, 1)


@dataclass(frozen=True)
class Sent:
    """A shard: its name, its records, and the ids of the first and the last."""

    name: str
    body: bytes
    first: tuple
    last: tuple

    def entry(self):
        packed = self.body.startswith(b"\x1f\x8b")
        plain = gzip.decompress(self.body) if packed else self.body
        return Shard(
            name=self.name,
            records=plain.count(b"\n"),
            bytes=len(self.body),
            sha256=hashlib.sha256(self.body).hexdigest(),
            first_id=self.first,
            last_id=self.last,
        )


def put(objects, pipeline, sent, outputs, *, folder=""):
    """Store shards and outputs, and return the index."""
    for shard in sent:
        objects.put(PLACES.input / shard.name, shard.body)
    for name, body in outputs.items():
        objects.put(PLACES.output / f"{folder}{name}.out", body)
    return index_of(pipeline, [shard.entry() for shard in sent])


def index_of(pipeline, shards, *, partition=DAY):
    return ExtractIndex(
        pipeline=pipeline.name,
        partition=partition,
        columns=tuple(pipeline.settings.record.columns),
        records=sum(shard.records for shard in shards),
        shards=tuple(shards),
    )


@contextmanager
def staged_from(objects, pipeline, index):
    with staging(columns_of(pipeline.settings, index)) as staged:
        yield (
            staged,
            stage_outputs(pipeline, index, objects, covered(index, objects, PLACES), staged),
        )


def rows_of(staged):
    """Every staged row, as Python values."""
    path = staged.folder / "rows-of-a-test"
    staged.export_parquet(path, (0, staged.count()))
    with duckdb.connect() as connection:
        return connection.execute("SELECT * FROM read_parquet(?)", [str(path)]).fetchall()
