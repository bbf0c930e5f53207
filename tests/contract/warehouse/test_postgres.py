"""What is Postgres's own: its ledger of an earlier version, roles, foreign keys, locks, an end."""

import psycopg
import pytest
from psycopg import sql

from batch_transform.scoring.errors import TargetLocked, TargetRefused, Unreachable
from batch_transform.scoring.outputs.staged import StagedColumn
from batch_transform.scoring.pipeline import Target
from batch_transform.scoring.warehouse.partitions import Patience
from batch_transform.scoring.warehouse.postgres import PostgresWarehouse
from tests.contract.warehouse.loads import BAD, FIRST, NUMBERS, SECOND, replace

OLD = [(1, 0.5), (2, 0.25), (3, 0.75)]
NEW = [(2, 0.25), (3, 0.5), (4, 1.0)]


def a_target(swap="rows"):
    return Target(
        conn_id="warehouse", table="predictions.apples", partition_column="day", swap=swap
    )


@pytest.fixture
def connection(database):
    with psycopg.connect(database, autocommit=True) as opened:
        opened.execute("CREATE SCHEMA predictions")
        yield opened


@pytest.fixture
def connect(database):
    """Open further connections, which end with the test."""
    opened = []

    def connect(**settings):
        opened.append(psycopg.connect(database, **settings))
        return opened[-1]

    yield connect
    for each in opened:
        each.close()


def rows(connection, columns="apple_id, score"):
    query = f"SELECT {columns} FROM predictions.apples WHERE day = '2013-06-01' ORDER BY 1"
    return connection.execute(query).fetchall()


def test_a_ledger_of_the_version_before_is_read_and_gets_its_new_columns(connection, connect):
    target, warehouse = a_target(), PostgresWarehouse(connect())
    replace(warehouse, target, FIRST, OLD)
    connection.execute("ALTER TABLE predictions.batch_transform_ledger DROP COLUMN snapshot_at")
    before = warehouse.in_force(target, FIRST)
    assert (before.rows, before.snapshot_at) == (3, None)
    replace(warehouse, target, FIRST, NEW)
    assert rows(connection) == NEW
    query = "SELECT count(*), count(snapshot_at) FROM predictions.batch_transform_ledger"
    assert connection.execute(query).fetchone() == (2, 0)


GRANTS = """
    GRANT USAGE ON SCHEMA predictions TO loader;
    GRANT SELECT, INSERT, UPDATE, DELETE ON predictions.apples TO loader;
    GRANT SELECT, INSERT, UPDATE ON predictions.batch_transform_ledger TO loader;
    GRANT SELECT, INSERT, DELETE ON predictions.batch_transform_quarantine TO loader;
"""


@pytest.fixture
def loader(connection, connect):
    """A warehouse whose role may do no more than it must, once the tables are there."""
    replace(PostgresWarehouse(connect()), a_target(), SECOND, OLD)
    connection.execute("CREATE ROLE loader")
    as_loader = connect()
    as_loader.execute("SET ROLE loader")
    as_loader.commit()
    yield PostgresWarehouse(as_loader)
    as_loader.close()
    connection.execute("DROP OWNED BY loader; DROP ROLE loader")


@pytest.mark.parametrize("swap", ["rows", "upsert"])
def test_a_role_that_may_create_nothing_loads(connection, loader, swap):
    connection.execute(GRANTS)
    target = a_target(swap)
    for each in (OLD, NEW, NEW):
        replace(loader, target, FIRST, each)
    assert rows(connection) == NEW


def test_a_privilege_that_is_lacking_is_named(loader):
    with pytest.raises(TargetRefused, match=r"lacks a privilege .* lists the grants.*permission"):
        replace(loader, a_target(), FIRST, OLD)


@pytest.fixture
def children(connection, connect):
    """A table that refers to each row of a loaded partition."""

    def make(on_delete):
        replace(PostgresWarehouse(connect()), a_target(), FIRST, OLD)
        connection.execute(
            "CREATE TABLE predictions.orders (day date, apple_id bigint, FOREIGN KEY"
            f" (day, apple_id) REFERENCES predictions.apples {on_delete});"
            "INSERT INTO predictions.orders SELECT day, apple_id FROM predictions.apples"
        )

    return make


def ordered(connection):
    query = "SELECT apple_id FROM predictions.orders ORDER BY 1"
    return [apple for (apple,) in connection.execute(query).fetchall()]


def test_rows_that_others_refer_to_are_not_deleted(connection, connect, children):
    children("")
    with pytest.raises(TargetRefused, match=r"refer to rows of predictions.apples. Set .*upsert"):
        replace(PostgresWarehouse(connect()), a_target(), FIRST, NEW)
    assert (rows(connection), ordered(connection)) == (OLD, [1, 2, 3])


@pytest.mark.parametrize(("swap", "left"), [("rows", []), ("upsert", [2, 3])])
def test_what_a_cascade_deletes(connection, connect, children, swap, left):
    children("ON DELETE CASCADE")
    replace(PostgresWarehouse(connect()), a_target(swap), FIRST, NEW)
    assert (rows(connection), ordered(connection)) == (NEW, left)


def test_upsert_touches_what_changed_alone(connection, connect):
    target, warehouse = a_target("upsert"), PostgresWarehouse(connect())
    nullable = (*NUMBERS[:1], NUMBERS[1].__class__(name="score", type="double", nullable=True))
    replace(warehouse, target, FIRST, [(1, 0.5), (2, None), (3, 0.75), (5, None)], columns=nullable)
    replace(warehouse, target, SECOND, OLD, columns=nullable)
    before = dict(rows(connection, "apple_id, ctid"))
    new = [(2, None), (3, 0.5), (4, 1.0), (5, 0.5)]
    replace(warehouse, target, FIRST, new, columns=nullable)
    assert rows(connection) == new
    after = dict(rows(connection, "apple_id, ctid"))
    assert [apple for apple in after if after[apple] == before.get(apple)] == [2]
    others = "SELECT count(*) FROM predictions.apples WHERE day = '2013-06-02'"
    assert connection.execute(others).fetchone() == (3,)


class Reader:
    """A long query on the target, which ends at one of the pauses between the swap's tries."""

    def __init__(self, connection, ends_after):
        self._connection, self._ends_after = connection, ends_after
        self.pauses = []
        connection.execute("SET application_name = 'a report'")
        connection.execute("SELECT * FROM predictions.apples")

    def sleep(self, seconds):
        self.pauses.append(seconds)
        if len(self.pauses) == self._ends_after:
            self._connection.rollback()


@pytest.fixture
def swap(connection, connect):
    """Swap a partition in while a reader is at it."""
    target = a_target("partitions")
    replace(PostgresWarehouse(connect()), target, FIRST, OLD)

    def swap(ends_after):
        reader = Reader(connect(), ends_after)
        patience = Patience(wait=50, tries=3, pause=7, sleep=reader.sleep)
        replace(PostgresWarehouse(connect(), patience=patience), target, FIRST, NEW)
        return reader

    return swap


def test_a_swap_waits_for_readers_a_little_and_often(connection, swap):
    assert swap(ends_after=2).pauses == [7, 7]
    assert rows(connection) == NEW


def test_a_swap_that_cannot_have_the_table_says_who_has_it(connection, swap):
    with pytest.raises(
        TargetLocked, match=r"(?s)each of 3 tries .*\(a report\), since .*SELECT \*"
    ):
        swap(ends_after=9)
    assert rows(connection) == OLD


def test_a_connection_that_ends_is_cured_by_waiting(connection, connect):
    loading = connect()
    pid = loading.info.backend_pid

    def end(name):
        if name == "count_partition":
            connection.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])

    with pytest.raises(Unreachable, match="does not answer; nothing was changed"):
        replace(PostgresWarehouse(loading, end), a_target(), FIRST, OLD)
    replace(PostgresWarehouse(connect()), a_target(), FIRST, OLD)
    assert rows(connection) == OLD


@pytest.mark.parametrize("swap", ["rows", "partitions", "upsert"])
def test_texts_and_dates_are_the_same_whatever_a_session_begins_with(database, connection, swap):
    words = [(text, 0.5) for text in ("\u00c3\u00a4", "\u00e4", "\u65e5", "\U0001f642")]
    columns = (StagedColumn(name="apple_id", type="text"), NUMBERS[1])
    name = sql.Identifier(connection.info.dbname)
    for default in ("client_encoding = LATIN1", "datestyle = German", "timezone = 'Japan'"):
        connection.execute(sql.SQL("ALTER DATABASE {} SET {}").format(name, sql.SQL(default)))
    changes = {"columns": columns, "quarantined": (BAD.model_copy(update={"reason": "\u65e5"}),)}
    for _ in range(2):  # the second reads the entry of the first
        with psycopg.connect(database) as opened:
            replace(PostgresWarehouse(opened), a_target(swap), FIRST, words, **changes)
            assert PostgresWarehouse(opened).in_force(a_target(swap), FIRST).partition == FIRST
    with psycopg.connect(database, client_encoding="UTF8") as reader:
        assert sorted(rows(reader)) == sorted(words)


def test_a_trigger_that_objects_is_named_and_nothing_is_changed(connection, connect):
    replace(PostgresWarehouse(connect()), a_target(), FIRST, OLD)
    connection.execute(
        "CREATE FUNCTION predictions.object() RETURNS trigger LANGUAGE plpgsql"
        " AS $$ BEGIN RAISE 'the table is closed'; END $$;"
        "CREATE TRIGGER closed BEFORE INSERT ON predictions.apples"
        " FOR EACH ROW EXECUTE FUNCTION predictions.object()"
    )
    with pytest.raises(TargetRefused, match=r"refuses to load predictions.apples.*table is closed"):
        replace(PostgresWarehouse(connect()), a_target(), FIRST, NEW)
    assert rows(connection) == OLD


def test_a_table_that_has_the_name_of_a_partition_is_left_alone(connection, connect):
    replace(PostgresWarehouse(connect()), a_target("partitions"), FIRST, OLD)
    connection.execute("CREATE TABLE predictions.apples_20130602 AS SELECT 1 AS backup")
    with pytest.raises(TargetRefused, match="has the name of the partition's new one"):
        replace(PostgresWarehouse(connect()), a_target("partitions"), SECOND, NEW)
    assert connection.execute("SELECT backup FROM predictions.apples_20130602").fetchone() == (1,)
    assert rows(connection) == OLD


def test_a_standby_is_cured_by_waiting(connection, connect):
    replace(PostgresWarehouse(connect()), a_target(), FIRST, OLD)
    loading = connect()
    loading.execute("SET default_transaction_read_only = on")
    loading.commit()
    with pytest.raises(Unreachable, match="takes no writes: it is a standby"):
        replace(PostgresWarehouse(loading), a_target(), FIRST, NEW)
    assert rows(connection) == OLD
