"""A real PostgreSQL, with the demo data in it."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from local.data.load import load
from local.postgres import Postgres


@pytest.fixture(scope="session")
def warehouse_uri(postgres: Postgres) -> str:
    """Address of an empty warehouse."""
    postgres.create_database("demo_warehouse")
    return postgres.sqlalchemy_url("demo_warehouse").replace("+psycopg", "")


@pytest.fixture(scope="session")
def loaded_uri(warehouse_uri: str) -> str:
    """The warehouse with the demo data."""
    with psycopg.connect(warehouse_uri) as connection:
        load(connection)
    return warehouse_uri


@pytest.fixture
def warehouse(loaded_uri: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection whose changes are forgotten after the test."""
    with (
        psycopg.connect(loaded_uri) as connection,
        connection.transaction(force_rollback=True),
    ):
        yield connection
