"""The columns of a table as a real PostgreSQL describes them."""

import psycopg
import pytest
from sqlalchemy import create_engine

from batch_transform.scoring.drafts.columns import of_table
from batch_transform.scoring.errors import SourceError

TABLE = """
CREATE SCHEMA orchard;
CREATE TYPE orchard.colour AS ENUM ('red', 'green');
CREATE TABLE orchard.apples (
    picked_at timestamptz, sold_at timestamp, day date, orchard_id text, apple_id bigint,
    weight double precision, price numeric(9, 2), ripe boolean, colour orchard.colour,
    label varchar(9), number uuid, tags text[], more jsonb, photo bytea,
    PRIMARY KEY (orchard_id, apple_id)
)
"""


@pytest.fixture
def engine(database):
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(database))
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(TABLE)
    yield engine
    engine.dispose()


def test_a_database_says_what_each_column_is_and_what_is_unique(engine):
    found = of_table(engine, "orchard.apples")
    assert found.ids() == ("orchard_id", "apple_id")
    assert {each.name: each.kind for each in found.columns} == {
        "picked_at": "timestamp",
        "sold_at": None,
        "day": "date",
        "orchard_id": "text",
        "apple_id": "integer",
        "weight": "float",
        "price": "decimal",
        "ripe": "boolean",
        "colour": "text",
        "label": "text",
        "number": "text",
        "tags": "nested",
        "more": "nested",
        "photo": None,
    }
    assert found.columns[-1].source_type == "BYTEA"


def test_a_table_that_there_is_not_is_named(engine):
    with pytest.raises(SourceError, match=r"no table orchard\.pears"):
        of_table(engine, "orchard.pears")
