"""Runs the statements of the Postgres loader, with quoted parts, on one connection."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from psycopg import Connection, sql

from batch_transform.scoring.pipeline import Target
from batch_transform.scoring.queries import queries
from batch_transform.scoring.warehouse.ledger import ledger_of, quarantine_of
from batch_transform.scoring.warehouse.protocol import Load

Parts = Mapping[str, sql.Composable]
Step = Callable[[str], None]

_STATEMENTS = {
    name: sql.SQL(text) for name, text in queries(Path(__file__).parent / "queries.sql").items()
}


def _no_step(name: str) -> None:
    """Do nothing."""


class Statements:
    """Runs statements on one connection, and says the name of each before it runs.

    Names and values become parts of a statement as quoted identifiers and literals alone.
    """

    def __init__(self, connection: Connection[Any], step: Step = _no_step) -> None:
        """Run on an open connection; ``step`` is for tests that interrupt a load anywhere."""
        self.connection = connection
        self._step = step

    def run(self, name: str, parts: Parts) -> list[tuple[Any, ...]]:
        """Run a statement of ``queries.sql`` and return its rows, if it gives any."""
        self._step(name)
        cursor = self.connection.execute(_STATEMENTS[name].format(**parts))
        return cursor.fetchall() if cursor.description else []

    def one(self, name: str, parts: Parts) -> Any:
        """Return the only value of a statement that always gives one."""
        ((value,),) = self.run(name, parts)
        return value

    def copy(self, name: str, parts: Parts, blocks: Iterable[bytes]) -> None:
        """Send blocks of bytes to a COPY."""
        self._step(name)
        with (
            self.connection.cursor() as cursor,
            cursor.copy(_STATEMENTS[name].format(**parts)) as copy,
        ):
            for block in blocks:
                copy.write(block)
                self._step(f"{name}, after a block")

    def copy_out(self, name: str, parts: Parts, path: Path) -> None:
        """Write what a COPY gives to a file."""
        self._step(name)
        with (
            path.open("wb") as file,
            self.connection.cursor() as cursor,
            cursor.copy(_STATEMENTS[name].format(**parts)) as copy,
        ):
            for block in copy:
                file.write(block)

    def commit_follows(self) -> None:
        """Say that nothing but the commit is left of a transaction."""
        self._step("commit")


def identifier(name: str) -> sql.Identifier:
    """Quote ``table`` or ``schema.table``."""
    return sql.Identifier(*name.split("."))


def regclass(name: str) -> sql.Literal:
    """Spell a table's quoted name as a text, for ``to_regclass``."""
    return sql.Literal(".".join(f'"{part}"' for part in name.split(".")))


def listed(names: Iterable[str]) -> sql.Composed:
    """Quote names and put commas between them."""
    return sql.SQL(", ").join(sql.Identifier(name) for name in names)


def parts_of(load: Load) -> dict[str, sql.Composable]:
    """Quote what the statements about a load need."""
    target = load.target
    names = [target.partition_column, *(column.name for column in load.columns)]
    return {
        **ledger_parts(target, load.partition),
        "table": identifier(target.table),
        "name": regclass(target.table),
        "columns": listed(names),
        "partition_column": sql.Identifier(target.partition_column),
        "pipeline": sql.Literal(load.entry.pipeline),
    }


def ledger_parts(target: Target, partition: date) -> dict[str, sql.Composable]:
    """Quote what the statements about a partition's ledger need."""
    ledger, quarantine = ledger_of(target.table), quarantine_of(target.table)
    return {
        "target": sql.Literal(target.table),
        "partition": sql.SQL("{}::date").format(sql.Literal(partition.isoformat())),
        "ledger": identifier(ledger),
        "ledger_name": regclass(ledger),
        "quarantine": identifier(quarantine),
        "quarantine_name": regclass(quarantine),
    }
