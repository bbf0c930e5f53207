"""What docs/postgres.md shows is what PostgreSQL is sent, statement by statement."""

import re

import psycopg
import pytest

from batch_transform.scoring.outputs.staged import StagedColumn
from batch_transform.scoring.pipeline import Target
from batch_transform.scoring.warehouse.postgres import PostgresWarehouse
from tests.contract.warehouse.loads import FIRST, replace
from tests.project import PROJECT

COLUMNS = (
    StagedColumn(name="flight_id", type="bigint"),
    StagedColumn(name="late_probability", type="double"),
)
PAGE = (PROJECT / "docs" / "postgres.md").read_text()
SHOWN = re.findall(r"^```sql\n(SELECT pg_advisory_lock.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
SWAPS = ("rows", "upsert", "partitions")
LOOKS = ("-- The columns of a table", "-- The entry of the load that a partition holds")


def listening(sent):
    """A cursor that keeps what it sends."""

    class Listening(psycopg.Cursor):
        def execute(self, query, *given, **settings):
            self.keep(query)
            return super().execute(query, *given, **settings)

        def copy(self, query, *given, **settings):
            self.keep(query)
            return super().copy(query, *given, **settings)

        def keep(self, query):
            sent.append(query if isinstance(query, str) else query.as_string(self))

    return Listening


def statements_of(block):
    """The statements of a block of the page: one a line, which goes on in lines that are set in."""
    lines = "\n".join(line for line in block.splitlines() if not line.startswith("--"))
    return [" ".join(each.split()) for each in re.split(r"\n(?! )", lines)]


def matches(shown, sent):
    pieces = map(re.escape, shown.split("…"))
    return re.fullmatch(".*".join(pieces), sent) is not None


@pytest.mark.parametrize(("swap", "block"), [*zip(SWAPS, SHOWN, strict=True)], ids=SWAPS)
def test_the_page_shows_what_is_sent(database, swap, block):
    target = Target(
        conn_id="warehouse",
        table="predictions.flight_delay",
        partition_column="flight_date",
        swap=swap,
    )
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA predictions")
    sent = []
    with psycopg.connect(database, cursor_factory=listening(sent)) as connection:
        warehouse = PostgresWarehouse(connection)
        replace(warehouse, target, FIRST, [(1, 0.5), (2, 0.25)], columns=COLUMNS)
        sent.clear()
        replace(warehouse, target, FIRST, [(1, 0.75), (3, 0.25)], columns=COLUMNS)
    found = [each for each in sent if not each.startswith(LOOKS)]
    begun = next(at for at, each in enumerate(found) if "pg_advisory_lock" in each)
    plain = [" ".join(re.sub(r"--[^\n]*", "", each).split()) for each in found[begun:]]
    shown = statements_of(block)
    assert len(shown) == len(plain)
    assert [pair for pair in zip(shown, plain, strict=True) if not matches(*pair)] == []
