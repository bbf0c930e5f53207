"""The columns of what is to be scored: of a table by its database, of a file by its content."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from batch_transform.scoring.errors import SourceError
from batch_transform.scoring.kinds import ID_KINDS, Column, Kind
from batch_transform.scoring.records.unwritable import UnreadableValue
from batch_transform.scoring.sources.files.csv_format import CsvFormat
from batch_transform.scoring.sources.files.opened import Texts
from batch_transform.scoring.sources.files.text_lines import text_lines
from batch_transform.scoring.sources.literals import literals, parsed_json

if TYPE_CHECKING:
    from sqlalchemy import Engine

Format = Literal["parquet", "csv", "jsonl"]

_ROWS = 10_000
_SUFFIXES: dict[str, Format] = {
    "csv": "csv",
    "tsv": "csv",
    "json": "jsonl",
    "jsonl": "jsonl",
    "ndjson": "jsonl",
    "parquet": "parquet",
    "pq": "parquet",
}
# What a text is taken for: the first kind by which each value of a column reads.
_GUESSES: tuple[Kind, ...] = ("integer", "float", "date", "timestamp")
_CODE = re.compile(r"[+-]?0\d")  # 00501 is a postal code, and no number
_JSON_KINDS: dict[type, Kind] = {bool: "boolean", int: "integer", str: "text"}


@dataclass(frozen=True, kw_only=True)
class Found:
    """The columns that there are.

    Attributes:
        columns: in their order; a kind is None where none of a record fits.
        keys: names of those that a database holds unique; empty where nothing says so.
    """

    columns: tuple[Column, ...]
    keys: tuple[str, ...] = ()

    def ids(self) -> tuple[str, ...]:
        """Return the columns that name a row: the key, or else the first that may."""
        if self.keys:
            return self.keys
        return tuple(each.name for each in self.columns if each.kind in ID_KINDS)[:1]

    def of_kind(self, kind: Kind) -> tuple[str, ...]:
        """Return the names of the columns of a kind."""
        return tuple(each.name for each in self.columns if each.kind == kind)

    def named(self, names: Iterable[str]) -> tuple[Column, ...]:
        """Return columns by their names; one that there is not has no kind."""
        known = {each.name: each for each in self.columns}
        return tuple(known.get(name, Column(name=name)) for name in names)


def format_of(path: Path) -> Format:
    """Tell a file's format by its name.

    Raises:
        SourceError: the name does not say.
    """
    suffix = path.name.lower().removesuffix(".gz").rpartition(".")[2]
    found = _SUFFIXES.get(suffix)
    if found is None:
        raise SourceError(
            f"{path} has a name that does not say what it is; call it .csv, .jsonl or .parquet"
        )
    return found


def of_file(path: Path, texts: Texts) -> Found:
    """Read the columns of a file; of texts the kinds that its first rows are read by.

    Raises:
        SourceError: it cannot be read.
    """
    kind = format_of(path)
    try:
        if kind == "jsonl":
            return Found(columns=_of_json_lines(path))
        if kind == "parquet":
            return Found(columns=_of_parquet(path))
        opened = CsvFormat(texts).open(path)
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror or error}") from error
    if opened is None or opened.columns is None:
        raise SourceError(f"{path} is empty: nothing says what its columns hold")
    names = [column.name for column in opened.columns]
    rows = list(islice(opened.rows(names), _ROWS))
    values = zip(*rows, strict=True) if rows else [()] * len(names)
    guessed = zip(names, map(_guess, values), strict=True)
    return Found(columns=tuple(Column(name=name, kind=each) for name, each in guessed))


def _of_parquet(path: Path) -> tuple[Column, ...]:
    # Not at the top: Arrow takes a while, and most files are text.
    from batch_transform.scoring.sources.files.parquet_format import open_parquet

    return open_parquet(path).columns


def _guess(texts: Sequence[str | None]) -> Kind:
    given = [text for text in texts if text is not None]
    if not given or any(map(_CODE.match, given)):
        return "text"
    return next((kind for kind in _GUESSES if _reads(given, kind)), "text")


def _reads(texts: Sequence[str], kind: Kind) -> bool:
    return not any(isinstance(value, UnreadableValue) for value in literals(texts, kind))


def _of_json_lines(path: Path) -> tuple[Column, ...]:
    kinds: dict[str, set[Kind | None]] = {}
    for line in islice(text_lines(path), _ROWS):
        record = parsed_json(line) if line.strip() else {}
        if not isinstance(record, Mapping):
            raise SourceError(f"{path} has a line that is no object: it is not JSON Lines")
        for name, value in record.items():
            kinds.setdefault(name, set()).update(() if value is None else (_json_kind(value),))
    return tuple(Column(name=name, kind=_together(found)) for name, found in kinds.items())


def _json_kind(value: Any) -> Kind:
    return _JSON_KINDS.get(type(value), "nested" if isinstance(value, list | dict) else "float")


def _together(kinds: set[Kind | None]) -> Kind | None:
    if kinds == {"integer", "float"}:
        return "float"
    return kinds.pop() if len(kinds) == 1 else None


def of_table(engine: Engine, table: str) -> Found:
    """Ask a database for the columns of a table, and for what is unique.

    Raises:
        SourceError: there is no such table.
    """
    from sqlalchemy import inspect
    from sqlalchemy.exc import NoSuchTableError

    schema, _, name = table.rpartition(".")
    inspector = inspect(engine)
    try:
        described = inspector.get_columns(name, schema or None)
        keys = inspector.get_pk_constraint(name, schema or None)["constrained_columns"]
    except NoSuchTableError as error:
        raise SourceError(f"The database has no table {table}; name one as schema.table") from error
    columns = tuple(
        Column(name=each["name"], kind=_sql_kind(each["type"]), source_type=str(each["type"]))
        for each in described
    )
    return Found(columns=columns, keys=tuple(keys))


def _sql_kind(sql: Any) -> Kind | None:
    """Return the kind of a column's type; None where a record cannot have it."""
    from sqlalchemy import types

    if isinstance(sql, types.DateTime):
        return "timestamp" if sql.timezone else None
    kinds: tuple[tuple[type, Kind], ...] = (
        (types.Boolean, "boolean"),
        (types.Integer, "integer"),
        (types.Float, "float"),
        (types.Numeric, "decimal"),
        (types.Date, "date"),
        (types.String, "text"),
        (types.Uuid, "text"),
        (types.JSON, "nested"),
        (types.ARRAY, "nested"),
    )
    return next((kind for is_such, kind in kinds if isinstance(sql, is_such)), None)
