"""Carries out an UNLOAD: rows of PostgreSQL become Parquet files in a folder for each value."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sagemaker_local.redshift.parquet import opened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sagemaker_local.redshift.grammar import Unload

# https://docs.aws.amazon.com/redshift/latest/dg/r_UNLOAD.html: what Parquet has of each type.
# PostgreSQL's number of the type: its name in DuckDB, and in the manifest.
_TYPES = {
    16: ("BOOLEAN", "bool"),
    20: ("BIGINT", "int8"),
    21: ("SMALLINT", "int2"),
    23: ("INTEGER", "int4"),
    25: ("VARCHAR", "varchar"),
    700: ("FLOAT", "float4"),
    701: ("DOUBLE", "float8"),
    1042: ("VARCHAR", "bpchar"),
    1043: ("VARCHAR", "varchar"),
    1082: ("DATE", "date"),
    1114: ("TIMESTAMP", "timestamp"),
}
_NUMERIC = 1700


class UnloadError(RuntimeError):
    """The statement fails; the text is Redshift's, as far as it is known."""


@dataclass(frozen=True, kw_only=True)
class Oddities:
    """What is to go wrong, on purpose.

    Args:
        kind: a value of the switch `redshift_unload`.
    """

    kind: str

    def entries(self, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The manifest's entries, which may disagree with the files."""
        if self.kind == "manifest_disagrees" and entries:
            meta = {**entries[0]["meta"], "record_count": entries[0]["meta"]["record_count"] + 1}
            return [{**entries[0], "meta": meta}, *entries[1:]]
        return entries


def carry_out(unload: Unload, connection: Any, s3: Any, oddities: Oddities) -> int:
    """Write the files and their manifest; the number of rows.

    Raises:
        UnloadError: something lies there, or a type has no place in Parquet.
    """
    found = s3.list_objects_v2(Bucket=unload.bucket, Prefix=unload.prefix, MaxKeys=1)
    if found.get("KeyCount"):
        raise UnloadError(
            f"ERROR: Specified unload destination on S3 is not empty. Consider using a different"
            f" bucket / prefix: s3://{unload.bucket}/{unload.prefix}"
        )
    with tempfile.TemporaryDirectory(prefix="unload-") as name:
        folder = Path(name)
        files = list(files_of(unload, connection, folder))
        entries = []
        for path, rows in files:
            key = unload.prefix + str(path.relative_to(folder / "parquet"))
            body = path.read_bytes()
            s3.put_object(Bucket=unload.bucket, Key=key, Body=body)
            meta = {"content_length": len(body), "record_count": rows}
            entries.append({"url": f"s3://{unload.bucket}/{key}", "meta": meta})
        if oddities.kind == "file_too_many" and files:
            place = f"{unload.column}=0/" if unload.column else ""
            stray = f"{unload.prefix}{place}9999_part_00.parquet"
            s3.put_object(Bucket=unload.bucket, Key=stray, Body=files[0][0].read_bytes())
        columns = list(_columns(connection, unload))
        _put_manifest(unload, s3, columns, oddities.entries(entries))
    return sum(rows for _, rows in files)


def files_of(unload: Unload, connection: Any, folder: Path) -> Iterator[tuple[Path, int]]:
    """Write the rows of a query below `folder/parquet`; each file, and how many rows it has.

    Raises:
        UnloadError: a type has no place in Parquet.
    """
    columns = list(_columns(connection, unload))
    _copy_out(connection, unload, folder / "rows.csv")
    yield from _written(folder, columns, unload.column)


def _columns(connection: Any, unload: Unload) -> Iterator[tuple[str, str, str]]:
    """Name of each column, its type in DuckDB, and that in Redshift."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM ({unload.query}) AS source LIMIT 0")  # noqa: S608
        described = cursor.description
    for column in described:
        if column.type_code == _NUMERIC and column.precision:
            digits = f"{column.precision}, {column.scale or 0}"
            yield column.name, f"DECIMAL({digits})", "numeric"
        elif column.type_code in _TYPES:
            yield (column.name, *_TYPES[column.type_code])
        else:
            raise UnloadError(f"ERROR: what UNLOAD makes of column {column.name} is not known here")
    if unload.column and unload.column not in [column.name for column in described]:
        raise UnloadError(f'ERROR: column "{unload.column}" does not exist')


def _copy_out(connection: Any, unload: Unload, path: Path) -> None:
    options = "FORMAT csv, FORCE_QUOTE *, NULL '\\N', ENCODING 'UTF8'"
    copy = f"COPY ({unload.query}) TO STDOUT ({options})"
    with connection.cursor() as cursor, cursor.copy(copy) as rows, path.open("wb") as file:
        for piece in rows:
            file.write(piece)


def _written(
    folder: Path, columns: list[tuple[str, str, str]], by: str
) -> Iterator[tuple[Path, int]]:
    """The Parquet files of a file of rows, and how many rows each has."""
    types = ", ".join(f"{_literal(name)}: {_literal(kind)}" for name, kind, _ in columns)
    source = (
        f"read_csv({_literal(str(folder / 'rows.csv'))}, columns = {{{types}}},"
        " auto_detect = false, header = false, delim = ',', quote = '\"', escape = '\"',"
        " nullstr = '\\N', allow_quoted_nulls = false, parallel = false)"
    )
    target = _literal(str(folder / "parquet"))
    (folder / "parquet").mkdir()
    options = f"FORMAT parquet, PARTITION_BY (\"{by}\"), FILENAME_PATTERN '0000_part_0{{i}}'"
    if by:
        options += ", OVERWRITE_OR_IGNORE true"
    else:
        target, options = (
            _literal(str(folder / "parquet" / "0000_part_00.parquet")),
            "FORMAT parquet",
        )
    with opened() as database:
        if not _count(database, source):
            return
        rows = f"SELECT * FROM {source}"  # noqa: S608 - this service's own file
        database.execute(f"COPY ({rows}) TO {target} ({options})")
        for path in sorted((folder / "parquet").rglob("*.parquet")):
            yield path, _count(database, f"read_parquet({_literal(str(path))})")


def _count(database: Any, source: str) -> int:
    (count,) = database.execute(f"SELECT count(*) FROM {source}").fetchone()  # noqa: S608
    return int(count)


def _put_manifest(
    unload: Unload, s3: Any, columns: list[tuple[str, str, str]], entries: list[dict[str, Any]]
) -> None:
    document = {
        "entries": entries,
        "schema": {
            "elements": [
                {"name": name, "type": {"base": kind}}
                for name, _, kind in columns
                if name != unload.column
            ]
        },
        "meta": {
            "content_length": sum(entry["meta"]["content_length"] for entry in entries),
            "record_count": sum(entry["meta"]["record_count"] for entry in entries),
        },
    }
    s3.put_object(
        Bucket=unload.bucket, Key=f"{unload.prefix}manifest", Body=json.dumps(document).encode()
    )


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
