"""The catalogs of Iceberg through Airflow connections: in PostgreSQL, of Glue, and by REST."""

import json
import socket
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from psycopg.conninfo import conninfo_to_dict

from batch_transform.open_warehouse import open_warehouse
from batch_transform.scoring.errors import ConfigurationError, TargetRefused, Unreachable
from batch_transform.scoring.pipeline import Target
from batch_transform.scoring.warehouse.iceberg.iceberg_warehouse import IcebergWarehouse
from tests.contract.warehouse.loads import FIRST, SECOND, replace
from tests.contract.warehouse.test_warehouse import NEW, OLD

BUCKET = "catalogs-bucket"


@pytest.fixture
def connect(monkeypatch):
    """Make an Airflow connection."""

    def connect(name, **content):
        monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(content))

    return connect


@pytest.fixture
def aws(connect, sagemaker_local):
    s3 = sagemaker_local.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    connect(
        "aws",
        conn_type="aws",
        login="test",
        password="test",
        extra={"endpoint_url": sagemaker_local.endpoint_url, "region_name": "us-east-1"},
    )
    return sagemaker_local


@pytest.fixture
def in_postgres(connect, database):
    said = conninfo_to_dict(database)
    host = {"host": said["host"], "login": said["user"], "schema": said["dbname"]}
    connect("lake", conn_type="postgres", **host)


def target(conn_id="lake", **place):
    place = {"warehouse": f"s3://{BUCKET}/lake", **place}
    return Target(
        conn_id=conn_id, table="predictions.apples", partition_column="day", iceberg=place
    )


def load_and_read(target, partition, rows):
    with open_warehouse(target) as warehouse:
        replace(warehouse, target, partition, rows)
    with open_warehouse(target) as warehouse:
        return warehouse.in_force(target, partition).rows


def make_namespace(target):
    with open_warehouse(target) as warehouse:
        warehouse._catalog.create_namespace("predictions")


def test_a_catalog_in_postgres_with_its_files_in_s3(aws, in_postgres):
    lake = target(catalog="sql", name="lake", storage_conn_id="aws")
    make_namespace(lake)
    assert load_and_read(lake, FIRST, OLD) == len(OLD)
    other = target(catalog="sql", name="other", storage_conn_id="aws")
    with open_warehouse(other) as warehouse:
        assert warehouse.in_force(other, FIRST) is None


def test_glue_has_the_table_and_the_two_beside_it(aws):
    lake = target("aws", catalog="glue")
    with open_warehouse(lake) as warehouse, pytest.raises(TargetRefused, match="no namespace"):
        replace(warehouse, lake, FIRST, OLD)
    make_namespace(lake)
    for partition, rows in ((FIRST, OLD), (SECOND, OLD), (FIRST, NEW)):
        assert load_and_read(lake, partition, rows) == len(rows)
    tables = aws.client("glue").get_tables(DatabaseName="predictions")["TableList"]
    assert {table["Name"] for table in tables} == {"apples", "batch_transform_ledger"}
    assert {table["Parameters"]["table_type"] for table in tables} == {"ICEBERG"}
    (apples,) = [table for table in tables if table["Name"] == "apples"]
    assert [key for key in apples["Parameters"] if key.startswith("batch-transform")] == [
        "batch-transform.ledger"
    ]


def test_a_commit_to_glue_that_others_came_before_is_made_again(aws):
    lake, steps = target("aws", catalog="glue"), []
    make_namespace(lake)
    load_and_read(lake, SECOND, OLD)

    def step(name):
        steps.append(name)
        if steps.count("swap") == 1 and name == "swap":
            load_and_read(lake, SECOND, NEW)

    with open_warehouse(lake) as warehouse:
        catalog = warehouse._catalog
        replace(IcebergWarehouse(catalog, step=step), lake, FIRST, OLD)
        found = [warehouse.in_force(lake, day).rows for day in (FIRST, SECOND)]
        rows = catalog.load_table(lake.table).scan().to_arrow().to_pylist()
    assert steps == ["files", "swap", "swap", "ledger", "quarantine"]
    assert found == [len(OLD), len(NEW)]
    assert sorted((row["day"], row["apple_id"], row["score"]) for row in rows) == [
        *((FIRST, *row) for row in OLD),
        *((SECOND, *row) for row in NEW),
    ]


@contextmanager
def rest_catalog(asked, status=404):
    """A catalog without a table, which notes what it is asked."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append((self.path, self.headers.get("Authorization")))
            is_config = self.path.startswith("/v1/config")
            body = {"defaults": {}, "overrides": {}} if is_config else _error(status)
            self._answer(200 if is_config else status, body)

        def do_POST(self):
            length = int(self.headers["Content-Length"])
            asked.append((self.path, self.rfile.read(length).decode()))
            self._answer(200, {"access_token": "lent", "token_type": "bearer"})

        def _answer(self, status, body):
            written = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(written)))
            self.end_headers()
            self.wfile.write(written)

        def log_message(self, *arguments):
            pass

    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _error(status):
    return {"error": {"message": "it says no", "type": "NoSuchTableException", "code": status}}


def test_a_rest_catalog_is_asked_with_what_the_connection_says(connect):
    asked = []
    lake = target(catalog="rest", warehouse="analytics")
    with rest_catalog(asked) as port:
        extra = {"oauth2-server-uri": f"http://127.0.0.1:{port}/v1/oauth/tokens"}
        place = {"host": "127.0.0.1", "port": port, "schema": "http"}
        connect("lake", conn_type="http", login="me", password="secret", extra=extra, **place)
        with open_warehouse(lake) as warehouse:
            assert warehouse.in_force(lake, FIRST) is None
    assert "client_id=me&client_secret=secret" in asked[0][1]
    assert [each for each in asked if "oauth" not in each[0]] == [
        ("/v1/config?warehouse=analytics", "Bearer lent"),
        ("/v1/namespaces/predictions/tables/apples", "Bearer lent"),
        ("/v1/namespaces/predictions/tables/batch_transform_ledger", "Bearer lent"),
    ]


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [
        (403, TargetRefused, "docs/iceberg.md lists the grants"),
        (503, Unreachable, "The catalog of predictions.apples gives no answer"),
    ],
)
def test_what_a_rest_catalog_refuses(connect, status, error, words):
    lake = target(catalog="rest", warehouse="analytics")
    with rest_catalog([], status) as port:
        connect("lake", conn_type="http", host=f"http://127.0.0.1:{port}")
        with open_warehouse(lake) as warehouse, pytest.raises(error, match=words):
            warehouse.in_force(lake, FIRST)


@pytest.mark.parametrize("catalog", ["rest", "sql"])
def test_a_catalog_that_does_not_answer_is_cured_by_waiting(connect, catalog):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        kind = {"rest": "http", "sql": "postgres"}[catalog]
        scheme = {"schema": "http"} if catalog == "rest" else {}
        connect("lake", conn_type=kind, host="127.0.0.1", port=port, **scheme)
        with pytest.raises(Unreachable, match="Connection 'lake': the "):
            open_warehouse(target(catalog=catalog)).__enter__()


def test_a_connection_of_another_kind_is_named(connect):
    connect("lake", conn_type="http", host="")
    with pytest.raises(ConfigurationError, match="is not Postgres; name a Postgres"):
        open_warehouse(target(catalog="sql")).__enter__()
    with pytest.raises(ConfigurationError, match="has no host; give it the URI"):
        open_warehouse(target(catalog="rest")).__enter__()


def test_what_to_install_is_said(connect, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyiceberg", None)
    with pytest.raises(ConfigurationError, match=r"install airflow-batch-transform\[iceberg\]"):
        open_warehouse(target(catalog="sql")).__enter__()
