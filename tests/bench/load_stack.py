"""The local S3 with shards and outputs, and a Postgres table that takes their predictions."""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path

import duckdb
import psycopg

from batch_transform.scoring.extract import manifest
from batch_transform.scoring.extract.index import ExtractIndex, Shard
from batch_transform.scoring.names import S3Uri
from local.postgres import start_postgres
from local.processes import Processes
from sagemaker_local.testing import running as running_aws
from tests.bench.load_program import DAY, TABLE

PROJECT = Path(__file__).parents[2]
ROWS = 1_000_000
ROWS_A_SHARD = 250_000
FIRST_ID = 9_007_199_254_740_993
FEATURES = ["month", "weekday", "departs", "arrives", "carrier", "origin", "dest", "distance"]
AWS = {
    "aws_access_key_id": "bench",
    "aws_secret_access_key": "bench",
    "region_name": "us-east-1",
}
CSV_RECORD = (
    f"{FIRST_ID} + n, n % 12 + 1, n % 7 + 1, n * 7 % 1440, n * 11 % 1440, "
    "['AA', 'UA', 'DL', 'B6'][n % 4 + 1], 'JFK', 'LAX', n % 2500"
)
JSON_RECORD = (
    f'\'"record_id":\' || ({FIRST_ID} + n) || \',"feature_A":"Late again \' || n % 977 || \'",'
    '"feature_B":"The bag of flight \' || n % 4999 || \' is \\"lost\\", they said"\''
)
SCORE = "(n * 7919 % 1000003) / 1000003.0::DOUBLE"
QUERIES = {
    ("csv", "input"): f"SELECT {CSV_RECORD} FROM {{rows}}",
    ("csv", "output"): f"SELECT {CSV_RECORD}, {SCORE} FROM {{rows}}",
    ("jsonl", "input"): f"SELECT '{{{{' || {JSON_RECORD} || '}}}}' FROM {{rows}}",
    ("jsonl", "output"): (
        f"SELECT '{{{{\"SageMakerOutput\":{{{{\"predictions\":[[' || {SCORE} || ']]}}}},' || "
        f"{JSON_RECORD} || '}}}}' FROM {{rows}}"
    ),
}
PLAIN = "QUOTE '', ESCAPE '', DELIMITER '\x01'"


def settings(form):
    """The pipeline's settings."""
    jsonl = form == "jsonl"
    return {
        "description": "Bench",
        "owner": "bench",
        "schedule": {"at": "02:00", "timezone": "UTC"},
        "start_date": DAY.isoformat(),
        "source": {"conn_id": "warehouse", "sql": "features.sql"},
        "record": {
            "format": form,
            "id": ["record_id"],
            "features": ["feature_A", "feature_B"] if jsonl else FEATURES,
        },
        "model": {"name": "bench"},
        "transform": {"instance_type": "ml.m5.large", "strategy": "MultiRecord"},
        "predictions": {"score": {"at": "predictions[0][0]" if jsonl else -1, "min": 0, "max": 1}},
        "target": {"conn_id": "warehouse", "table": TABLE, "partition_column": "day"},
    }


class Stack:
    """The local S3 with shards and outputs, and a database."""

    def __init__(self, folder, aws, postgres):
        self.folder, self._aws = folder, aws
        self._s3 = aws.client("s3")
        self._s3.create_bucket(Bucket="bench")
        postgres.create_database("bench")
        self._dsn = postgres.dsn("bench")
        self._environ = {
            **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            "PYTHONPATH": f"{PROJECT}{os.pathsep}{PROJECT / 'plugins'}",
            "AIRFLOW_HOME": str(folder / "airflow"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW_CONN_WAREHOUSE": json.dumps(postgres.airflow_connection("bench")),
            "AIRFLOW_CONN_AWS_DEFAULT": json.dumps(
                {"conn_type": "aws", "extra": {"endpoint_url": aws.endpoint_url}}
            ),
            "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "bench",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        self._outputs = {}
        self._text = str(folder / "copy.text")

    def fill(self, form, rows, rows_a_shard=ROWS_A_SHARD):
        """Put shards, index and outputs into S3, and the text for bare COPY on the disk."""
        starts = range(0, rows, rows_a_shard)
        shards = [
            self._shard(form, number, (start, start + rows_a_shard))
            for number, start in enumerate(starts)
        ]
        index = ExtractIndex(
            pipeline="bench",
            partition=DAY,
            columns=("record_id",),
            records=rows,
            shards=tuple(shards),
        )
        self._s3.put_object(Bucket="bench", Key=f"{form}/input/index.json", Body=index.to_json())
        sent = manifest.build(S3Uri("bench", f"{form}/input"), [shard.name for shard in shards])
        self._s3.put_object(Bucket="bench", Key=f"{form}/manifest.json", Body=sent)
        self._outputs[form] = [f"{form}/output/{shard.name}.out" for shard in shards]
        text = f"SELECT DATE '{DAY}', {FIRST_ID} + n, {SCORE} FROM range({rows}) AS t (n)"
        _write(text, Path(self._text), "DELIMITER '\t'")

    def _shard(self, form, number, span):
        name = f"part-{number:05d}.{form}"
        for kind, key in (("output", f"{name}.out"), ("input", name)):
            path = self.folder / "object"
            rows = f"range({span[0]}, {span[1]}) AS t (n)"
            options = "" if form == "csv" else PLAIN
            _write(QUERIES[form, kind].format(rows=rows), path, options)
            body = path.read_bytes()
            self._s3.put_object(Bucket="bench", Key=f"{form}/{kind}/{key}", Body=body)
        return Shard(
            name=name,
            records=span[1] - span[0],
            bytes=len(body),
            sha256=hashlib.sha256(body).hexdigest(),
            records_sha256=hashlib.sha256(body).hexdigest(),
            first_id=(FIRST_ID + span[0],),
            last_id=(FIRST_ID + span[1] - 1,),
        )

    def measure(self, way, form, rows=ROWS):
        """Run one way into an empty table, check what it holds, and return what it measured."""
        self.empty_table()
        measured = self.run(way, form)
        self.check(rows)
        return measured

    def run(self, *way):
        """Run one way, and return what it measured."""
        context = {
            "aws": AWS,
            "settings": {form: settings(form) for form in self._outputs},
            "outputs": self._outputs,
            "text": self._text,
        }
        found = subprocess.run(
            [
                *(sys.executable, "-W", "ignore", "-m", "tests.bench.load_program"),
                *(self._aws.endpoint_url, self._dsn, *way),
            ],
            env={**self._environ, "LOAD_BENCH": json.dumps(context)},
            cwd=PROJECT,
            capture_output=True,
            text=True,
        )
        if found.returncode:
            raise RuntimeError(f"{way} failed:\n{found.stderr[-4000:]}")
        return json.loads(found.stdout.splitlines()[-1])

    def check(self, rows):
        """Check that the table holds so many rows, the first and the last among them."""
        with psycopg.connect(self._dsn) as connection:
            query = f"SELECT count(*), min(record_id), max(record_id) FROM {TABLE}"
            held = connection.execute(query).fetchone()
        assert held == (rows, FIRST_ID, FIRST_ID + rows - 1), held

    def empty_table(self):
        with psycopg.connect(self._dsn, autocommit=True) as connection:
            connection.execute("DROP SCHEMA IF EXISTS predictions CASCADE")
            connection.execute("CREATE SCHEMA predictions")
            connection.execute(
                f"CREATE TABLE {TABLE} (day date NOT NULL, record_id bigint NOT NULL,"
                " score double precision NOT NULL, PRIMARY KEY (day, record_id))"
            )
            connection.execute("CHECKPOINT")


def _write(query, path, options):
    with duckdb.connect() as connection:
        options = f"HEADER false, {options}".rstrip(", ")
        connection.execute(f"COPY ({query}) TO '{path}' (FORMAT csv, {options})")


@contextmanager
def running():
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        folder.chmod(0o755)
        processes = Processes(folder)
        stack.callback(processes.stop)
        postgres = start_postgres(processes)
        yield Stack(folder, stack.enter_context(running_aws()), postgres)
