"""One load as a process of its own: `python -m tests.bench.load_program WAY FORMAT ENDPOINT DSN`.

Prints seconds and the peak of resident memory in MB. WAY is `ours`, `operator`: the provider's
`S3ToSqlOperator` with a parser that reads whole columns, or `copy`: bare COPY FROM STDIN of text
made beforehand. Each puts all outputs below s3://bench/<FORMAT> into an empty table with a key.
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


def ours(form, endpoint, dsn, context):
    import boto3
    import duckdb  # noqa: F401  # which the stage would import, as it would what follows
    import numpy  # noqa: F401
    import pyarrow.parquet  # noqa: F401

    from batch_transform.scoring.aws.objects import S3Objects
    from batch_transform.scoring.extract.index import ExtractIndex
    from batch_transform.scoring.names import S3Uri
    from batch_transform.scoring.outputs.sent import covered
    from batch_transform.scoring.pipeline import Pipeline, PipelineFile
    from batch_transform.scoring.publish.load import LoadRun, load
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

    start = time.perf_counter()
    load(run, objects, opened)
    return time.perf_counter() - start


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

    start = time.perf_counter()
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
    return time.perf_counter() - start


def copy(form, endpoint, dsn, context):
    lines = Path(context["text"]).read_bytes()
    start = time.perf_counter()
    with psycopg.connect(dsn) as connection, connection.cursor() as cursor:
        with cursor.copy(f"COPY {TABLE} (day, record_id, score) FROM STDIN") as stream:
            for at in range(0, len(lines), 1 << 18):
                stream.write(lines[at : at + (1 << 18)])
        connection.commit()
    return time.perf_counter() - start


def main(way, form, endpoint, dsn):
    context = json.loads(os.environ["LOAD_BENCH"])
    seconds = {"ours": ours, "operator": operator, "copy": copy}[way](form, endpoint, dsn, context)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "megabytes": peak}))


if __name__ == "__main__":
    main(*sys.argv[1:])
