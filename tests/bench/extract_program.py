"""One measured extract in a process of its own: `… PROGRAM FORMAT COMPRESSION ROWS`.

Prints JSON: seconds and CPU seconds from the first word to the database to the last byte stored,
when all is imported, and the process's peak memory in MB. Reads BENCH_DSN, BENCH_S3 and two Airflow
connections.
"""

import json
import os
import resource
import sys
import time
from datetime import date
from pathlib import Path

COLUMNS = [
    *("flight_id", "month", "day", "sched_dep_time", "sched_arr_time", "dep_delay"),
    *("arr_delay", "carrier", "tailnum", "origin", "dest", "distance"),
]
BUCKET = "bench-bucket"
QUERY = f"SELECT {', '.join(COLUMNS)} FROM bench_flights WHERE flight_id <= {{}} ORDER BY flight_id"


def ours(record_format, compression, rows):
    """The extract task's own work, with its connections."""
    import isal.isal_zlib  # noqa: F401  # the work imports it late

    from batch_transform.connections import Aws
    from batch_transform.open_source import open_source
    from batch_transform.scoring.extract.extract import extract
    from batch_transform.scoring.names import RunLayout, S3Uri
    from batch_transform.scoring.partition import Partition

    pipeline = bench_pipeline(record_format, compression, rows)
    partition = Partition(day=date(2013, 6, 1), timezone="UTC")
    layout = RunLayout.of(S3Uri(BUCKET, "ours"), "bench", partition.label, "attempt")

    def run():
        with open_source(pipeline) as source:
            index = extract(pipeline, partition, source, Aws("aws_default").objects, layout)
        assert index.records == rows

    return run


def bench_pipeline(record_format, compression, rows):
    from batch_transform.scoring.pipeline import Pipeline, PipelineFile

    settings = {
        "description": "Benchmark",
        "owner": "bench",
        "schedule": {"at": "02:00", "timezone": "UTC"},
        "start_date": date(2013, 6, 1),
        "source": {"conn_id": "warehouse", "sql": "features.sql"},
        "record": {
            "format": record_format,
            "id": COLUMNS[:1],
            "features": COLUMNS[1:],
            "compression": compression,
        },
        "shards": {"min_count": 2},
        "model": {"name": "bench"},
        "transform": {"instance_type": "ml.m5.large", "strategy": "MultiRecord"},
        "predictions": {"late": {"at": -1 if record_format == "csv" else "predictions[0]"}},
        "target": {"conn_id": "warehouse", "table": "late", "partition_column": "day_of"},
    }
    return Pipeline(
        name="bench",
        folder=Path("bench"),
        settings=PipelineFile.model_validate(settings),
        query=QUERY.format(rows),
    )


def operator(record_format, compression, rows):
    """SqlToS3Operator, told to write neither a header nor an index."""
    from airflow.providers.amazon.aws.transfers.sql_to_s3 import SqlToS3Operator

    if record_format == "csv":
        bare = {"index": False, "header": False}
    else:
        bare = {"orient": "records", "lines": True}
    task = SqlToS3Operator(
        task_id="bench",
        query=QUERY.format(rows),
        s3_bucket=BUCKET,
        s3_key=f"operator.{record_format}",
        sql_conn_id="warehouse",
        replace=True,
        file_format="csv" if record_format == "csv" else "json",
        df_kwargs=bare,
    )
    return lambda: task.execute({})


def floor(record_format, compression, rows):
    """A bare COPY as CSV whose bytes are uploaded as they come, unchecked."""
    import boto3
    import psycopg2

    client = boto3.client("s3")
    copy = f"COPY ({QUERY.format(rows)}) TO STDOUT (FORMAT csv)"

    def run():
        connection = psycopg2.connect(os.environ["BENCH_DSN"])
        reading, writing = os.pipe()
        import threading

        def read():
            with open(writing, "wb", buffering=1 << 20) as pipe, connection.cursor() as cursor:
                cursor.copy_expert(copy, pipe)

        thread = threading.Thread(target=read)
        thread.start()
        with open(reading, "rb", buffering=0) as pipe:
            client.upload_fileobj(pipe, BUCKET, "floor.csv")
        thread.join()
        connection.close()

    return run


def import_hooks():
    """Import what all but the floor import only when they run."""
    import psycopg2  # noqa: F401
    from airflow.providers.amazon.aws.hooks.s3 import S3Hook  # noqa: F401
    from airflow.providers.postgres.hooks.postgres import PostgresHook  # noqa: F401


def main(program, record_format, compression, rows):
    import_hooks()
    run = {"ours": ours, "operator": operator, "floor": floor}[program](
        record_format, compression, int(rows)
    )
    start, cpu = time.perf_counter(), time.process_time()
    run()
    measured = {
        "seconds": time.perf_counter() - start,
        "cpu": time.process_time() - cpu,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps(measured))


if __name__ == "__main__":
    main(*sys.argv[1:])
