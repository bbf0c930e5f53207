"""The same rows, wherever they come from: the same shards, byte for byte, and the same job name."""

from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import psycopg2
import pyarrow as pa
import pytest
from pyarrow import parquet
from pyiceberg.catalog.sql import SqlCatalog

from batch_transform.scoring.extract.extract import extract
from batch_transform.scoring.extract.join import join
from batch_transform.scoring.jobs.request import digest
from batch_transform.scoring.names import RunLayout, S3Uri, job_name
from batch_transform.scoring.sources.files.file_source import FileSource
from batch_transform.scoring.sources.postgres.copy_source import CopySource
from batch_transform.scoring.sources.unloaded.unloaded_source import UnloadedSource
from batch_transform.scoring.testing import InMemoryObjects
from tests.contract.engine.conftest import BUCKET, ROWS
from tests.unit.scoring.conftest import make_file_pipeline  # noqa: F401

QUERY = "SELECT * FROM apples WHERE :partition_start < :partition_end ORDER BY apple_id"
CUT = {"slices": 3}
SHARDS = {"max_bytes": 40, "min_count": 1}
REQUEST = {
    "TransformInput": {"ContentType": "text/csv"},
    "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 2},
}
MODEL = SimpleNamespace(identity={"Image": "trees:1"})


class Extracted:
    """Extracts each slice, joins them, and keeps bytes and job name."""

    def __init__(self, objects, partition):
        self._objects, self._partition = objects, partition

    def of(self, question, source_of):
        places = []
        for part in question.parts:
            where = RunLayout(attempt_root=S3Uri(BUCKET, f"slice-{part.number}"))
            extract(question.pipeline, self._partition, source_of(part), self._objects, where)
            places.append(str(where.index))
        joined = RunLayout(attempt_root=S3Uri(BUCKET, "joined"))
        index = join(question.pipeline, places, self._objects, joined)
        bodies = [self._objects.get(joined.input / shard.name) for shard in index.shards]
        made_of = digest(REQUEST, index, MODEL, ["ml.m5.large"])
        return bodies, job_name("apples", "2013-06-01", made_of)


def of_postgres(warehouse, ask, partition):
    question = ask(QUERY, extract=CUT, shards=SHARDS)
    with closing(psycopg2.connect(warehouse)) as connection:
        return Extracted(InMemoryObjects(), partition).of(
            question, lambda part: CopySource(connection, question.pipeline.query, part)
        )


@pytest.fixture(params=["memory", "redshift", "snowflake", "athena"])
def kind(request):
    return request.param


def test_what_an_engine_unloads(engine, objects, layout, ask, finish, partition, warehouse):
    question = ask(QUERY, extract=CUT, shards=SHARDS)
    unloaded = finish(engine, engine.begin(question, layout.unload, "apples"))
    objects.put(layout.unloaded, unloaded.to_json())
    came = Extracted(objects, partition).of(
        question, lambda part: UnloadedSource(objects, layout.unloaded, part)
    )
    assert came == of_postgres(warehouse, ask, partition)
    assert len(came[0]) > 1


NAMES = ["apple_id", "weight", "colour"]


def table_of(rows):
    return pa.table(dict(zip(NAMES, zip(*rows, strict=True), strict=True)))


def parquet_files(folder):
    path = folder / "rows.parquet"
    parquet.write_table(table_of(ROWS), path)
    return [path]


def iceberg_files(folder):
    """The data files of an Iceberg table to which rows were appended twice."""
    catalog = SqlCatalog("lake", uri=f"sqlite:///{folder}/catalog", warehouse=f"file://{folder}")
    catalog.create_namespace("source")
    table = catalog.create_table("source.apples", table_of(ROWS).schema)
    for some in (ROWS[2:], ROWS[:2]):
        table.append(table_of(some).cast(table.schema().as_arrow()))
    return [Path(each.file.file_path.removeprefix("file://")) for each in table.scan().plan_files()]


@pytest.mark.parametrize("files_of", [parquet_files, iceberg_files])
def test_files_of_parquet(
    warehouse,
    ask,
    partition,
    make_file_pipeline,  # noqa: F811
    tmp_path,
    files_of,
):
    objects = InMemoryObjects()
    for path in files_of(tmp_path):
        objects.put(S3Uri(BUCKET, f"lake/2013-06-01/{path.name}"), path.read_bytes())
    source = {
        "conn_id": "aws",
        "files": f"s3://{BUCKET}/lake/{{{{ partition }}}}/*.parquet",
        "format": "parquet",
    }
    pipeline = make_file_pipeline(source, extract=CUT, shards=SHARDS)
    question = SimpleNamespace(pipeline=pipeline, parts=ask(QUERY, extract=CUT).parts)
    came = Extracted(objects, partition).of(question, lambda part: FileSource(objects, part=part))
    assert came == of_postgres(warehouse, ask, partition)
