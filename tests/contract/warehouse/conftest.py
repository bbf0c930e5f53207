"""The warehouses that the suite holds to the protocol, and readers of each."""

import json
from collections import defaultdict
from contextlib import suppress
from datetime import date

import psycopg
import pyarrow as pa
import pytest
from pyarrow import parquet
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.expressions import EqualTo
from snowflake.connector.errors import ProgrammingError
from sqlalchemy import URL

from batch_transform.scoring.aws.data_api import DataApi
from batch_transform.scoring.aws.objects import S3Objects
from batch_transform.scoring.errors import ObjectMissing
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.pipeline import RedshiftPlace, SnowflakePlace, Target
from batch_transform.scoring.records.quarantine import from_json_lines
from batch_transform.scoring.snowflake.snowflake_session import Session
from batch_transform.scoring.testing import InMemoryObjects
from batch_transform.scoring.warehouse.files import FilesWarehouse
from batch_transform.scoring.warehouse.iceberg.iceberg_warehouse import IcebergWarehouse
from batch_transform.scoring.warehouse.iceberg.patience import Patience
from batch_transform.scoring.warehouse.postgres import PostgresWarehouse
from batch_transform.scoring.warehouse.redshift_warehouse import RedshiftWarehouse
from batch_transform.scoring.warehouse.snowflake_warehouse import SnowflakeStage, SnowflakeWarehouse
from batch_transform.scoring.warehouse.stage import Stage
from tests.snowflake import Snowflake

BUCKET = "warehouse-bucket"
REDSHIFT = RedshiftPlace(workgroup="analytics", database="dev")
COPY = {
    "copy",
    "copy, after a block",
    "count_partition",
    "delete_quarantine",
    "write_quarantine",
    "write_entry",
    "commit",
}
POSTGRES_STEPS = {
    "rows": {"delete_partition", *COPY},
    "upsert": {"create_stage", "delete_gone", "update_changed", "insert_new", *COPY},
    "partitions": {"drop_part", "create_part", "attach_part", "rename_part", *COPY},
}


class PostgresLab:
    """A table of Postgres; ``swap`` as in the target."""

    stride = 1  # of every how many of all orders of loads one is tried
    apart = frozenset({"write_entry"})  # steps up to which loads of other partitions do not wait

    def __init__(self, database, swap):
        self.target = Target(
            conn_id="warehouse", table="predictions.Order", partition_column="group", swap=swap
        )
        self.steps = POSTGRES_STEPS[swap]
        self._database = database
        self._opened = []
        self._reader = self.connect(autocommit=True)
        self._reader.execute("CREATE SCHEMA predictions")
        self._reader.execute("SET lock_timeout = '100ms'")

    def connect(self, **settings):
        self._opened.append(psycopg.connect(self._database, **settings))
        return self._opened[-1]

    def warehouse(self, step=None):
        return PostgresWarehouse(self.connect(), step)

    def content(self):
        """Every row by partition, as a reader of its own sees it now; None where it has to wait."""
        try:
            return self._read()
        except psycopg.errors.LockNotAvailable:
            return None

    def _read(self):
        if not self._reader.execute("""SELECT to_regclass('predictions."Order"')""").fetchone()[0]:
            return {}
        found = defaultdict(list)
        for day, *row in self._reader.execute('SELECT * FROM predictions."Order" ORDER BY 2'):
            found[day].append(tuple(row))
        return dict(found)

    def loads(self):
        query = "SELECT count(*) FROM predictions.batch_transform_ledger"
        return self._reader.execute(query).fetchone()[0]

    def clear(self):
        """Begin anew."""
        with self.connect(autocommit=True) as connection:
            connection.execute("DROP SCHEMA predictions CASCADE; CREATE SCHEMA predictions")

    def quarantined(self, partition):
        """The ids in quarantine, why, and by which run."""
        query = """
            SELECT id, reason, attempt FROM predictions.batch_transform_quarantine
            WHERE partition = %s ORDER BY shard, line
        """
        return self._reader.execute(query, [partition]).fetchall()

    def alter(self, partition):
        """Change a value by hand."""
        query = 'UPDATE predictions."Order" SET score = 9 WHERE "group" = %s'
        with self.connect(autocommit=True) as connection:
            connection.execute(query, [partition])

    def end_processes(self):
        """End all loads as the end of their processes would."""
        for connection in self._opened[1:]:
            connection.close()

    def close(self):
        for connection in self._opened:
            connection.close()


class FilesLab:
    """Parquet files in an object store, read from what the pointers list."""

    stride = 1
    apart = frozenset({"pointer"})
    steps = frozenset({"file", "quarantine", "entry", "pointer"})

    def __init__(self, objects):
        self.target = Target(
            conn_id="lake", table="s3://bucket/lake/apples", partition_column="group"
        )
        self.objects = objects

    def warehouse(self, step=None):
        return FilesWarehouse(self.objects, step)

    def content(self):
        found = {}
        prefix = S3Uri.parse(self.target.table) / "current"
        for pointer in self.objects.keys(prefix):
            label = pointer.key.split("/group=")[1].removesuffix("/symlink.txt")
            rows = sorted(
                row
                for uri in self.objects.get(pointer).decode().splitlines()
                for row in self._read(S3Uri.parse(uri))
            )
            if rows:
                found[date.fromisoformat(label)] = rows
        return found

    def _read(self, uri):
        rows = parquet.read_table(pa.BufferReader(self.objects.get(uri))).to_pylist()
        return [tuple(row.values()) for row in rows]

    def loads(self):
        prefix = S3Uri.parse(self.target.table) / "data"
        return sum(uri.key.endswith("/entry.json") for uri in self.objects.keys(prefix))

    def clear(self):
        self.objects.content.clear()

    def quarantined(self, partition):
        pointer = S3Uri.parse(self.target.table) / "current" / f"group={partition}" / "symlink.txt"
        folder = S3Uri.parse(self.objects.get(pointer).decode().splitlines()[0].rpartition("/")[0])
        run = json.loads(self.objects.get(folder / "entry.json"))["run_id"]
        try:
            body = self.objects.get(folder / "quarantine.jsonl")
        except ObjectMissing:
            return []
        return [(list(each.id), each.reason, run) for each in from_json_lines(body)]

    def alter(self, partition):
        pointer = S3Uri.parse(self.target.table) / "current" / f"group={partition}" / "symlink.txt"
        uri = S3Uri.parse(self.objects.get(pointer).decode().splitlines()[0])
        body = pa.BufferOutputStream()
        parquet.write_table(pa.table({"apple_id": [1], "score": [9.0]}), body)
        self.objects.put(uri, body.getvalue().to_pybytes())

    def end_processes(self):
        pass

    def close(self):
        pass


class RedshiftLab(PostgresLab):
    """A table of Redshift: the stand-in copies what lies in its own S3 into PostgreSQL."""

    stride = 5  # the first and the last of six: each load is a dozen calls

    def __init__(self, database, server):
        super().__init__(database, "rows")
        self.target = self.target.model_copy(update={"redshift": REDSHIFT})
        self.steps = {"files", "write_entry", "wait"}
        self.server = server
        self.client, self._s3 = server.client("redshift-data"), server.client("s3")
        self._s3.create_bucket(Bucket=BUCKET)
        server.control("PUT", "redshift", {"dsn": database})

    def warehouse(self, step=None):
        api = DataApi(self.client, REDSHIFT.parameters)
        stage = Stage(objects=S3Objects(self._s3), prefix=S3Uri(BUCKET, "runs/attempt/rows"))
        return RedshiftWarehouse(api, REDSHIFT.iam_role, stage, step=step)

    def quarantined(self, partition):
        rows = super().quarantined(partition)
        return [(json.loads(identity), reason, attempt) for identity, reason, attempt in rows]

    def close(self):
        self.server.control("PUT", "redshift", {"dsn": ""})
        super().close()
        for entry in self._s3.list_objects_v2(Bucket=BUCKET).get("Contents", ()):
            self._s3.delete_object(Bucket=BUCKET, Key=entry["Key"])
        self._s3.delete_bucket(Bucket=BUCKET)


class IcebergLab:
    """A table of a catalog in PostgreSQL, its files on this machine's disk."""

    stride = 5
    steps = frozenset({"files", "swap", "ledger"})
    apart = frozenset({"swap"})

    def __init__(self, database, warehouse, **storage):
        self.target = Target(
            conn_id="lake",
            table="predictions.Order",
            partition_column="group",
            iceberg={"catalog": "sql", "warehouse": "s3://lake/tables"},
        )
        dsn = psycopg.conninfo.conninfo_to_dict(database)
        uri = URL.create("postgresql+psycopg", query=dsn).render_as_string(hide_password=False)
        self._settings = {"uri": uri, "warehouse": warehouse, **storage}
        self._opened = []
        self.catalog, self._reader = self.connect(), self.connect()
        self.catalog.create_namespace("predictions")

    def connect(self):
        self._opened.append(SqlCatalog("lake", **self._settings))
        return self._opened[-1]

    def warehouse(self, step=None, patience=None):
        short = Patience(tries=100, pause=0.02, longest=0.1)
        return IcebergWarehouse(self.catalog, patience or short, step)

    def table(self, name="Order"):
        return self._reader.load_table(f"predictions.{name}")

    def content(self):
        try:
            rows = self.table().scan().to_arrow().to_pylist()
        except NoSuchTableError:
            return {}
        found = defaultdict(list)
        for row in rows:
            day, *values = row.values()
            found[day].append(tuple(values))
        return {day: sorted(values) for day, values in found.items()}

    def loads(self):
        return self.table("batch_transform_ledger").scan().count()

    def clear(self):
        for name in ("Order", "batch_transform_ledger", "batch_transform_quarantine"):
            with suppress(NoSuchTableError):
                self.catalog.drop_table(f"predictions.{name}")

    def quarantined(self, partition):
        try:
            table = self.table("batch_transform_quarantine")
        except NoSuchTableError:
            return []
        rows = table.scan(EqualTo("partition", partition.isoformat())).to_arrow().to_pylist()
        ordered = sorted(rows, key=lambda row: (row["shard"], row["line"]))
        return [(json.loads(row["id"]), row["reason"], row["attempt"]) for row in ordered]

    def alter(self, partition):
        table, day = self.table(), EqualTo("group", partition.isoformat())
        rows = table.scan(day).to_arrow().to_pylist()
        altered = [{**row, "score": 9.0} for row in rows]
        table.overwrite(pa.Table.from_pylist(altered, schema=table.schema().as_arrow()), day)

    def end_processes(self):
        pass

    def close(self):
        for catalog in self._opened:
            catalog.close()


class IcebergS3Lab(IcebergLab):
    """The same, with its files in the stand-in for S3: of these, each load is forty calls."""

    def __init__(self, database, server):
        self._s3 = server.client("s3")
        self._s3.create_bucket(Bucket=BUCKET)
        storage = {
            "s3.endpoint": server.endpoint_url,
            "s3.region": "us-east-1",
            "s3.access-key-id": "test",
            "s3.secret-access-key": "test",
        }
        super().__init__(database, f"s3://{BUCKET}/lake", **storage)

    def close(self):
        super().close()
        for entry in self._s3.list_objects_v2(Bucket=BUCKET).get("Contents", ()):
            self._s3.delete_object(Bucket=BUCKET, Key=entry["Key"])
        self._s3.delete_bucket(Bucket=BUCKET)


class SnowflakeLab:
    """A table of Snowflake: the stand-in copies what lies in S3 into fakesnow."""

    stride = 5  # the first and the last of six: each load is two dozen calls
    apart = frozenset({"copy_files"})  # what takes long; then DELETE locks the table
    steps = frozenset(
        {
            *("files", "create_stage", "copy_files", "begin", "take_turn", "delete_partition"),
            *("insert_rows", "delete_quarantine", "insert_quarantine", "write_entry", "commit"),
        }
    )

    def __init__(self, snowflake, objects):
        self.target = Target(
            conn_id="snowflake",
            table="predictions.Order",
            partition_column="group",
            snowflake=SnowflakePlace(stage="public.runs"),
        )
        self.snowflake, self._objects = snowflake, objects
        self._opened = []
        self._reader = self.snowflake.connect()
        self._ask(f"CREATE STAGE RUNS URL = 's3://{BUCKET}/runs/'")
        self._ask("CREATE SCHEMA PREDICTIONS")

    def _ask(self, statement):
        return self._reader.cursor().execute(statement).fetchall()

    def warehouse(self, step=None):
        self._opened.append(self.snowflake.connect())
        stage = Stage(objects=self._objects, prefix=S3Uri(BUCKET, "runs/attempt/rows"))
        place = SnowflakeStage(name=self.target.snowflake.stage, files=stage)
        session = Session(self._opened[-1])
        return SnowflakeWarehouse(session, place, self.snowflake.session, step)

    def content(self):
        try:
            rows = self._ask('SELECT * FROM PREDICTIONS."ORDER" ORDER BY 2')
        except ProgrammingError:  # there is none
            return {}
        found = defaultdict(list)
        for day, *row in rows:
            found[day].append(tuple(row))
        return dict(found)

    def loads(self):
        return self._ask("SELECT count(*) FROM PREDICTIONS.BATCH_TRANSFORM_LEDGER")[0][0]

    def clear(self):
        for table in ("ORDER", "BATCH_TRANSFORM_LEDGER", "BATCH_TRANSFORM_QUARANTINE"):
            self._ask(f'DROP TABLE IF EXISTS PREDICTIONS."{table}"')

    def quarantined(self, partition):
        rows = self._ask(
            "SELECT ID, REASON, ATTEMPT FROM PREDICTIONS.BATCH_TRANSFORM_QUARANTINE"
            f" WHERE \"PARTITION\" = '{partition}' ORDER BY SHARD, LINE"
        )
        return [(json.loads(identity), reason, attempt) for identity, reason, attempt in rows]

    def alter(self, partition):
        self._ask(f"""UPDATE PREDICTIONS."ORDER" SET SCORE = 9 WHERE "GROUP" = '{partition}'""")

    def end_processes(self):
        """Their sessions stay, and with them what is open: Snowflake does not see them end."""

    def close(self):
        for connection in [*self._opened, self._reader]:
            connection.close()


@pytest.fixture
def s3(sagemaker_local_server):
    """The bucket in which rows lie on their way."""
    client = sagemaker_local_server.client("s3")
    client.create_bucket(Bucket=BUCKET)
    yield client
    for entry in client.list_objects_v2(Bucket=BUCKET).get("Contents", ()):
        client.delete_object(Bucket=BUCKET, Key=entry["Key"])
    client.delete_bucket(Bucket=BUCKET)


@pytest.fixture(scope="module")
def snowflake(sagemaker_local_server):
    with Snowflake.serving(sagemaker_local_server.client("s3")) as snowflake:
        yield snowflake


@pytest.fixture
def snowflake_lab(snowflake, s3):
    snowflake.account.empty()
    lab = SnowflakeLab(snowflake, S3Objects(s3))
    yield lab
    lab.close()


IN_S3 = pytest.param("iceberg in S3", marks=pytest.mark.slow)
KINDS = ["rows", "partitions", "upsert", "files", "redshift", "snowflake", "iceberg", IN_S3]


@pytest.fixture(params=KINDS)
def lab(request, tmp_path):
    if request.param == "snowflake":
        yield request.getfixturevalue("snowflake_lab")
        return
    if request.param == "files":
        opened = FilesLab(InMemoryObjects())
    elif request.param == "iceberg":
        opened = IcebergLab(request.getfixturevalue("database"), f"file://{tmp_path}")
    elif request.param in {"redshift", "iceberg in S3"}:
        server = request.getfixturevalue("sagemaker_local_server")
        lab_of = RedshiftLab if request.param == "redshift" else IcebergS3Lab
        opened = lab_of(request.getfixturevalue("database"), server)
    else:
        opened = PostgresLab(request.getfixturevalue("database"), request.param)
    yield opened
    opened.close()
