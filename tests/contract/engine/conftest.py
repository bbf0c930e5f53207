"""The engines that the suite runs on: the fake, and stand-ins of Redshift, Snowflake, Athena."""

import time
from datetime import date

import psycopg
import pyarrow as pa
import pytest

from batch_transform.scoring.aws.athena_api import AthenaApi, AthenaSettings
from batch_transform.scoring.aws.data_api import DataApi
from batch_transform.scoring.aws.objects import S3Objects
from batch_transform.scoring.names import RunLayout, S3Uri
from batch_transform.scoring.partition import Partition
from batch_transform.scoring.pipeline import RedshiftPlace
from batch_transform.scoring.sources.slices import slices
from batch_transform.scoring.sources.unloaded.athena import AthenaEngine
from batch_transform.scoring.sources.unloaded.engine import Question
from batch_transform.scoring.sources.unloaded.redshift import RedshiftEngine
from batch_transform.scoring.sources.unloaded.snowflake import SnowflakeEngine
from batch_transform.scoring.testing import InMemoryEngine, InMemoryObjects
from tests.snowflake import Snowflake
from tests.unit.scoring.conftest import make_pipeline  # noqa: F401

BUCKET = "unload-bucket"
ROWS = [(4, 0.5, "red"), (-3, None, "green, é"), (2**53 + 1, 1e-7, ""), (0, 1e15, None)]
QUERY = "SELECT * FROM apples WHERE :partition_start < :partition_end ORDER BY weight;"
ATHENA = AthenaSettings(workgroup="analytics", catalog="AwsDataCatalog", database="dev")
SETTINGS = RedshiftPlace(workgroup="analytics", database="dev", iam_role="default")


@pytest.fixture(params=["memory", "redshift", "snowflake", "athena"])
def kind(request):
    return request.param


@pytest.fixture
def s3(sagemaker_local_server, kind):
    client = sagemaker_local_server.client("s3")
    client.create_bucket(Bucket=BUCKET)
    yield client
    for entry in client.list_objects_v2(Bucket=BUCKET).get("Contents", ()):
        client.delete_object(Bucket=BUCKET, Key=entry["Key"])
    client.delete_bucket(Bucket=BUCKET)


@pytest.fixture
def warehouse(database, sagemaker_local_server):
    """The database that stands for Redshift's and Athena's, with a table of apples."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE apples (apple_id bigint, weight double precision, colour varchar)"
        )
        for row in ROWS:
            connection.execute("INSERT INTO apples VALUES (%s, %s, %s)", row)
    for service in ("redshift", "athena"):
        sagemaker_local_server.control("PUT", service, {"dsn": database})
    yield database
    sagemaker_local_server.control("PUT", "athena", {"dsn": ""})


@pytest.fixture
def objects(request, kind):
    return InMemoryObjects() if kind == "memory" else S3Objects(request.getfixturevalue("s3"))


@pytest.fixture
def engine(request, kind, objects):
    if kind == "memory":
        values = dict(zip(["apple_id", "weight", "colour"], zip(*ROWS, strict=True), strict=True))
        return InMemoryEngine(objects, pa.table(values), looks=1)
    if kind == "snowflake":
        snowflake = request.getfixturevalue("snowflake")
        snowflake.run(f"CREATE STAGE RUNS URL = 's3://{BUCKET}/'")
        snowflake.run("CREATE TABLE apples (apple_id NUMBER(38, 0), weight FLOAT, colour VARCHAR)")
        for row in ROWS:
            snowflake.run("INSERT INTO apples VALUES (%s, %s, %s)", row)
        return SnowflakeEngine(snowflake.session, "RUNS")
    request.getfixturevalue("warehouse")
    server = request.getfixturevalue("sagemaker_local_server")
    if kind == "athena":
        return AthenaEngine(AthenaApi(server.client("athena"), ATHENA), objects)
    api = DataApi(server.client("redshift-data"), SETTINGS.parameters)
    return RedshiftEngine(api, objects, SETTINGS.iam_role)


@pytest.fixture
def snowflake(s3):
    with Snowflake.serving(s3) as snowflake:
        yield snowflake


@pytest.fixture
def slow(kind):
    """A query that takes a minute, unless it is stopped."""
    if kind == "snowflake":
        return (
            "SELECT * FROM apples"
            " WHERE SYSTEM$WAIT(60) IS NULL AND :partition_start < :partition_end"
        )
    return "SELECT apples.* FROM apples, pg_sleep(60) WHERE :partition_start < :partition_end"


@pytest.fixture
def partition():
    return Partition(day=date(2013, 6, 1), timezone="America/New_York")


@pytest.fixture
def layout():
    return RunLayout.of(S3Uri(BUCKET, "runs"), "apples", "2013-06-01", "attempt")


@pytest.fixture
def ask(make_pipeline, partition):  # noqa: F811
    def ask(query=QUERY, **changes):
        pipeline = make_pipeline(**changes).model_copy(update={"query": query})
        parts = slices(pipeline.settings.extract)
        return Question(pipeline=pipeline, partition=partition, parts=parts)

    return ask


@pytest.fixture
def finish():
    """Look until a statement is over."""

    def finish(engine, handle):
        until = time.monotonic() + 120
        while (unloaded := engine.look(handle)) is None:
            assert time.monotonic() < until
            time.sleep(0.05)
        return unloaded

    return finish
