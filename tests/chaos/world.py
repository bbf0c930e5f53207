"""A deployment to break: pipelines of fruit, their rows and model, a local AWS and a PostgreSQL."""

import json
import os
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import psycopg
import yaml

from sagemaker_local.container import listening
from sagemaker_local.testing import REGION, running
from tests.chaos.aws_front import AwsFront
from tests.chaos.model import Model
from tests.chaos.postgres_front import PostgresFront
from tests.chaos.traps import Trap

FIRST = date(2013, 6, 1)
BAD_ID = 7
_ROWS = 12
_PROJECT = Path(__file__).parents[2]
_PLUGINS = Path(os.environ.get("CHAOS_PLUGINS", _PROJECT / "plugins"))  # a broken copy, perhaps
_COMMON = {
    "description": "Scores fruit",
    "owner": "orchard",
    "schedule": {"at": "02:00", "timezone": "UTC"},
    "start_date": FIRST,
    "record": {"format": "csv", "id": ["id"], "features": ["weight"], "compression": "gzip"},
    "shards": {"min_count": 2},
    "model": {"name": "fruit"},
    "transform": {
        "instance_type": "ml.m5.large",
        "strategy": "MultiRecord",
        "overrides": {"ModelClientConfig": {"InvocationsTimeoutInSeconds": 2}},
    },
    "predictions": {"sweetness": {"at": -1, "type": "double"}},
    "source": {"conn_id": "warehouse", "sql": "features.sql"},
    "limits": {"bad_records": 0},
}
_LAKE = {"conn_id": "lake", "files": "s3://lake/plums/{{ partition }}/*.csv", "format": "csv"}
# What differs between them: how rows come, how they go, and whether the model refuses one.
PIPELINES = {
    "apples": {},
    "pears": {"limits": {"bad_records": 2}, "target": {"swap": "upsert"}},
    "plums": {"source": _LAKE, "target": {"swap": "partitions"}},
}
_QUERY = "SELECT id, weight FROM source.{} WHERE picked_on = :partition"


@dataclass(frozen=True)
class Day:
    """A partition of a pipeline, in one of the versions of its source's rows."""

    pipeline: str
    number: int
    version: int

    @property
    def label(self):
        """The partition."""
        return (FIRST + timedelta(days=self.number)).isoformat()

    @property
    def rows(self):
        """The source's rows, by id.

        A new version changes most of them, adds one and leaves one out. All have one length, so
        that shards are cut alike.
        """
        is_odd = self.version % 2
        ids = [*range(1 + is_odd, _ROWS + 1), *([_ROWS + 1] if is_odd else [])]
        if self.pipeline == "pears":  # whose bad record stays where it is
            ids = [*range(1, _ROWS), _ROWS + is_odd]
        weights = {each: self._weight(each) for each in ids}
        return {**weights, BAD_ID: -1.5} if self.pipeline == "pears" else weights

    def _weight(self, each):
        changes = 7 * self.version if each % 3 else 0
        return 1000.5 + (13 * each + changes) % 9000

    @property
    def predictions(self):
        """What the target is to hold at the end."""
        return [[each, weight / 4] for each, weight in sorted(self.rows.items()) if weight >= 0]

    @property
    def quarantined(self):
        """Ids of the records that the model refuses."""
        return sorted(each for each, weight in self.rows.items() if weight < 0)


class World:
    """Everything around the attempts.

    Attributes:
        aws: the local AWS itself.
        postgres: the server of the warehouse itself.
        dsn: of its database.
        image: of the model's container.
        folder: of what attempts leave on the disk.
        scratch: where attempts have their temporary files.
        created: names of the transform jobs that were created, in order: what is paid for.
    """

    def __init__(self, aws, postgres, dsn, folder, image):
        self.aws, self.postgres, self.dsn, self.folder = aws, postgres, dsn, folder
        self.image = image
        self.scratch = folder / "tmp"
        self.scratch.mkdir()
        self.created = []
        self._alive = {}
        self._lock = threading.Lock()
        self.know("", {})

    @property
    def states(self):
        """File of what Airflow knows: the tasks of each run that goes on."""
        return self.folder / "states.json"

    def know(self, run_id, tasks):
        """Let Airflow know the tasks of a run; none where it is over."""
        with self._lock:
            self._alive = {**self._alive, run_id: tasks}
            alive = {run: states for run, states in self._alive.items() if states}
            written = self.states.with_suffix(".new")
            written.write_text(json.dumps(alive))
            written.replace(self.states)

    def fill(self, day):
        """Let the source have the rows of a day."""
        if day.pipeline == "plums":
            lines = "".join(f"{each},{weight!r}\n" for each, weight in day.rows.items())
            body = f"id,weight\n{lines}".encode()
            key = f"plums/{day.label}/part.csv"
            self.aws.client("s3").put_object(Bucket="lake", Key=key, Body=body)
            return
        with psycopg.connect(self.dsn) as connection, connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM source.{day.pipeline} WHERE picked_on = %s", (day.label,))
            rows = [(each, weight, day.label) for each, weight in day.rows.items()]
            cursor.executemany(f"INSERT INTO source.{day.pipeline} VALUES (%s, %s, %s)", rows)


class Lane:
    """One way through which attempts reach the world, one attempt at a time.

    Attributes:
        world: where it leads.
        trap: lets calls of attempts go wrong.
    """

    def __init__(self, world, number):
        self.world, self.trap = world, Trap()
        self._socket = world.folder / f"socket-{number}"
        self._socket.mkdir()
        self._aws = AwsFront(world.aws.endpoint_url, self.trap, world.created)
        self._warehouse = PostgresFront(world.postgres, self._socket, self.trap)

    @contextmanager
    def open(self):
        """Serve meanwhile."""
        with self._aws.listening(), self._warehouse.listening():
            yield self

    @property
    def environ(self):
        """What attempts find the world by."""
        extra = {"endpoint_url": self._aws.url, "region_name": REGION}
        aws = {"conn_type": "aws", "login": "test", "password": "test", "extra": extra}
        parts = psycopg.conninfo.conninfo_to_dict(self.world.dsn)
        warehouse = {"conn_type": "postgres", "host": str(self._socket), "login": parts["user"]}
        return {
            "AIRFLOW_CONN_AWS_DEFAULT": json.dumps(aws),
            "AIRFLOW_CONN_LAKE": json.dumps(aws),
            "AIRFLOW_CONN_WAREHOUSE": json.dumps({**warehouse, "schema": parts["dbname"]}),
            "TMPDIR": str(self.world.scratch),
        }

    def start_nursery(self):
        """Start a process that makes attempts."""
        folder = self.world.folder
        with (folder / "nursery.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "tests.chaos.nursery", str(folder / "pipelines")],
                env={**os.environ, **self.environ, **_deployment(folder)},
                cwd=_PROJECT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )


def _deployment(folder):
    return {
        "AIRFLOW_HOME": str(folder / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder / "airflow"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(_PLUGINS),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{folder}/airflow.db",
        "BATCH_TRANSFORM_S3_URI": "s3://runs/nightly",
        "BATCH_TRANSFORM_POLL_SECONDS": "1",
        "OMP_WAIT_POLICY": "PASSIVE",
        "PYTHONPATH": f"{_PROJECT}:{_PLUGINS}",
    }


@contextmanager
def a_world(postgres, database):
    """Make a world in a database of a running PostgreSQL."""
    with (
        tempfile.TemporaryDirectory(prefix="chaos-") as folder,
        listening(Model) as image,
        running(switches={"stop_grace_seconds": 0.2}) as aws,
    ):
        for bucket in ("runs", "lake"):
            aws.client("s3").create_bucket(Bucket=bucket)
        make_model(aws, image)
        dsn = postgres.dsn(database)
        with psycopg.connect(dsn) as connection:
            # What is committed outlives a crash of the server, as it does in production.
            connection.execute(f"ALTER DATABASE {database} SET synchronous_commit = on")
            connection.execute("CREATE SCHEMA source; CREATE SCHEMA predictions")
            for name in PIPELINES:
                connection.execute(
                    f"CREATE TABLE source.{name} (id int, weight float8, picked_on date)"
                )
        _write_pipelines(Path(folder) / "pipelines")
        yield World(aws, postgres, dsn, Path(folder), image)


def make_model(aws, image):
    """Make the model of all pipelines."""
    aws.client("sagemaker").create_model(
        ModelName="fruit",
        ExecutionRoleArn="arn:aws:iam::123456789012:role/scoring",
        PrimaryContainer={"Image": image},
    )


def _write_pipelines(root):
    for name, changes in PIPELINES.items():
        target = {
            "conn_id": "warehouse",
            "table": f"predictions.{name}",
            "partition_column": "picked_on",
        }
        settings = {**_COMMON, **changes, "target": {**target, **changes.get("target", {})}}
        folder = root / name
        folder.mkdir(parents=True)
        (folder / "pipeline.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
        if "sql" in settings["source"]:
            (folder / "features.sql").write_text(_QUERY.format(name))
