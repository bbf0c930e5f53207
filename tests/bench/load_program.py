"""One load as a process of its own: `… ENDPOINT DSN WAY FORMAT [GROUP GROUPS]`.

Prints seconds, seconds of a core, and the peak of resident memory in MB. WAY is `ours`, `operator`:
the provider's `S3ToSqlOperator` with a parser that reads whole columns, or `copy`: bare COPY FROM
STDIN of text made beforehand. Each puts all outputs below s3://bench/<FORMAT> into an empty table
with a key.
`reconcile` proves one group of the shards, and `publish` puts what groups have proven there.
"""

import json
import os
import resource
import sys
import time
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import psycopg

TABLE = "predictions.scores"
DAY = date(2013, 6, 1)


@contextmanager
def timed():
    """Measure what is done meanwhile: seconds, and seconds of a core."""
    measured = {}
    start, cpu = time.perf_counter(), time.process_time()
    yield measured
    measured["seconds"] = time.perf_counter() - start
    measured["cpu"] = time.process_time() - cpu


def prepared(form, endpoint, dsn, context):
    """What a task that loads knows: the run, the store, and how it opens the warehouse."""
    import boto3
    import duckdb  # noqa: F401  # which the stage would import, as it would what follows
    import numpy  # noqa: F401
    import pyarrow.parquet  # noqa: F401

    from batch_transform.scoring.aws.objects import S3Objects
    from batch_transform.scoring.extract.index import ExtractIndex
    from batch_transform.scoring.names import S3Uri
    from batch_transform.scoring.outputs.sent import covered
    from batch_transform.scoring.pipeline import Pipeline, PipelineFile
    from batch_transform.scoring.publish.load_run import LoadRun
    from batch_transform.scoring.warehouse.postgres import PostgresWarehouse
    from tests.factories import a_job

    client = boto3.client("s3", endpoint_url=endpoint, **context["aws"])
    objects = S3Objects(client)
    root = S3Uri("bench", form)
    pipeline = Pipeline(
        name="bench",
        folder=Path("bench"),
        settings=PipelineFile.model_validate(context["settings"][form]),
        query="SELECT 1",
    )
    index = ExtractIndex.from_json(objects.get(root / "input" / "index.json"))
    job = a_job("bench", root)
    run = LoadRun(
        pipeline=pipeline,
        index=index,
        coverage=covered(index, job, objects),
        quarantine=root / "quarantine",
        job=job,
        run_id="bench",
    )

    @contextmanager
    def opened():
        with psycopg.connect(dsn) as connection:
            yield PostgresWarehouse(connection)

    return run, objects, opened


def ours(form, endpoint, dsn, context):
    from batch_transform.scoring.publish.load import load

    run, objects, opened = prepared(form, endpoint, dsn, context)
    with timed() as measured:
        load(run, objects, opened)
    return measured


def rows_of(form):
    """Where groups leave their rows and accounts."""
    from batch_transform.scoring.names import S3Uri

    return S3Uri("bench", form) / "rows"


def reconcile(form, endpoint, dsn, context, group="0", groups="1"):
    """One task that proves a group of shards, and leaves its rows and its account."""
    from batch_transform.scoring.publish.groups import prove_group

    run, objects, _ = prepared(form, endpoint, dsn, context)
    rows = rows_of(form)
    with timed() as measured:
        proven = prove_group(run, (int(group), int(groups)), objects, rows / f"group-{group}")
        objects.put(rows / f"group-{group}-of-{groups}.json", proven.to_json())
    return measured


def publish(form, endpoint, dsn, context, groups="1"):
    """The task that publishes what so many groups have proven."""
    from batch_transform.scoring.publish.groups import Proven
    from batch_transform.scoring.publish.groups import publish as published

    run, objects, opened = prepared(form, endpoint, dsn, context)
    with timed() as measured:
        proven = [
            Proven.from_json(objects.get(rows_of(form) / f"group-{group}-of-{groups}.json"))
            for group in range(int(groups))
        ]
        published(run, proven, objects, opened)
    return measured


def operator(form, endpoint, dsn, context):
    """The provider's operator on every output, one after another, as its documentation shows."""
    import pyarrow.csv as arrow_csv
    import pyarrow.json as arrow_json
    from airflow.providers.amazon.aws.transfers.s3_to_sql import S3ToSqlOperator

    def parse_csv(path):
        table = arrow_csv.read_csv(
            path, read_options=arrow_csv.ReadOptions(autogenerate_column_names=True)
        )
        columns = table.column_names
        return zip(
            [DAY] * table.num_rows,
            table[columns[0]].to_pylist(),
            table[columns[-1]].to_pylist(),
            strict=True,
        )

    def parse_jsonl(path):
        table = arrow_json.read_json(path)
        replies = table["SageMakerOutput"].to_pylist()
        scores = [reply["predictions"][0][0] for reply in replies]
        return zip([DAY] * table.num_rows, table["record_id"].to_pylist(), scores, strict=True)

    with timed() as measured:
        for key in context["outputs"][form]:
            S3ToSqlOperator(
                task_id="load",
                s3_bucket="bench",
                s3_key=key,
                table=TABLE,
                column_list=["day", "record_id", "score"],
                parser=parse_csv if form == "csv" else parse_jsonl,
                sql_conn_id="warehouse",
            ).execute({})
    return measured


def copy(form, endpoint, dsn, context):
    lines = Path(context["text"]).read_bytes()
    with timed() as measured, psycopg.connect(dsn) as connection, connection.cursor() as cursor:
        with cursor.copy(f"COPY {TABLE} (day, record_id, score) FROM STDIN") as stream:
            for at in range(0, len(lines), 1 << 18):
                stream.write(lines[at : at + (1 << 18)])
        connection.commit()
    return measured


WAYS = {each.__name__: each for each in (ours, reconcile, publish, operator, copy)}


def main(endpoint, dsn, way, form, *details):
    context = json.loads(os.environ["LOAD_BENCH"])
    measured = WAYS[way](form, endpoint, dsn, context, *details)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({**measured, "megabytes": peak}))


if __name__ == "__main__":
    main(*sys.argv[1:])
