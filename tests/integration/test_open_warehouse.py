"""The warehouse of a target through an Airflow connection."""

import json
import socket

import pytest
from psycopg.conninfo import conninfo_to_dict

from batch_transform.connections import postgres_connection
from batch_transform.open_warehouse import open_warehouse
from batch_transform.scoring.errors import Unreachable
from batch_transform.scoring.pipeline import Target

TARGET = Target(conn_id="warehouse", table="predictions.apples", partition_column="day")


@pytest.fixture
def connect(monkeypatch, database):
    """Make the Airflow connection; ``changes`` are to what it says."""

    def connect(extra=None, **changes):
        said = conninfo_to_dict(database)
        content = {
            "conn_type": "postgres",
            "host": said.get("host"),
            "login": said.get("user"),
            "schema": said.get("dbname"),
            "port": int(said.get("port", 5432)),
            "extra": extra or {},
        }
        monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps({**content, **changes}))

    return connect


def test_a_warehouse_that_refuses_connections_is_cured_by_waiting(connect):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        connect(host="127.0.0.1", port=unused.getsockname()[1])
    with pytest.raises(Unreachable, match="'warehouse': the database refuses: .*refused"):
        open_warehouse(TARGET).__enter__()


def test_a_silent_connection_is_kept_alive(connect):
    connect()
    with postgres_connection("warehouse") as lent:
        settings = lent.info.get_parameters()
    assert (settings["keepalives_idle"], settings["connect_timeout"]) == ("60", "30")


def test_what_the_connection_says_wins(connect):
    connect(extra={"keepalives_idle": 7})
    with postgres_connection("warehouse") as lent:
        assert lent.info.get_parameters()["keepalives_idle"] == "7"
