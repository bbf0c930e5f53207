"""The files of a drafted pipeline folder, as texts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from batch_transform.scoring.kinds import Column
from batch_transform.scoring.pipeline import PipelineFile, contract

QUERY_FILE = "features.sql"
_WIDEST = 96
_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A pipeline folder that is not written yet.

    Attributes:
        settings: the content of ``pipeline.yaml``.
        columns: of the record, ids first; with kinds where these are known.
        query: the text of ``features.sql``; empty for files.
        notes: what a person must still see to.
    """

    settings: Mapping[str, Any]
    columns: Sequence[Column] = ()
    query: str = ""
    notes: Sequence[str] = field(default_factory=tuple)

    def files(self, schema: str) -> dict[str, str]:
        """Return the texts of the folder's files, by name.

        Args:
            schema: where the JSON Schema lies, seen from ``pipeline.yaml``.
        """
        files = {"pipeline.yaml": pipeline_yaml(self.settings, schema)}
        if self.query:
            files[QUERY_FILE] = self.query
        if self.columns and all(column.kind for column in self.columns):
            kinds = [f"{column.name}: {column.kind}\n" for column in self.columns]
            first = "# The columns of a record in their order, and the kind of each.\n"
            files[contract.FILE_NAME] = first + "".join(kinds)
        return files


def pipeline_yaml(settings: Mapping[str, Any], schema: str) -> str:
    """Write settings as a person would: in the order of the docs, short sections on one line."""
    lines = [f"# yaml-language-server: $schema={schema}"]
    for name in PipelineFile.model_fields:
        if settings.get(name) not in (None, {}):
            lines += _written(name, settings[name], "")
    return "\n".join(lines) + "\n"


def _written(name: str, value: Any, indent: str) -> Iterator[str]:
    line = f"{indent}{name}: {_flow(value)}"
    if len(line) <= _WIDEST or not isinstance(value, dict | list):
        yield line
        return
    yield f"{indent}{name}:"
    if isinstance(value, list):
        yield from (f"{indent}  - {_flow(each)}" for each in value)
        return
    for inner, each in value.items():
        yield from _written(str(inner), each, f"{indent}  ")


def _flow(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, width=10**6, sort_keys=False)
    return text.removesuffix("...\n").strip()


def table_query(table: str, columns: Sequence[str], ids: Sequence[str], when: When) -> str:
    """Write the query of one day's rows of a table."""
    listed = ",\n".join(f"    {quoted(name)}" for name in columns)
    order = ", ".join(map(quoted, ids))
    return (
        f"-- One row is one record. {when.comment}\nSELECT\n{listed}\nFROM {table}\n"
        f"WHERE {when.condition}\nORDER BY {order}\n"
    )


@dataclass(frozen=True, kw_only=True)
class When:
    """Which rows are of a day.

    Attributes:
        column: what says so.
        is_instant: whether it is a moment; else it is the date.
    """

    column: str
    is_instant: bool

    @property
    def comment(self) -> str:
        """What the parameters are."""
        if self.is_instant:
            return "partition_start and partition_end are instants; the day is [start, end)."
        return "partition is the day."

    @property
    def condition(self) -> str:
        """The condition, with its parameters."""
        column = quoted(self.column)
        if self.is_instant:
            return f"{column} >= :partition_start\n    AND {column} < :partition_end"
        return f"{column} = :partition"


def quoted(name: str) -> str:
    """Write a column's name; one that a database would fold, or not take, in quotes."""
    return name if _PLAIN.fullmatch(name) else '"' + name.replace('"', '""') + '"'
