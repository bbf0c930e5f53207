"""Fakesnow's cursor, which takes a statement apart once.

Fakesnow walks sixty times through a statement to make DuckDB's of it: longer than it takes to run.
"""

from __future__ import annotations

from typing import Any

from fakesnow.cursor import FakeSnowflakeCursor
from sqlglot import Expr
from typing_extensions import override

from local.snowflake import grammar

# By text, database and schema: what becomes of a statement that REPEATS knows depends on no more.
_translated: dict[tuple[str, str | None, str | None], list[Expr]] = {}


class Cursor(FakeSnowflakeCursor):
    """A cursor that knows what became of a statement, whichever account it was in."""

    @override
    def execute(self, command: str, *arguments: Any, **settings: Any) -> Cursor:
        """Run a statement, by what is known of it."""
        place = (command, self._conn.database, self._conn.schema)
        self._became: list[Expr] = []
        if place not in _translated:
            super().execute(command, *arguments, **settings)
            if grammar.REPEATS.fullmatch(command):
                _translated[place] = self._became
            return self
        for each in _translated[place]:
            self._execute(each)
        return self

    @override
    def _transform(self, expression: Expr, params: Any) -> Expr:
        became = super()._transform(expression, params)
        for kept_for_nobody in ("text_lengths", "table_comment"):
            became.args.pop(kept_for_nobody, None)
        self._became.append(became)
        return became

    @property
    def table(self) -> Any:
        """The rows of the result, as Arrow."""
        return self._arrow_table

    @property
    def columns(self) -> list[Any]:
        """The columns of the result as DuckDB would describe them, which it need not do again."""
        described = self._duck_conn.description
        return [(name, str(kind), *nothing[:4]) for name, kind, *nothing in described]
