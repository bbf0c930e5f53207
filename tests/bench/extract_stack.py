"""What the extract's benchmarks stand on: a table in embedded Postgres, and two kinds of S3."""

import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import boto3
import psycopg

from local.data.load import load
from local.postgres import start_postgres
from local.processes import Processes

PROJECT = Path(__file__).parents[2]
MOST_ROWS = 8_000_000
TABLE = """
CREATE TABLE bench_flights AS
SELECT (copy - 1) * 336776 + flight_id AS flight_id, month, day, sched_dep_time, sched_arr_time,
    dep_delay, arr_delay, carrier, tailnum, origin, dest, distance
FROM source.flights, generate_series(1, 24) AS copy
WHERE (copy - 1) * 336776 + flight_id <= %s
ORDER BY 1
"""


@dataclass(frozen=True, kw_only=True)
class Stack:
    """Where the programs read, and the endpoints to which they write."""

    environ: dict[str, str]
    sink: str
    store: str

    def measure(self, program, record_format, *, compression="none", rows=2_000_000, into="sink"):
        """Run a program in a process of its own and return what it measured."""
        endpoint = self.sink if into == "sink" else self.store
        connection = {"conn_type": "aws", "extra": {"endpoint_url": endpoint}}
        found = subprocess.run(
            [
                *(sys.executable, "-W", "ignore", "-m", "tests.bench.extract_program"),
                *(program, record_format, compression, str(rows)),
            ],
            env={
                **self.environ,
                "AWS_ENDPOINT_URL": endpoint,
                "AIRFLOW_CONN_AWS_DEFAULT": json.dumps(connection),
            },
            cwd=PROJECT,
            capture_output=True,
            text=True,
        )
        if found.returncode:
            raise RuntimeError(f"{program} {record_format} failed:\n{found.stderr[-4000:]}")
        return json.loads(found.stdout.splitlines()[-1])


@contextmanager
def running():
    """The stack, made once for all benchmarks of a run."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        folder.chmod(0o755)
        processes = Processes(folder)
        stack.callback(processes.stop)
        postgres = start_postgres(processes)
        postgres.create_database("bench")
        dsn = postgres.dsn("bench")
        _fill(dsn)
        environ = _environ(folder, postgres, dsn)
        sink = _serve(stack, folder, ["tests.bench.discarding_s3", str(folder / "sink")], "sink")
        store = _serve(
            stack,
            folder,
            ["sagemaker_local", "--port", "0", "--ready-file", str(folder / "store")],
            "store",
        )
        store = json.loads(store)["endpoint_url"]
        os.environ.update({name: environ[name] for name in environ if name.startswith("AWS_")})
        boto3.client("s3", endpoint_url=store).create_bucket(Bucket="bench-bucket")
        yield Stack(environ=environ, sink=sink, store=store)


def _fill(dsn):
    with psycopg.connect(dsn, autocommit=True) as connection:
        load(connection)
        connection.execute(TABLE % MOST_ROWS)
        connection.execute("ALTER TABLE bench_flights ADD PRIMARY KEY (flight_id)")
        connection.execute("VACUUM ANALYZE bench_flights")
        connection.execute("CHECKPOINT")


def _environ(folder, postgres, dsn):
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {
        **kept,
        "PYTHONPATH": f"{PROJECT}{os.pathsep}{PROJECT / 'plugins'}",
        "AIRFLOW_HOME": str(folder / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW_CONN_WAREHOUSE": json.dumps(postgres.airflow_connection("bench")),
        "BENCH_DSN": dsn,
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_DEFAULT_REGION": "us-east-1",
    }


def _serve(stack, folder, argv, ready):
    server = stack.enter_context(
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", *argv],
            cwd=PROJECT,
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
            stdout=subprocess.DEVNULL,
        )
    )
    stack.callback(server.terminate)
    deadline = time.monotonic() + 60
    while not (folder / ready).exists():
        if server.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{argv[0]} does not serve")
        time.sleep(0.1)
    return (folder / ready).read_text()
