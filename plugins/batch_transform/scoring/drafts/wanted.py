"""A draft of what a person wants scored: rows of a table, or files, by a model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from batch_transform.scoring.drafts.columns import Found
from batch_transform.scoring.drafts.folder import QUERY_FILE, Draft, When, quoted, table_query
from batch_transform.scoring.errors import ConfigurationError
from batch_transform.scoring.kinds import ID_KINDS, Column

PARTITION_COLUMN = "partition_date"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a person wants.

    Attributes:
        name: of the pipeline.
        about: description, owner, schedule and start_date, as in ``pipeline.yaml``.
        model: section ``model``.
        transform: section ``transform``.
        format: of the records.
        ids: columns that name a row; none: whatever does.
        features: the other columns; none: all that a record can have.
        prediction: the predicted column and its section.
        target: connection and table.
        found: the columns that there are; none where nobody could be asked.
    """

    name: str
    about: Mapping[str, Any]
    model: Mapping[str, Any]
    transform: Mapping[str, Any]
    format: str = "csv"
    ids: Sequence[str] = ()
    features: Sequence[str] = ()
    prediction: Mapping[str, Any] = field(default_factory=dict)
    target: Mapping[str, Any] = field(default_factory=dict)
    found: Found | None = None

    def draft(self, source: Mapping[str, Any], columns: Sequence[Column]) -> Draft:
        """Return the draft of a source and the record's columns."""
        names = [column.name for column in columns]
        ids = len(self.chosen_ids())
        settings = {
            **self.about,
            "source": source,
            "record": {"format": self.format, "id": names[:ids], "features": names[ids:]},
            "model": self.model,
            "transform": self.transform,
            "predictions": self.prediction,
            "target": {**self.target, "partition_column": PARTITION_COLUMN},
        }
        return Draft(settings=settings, columns=columns, notes=tuple(self._notes(columns)))

    def chosen_ids(self) -> Sequence[str]:
        """Return the columns that name a row.

        Raises:
            ConfigurationError: nothing says which.
        """
        ids = self.ids or (self.found.ids() if self.found else ())
        if not ids:
            raise ConfigurationError(
                "Nothing says which columns name a row: give them with --id, and the others with"
                " --features"
            )
        return ids

    def record_columns(self, besides: Sequence[str] = ()) -> tuple[Column, ...]:
        """Choose the record's columns, ids first; ``besides`` only say which rows are of a day.

        Raises:
            ConfigurationError: a column is not there, or cannot be one of a record.
        """
        ids = self.chosen_ids()
        features = self.features or self._features(ids, besides)
        if not features:
            raise ConfigurationError("Nothing says what the model is sent: give --features")
        found = self.found or Found(columns=())
        chosen = found.named([*ids, *features])
        problems = list(_problems(chosen, found, len(ids)))
        if problems:
            raise ConfigurationError("The record cannot have these columns: " + "; ".join(problems))
        return chosen

    def _features(self, ids: Sequence[str], besides: Sequence[str]) -> list[str]:
        found = self.found.columns if self.found else ()
        return [each.name for each in found if self._fits(each, {*ids, *besides})]

    def _fits(self, column: Column, others: set[str]) -> bool:
        is_nested = column.kind == "nested" and self.format == "csv"
        return (
            column.name.isidentifier()
            and column.name not in others
            and not (column.kind is None or is_nested)
        )

    def _notes(self, chosen: Sequence[Column]) -> Iterator[str]:
        names = {column.name for column in chosen}
        found = self.found.columns if self.found else ()
        left = [
            f"{each.name} {each.source_type}".strip() for each in found if each.name not in names
        ]
        if left:
            yield f"left out of the record: {', '.join(left)}"
        if not all(column.kind for column in chosen):
            yield "no contract.yaml was written, since nothing says which kinds the columns have"


def _problems(chosen: Sequence[Column], found: Found, ids: int) -> Iterator[str]:
    known = {column.name for column in found.columns}
    for number, column in enumerate(chosen):
        if known and column.name not in known:
            yield f"{column.name} is not there; there are {', '.join(sorted(known))}"
        elif not column.name.isidentifier():
            yield f"{column.name!r} is no name of letters, digits and underscores"
        elif number < ids and column.kind and column.kind not in ID_KINDS:
            yield f"{column.name} is {column.kind}, and an id is an integer or a text"


def of_table(wanted: Wanted, table: str, conn_id: str, when: When | None = None) -> Draft:
    """Draft a pipeline of a table's rows.

    Raises:
        ConfigurationError: nothing says which rows are of a day, or the columns cannot be had.
    """
    when = when or _when(wanted.found)
    columns = wanted.record_columns([when.column])
    names = [column.name for column in columns]
    source = {"conn_id": conn_id, "sql": QUERY_FILE}
    draft = wanted.draft(source, columns)
    query = table_query(table, names, wanted.chosen_ids(), when)
    return Draft(settings=draft.settings, columns=columns, query=query, notes=draft.notes)


def of_files(wanted: Wanted, source: Mapping[str, Any]) -> Draft:
    """Draft a pipeline of files whose section ``source`` is given."""
    return wanted.draft(source, wanted.record_columns())


def _when(found: Found | None) -> When:
    moments, days = (found.of_kind("timestamp"), found.of_kind("date")) if found else ((), ())
    if len(moments) + len(days) != 1:
        there_are = ", ".join(map(quoted, (*moments, *days))) or "none that is known"
        raise ConfigurationError(
            "Nothing says which rows are of a day: name the column of a moment with --time-column,"
            f" or that of a date with --day-column ({there_are})"
        )
    return When(column=(*moments, *days)[0], is_instant=bool(moments))


def about(
    description: str, owner: str, schedule: Mapping[str, str], start_date: date | str
) -> dict[str, Any]:
    """Return the first settings of a ``pipeline.yaml``."""
    return {
        "description": description,
        "owner": owner,
        "schedule": dict(schedule),
        "start_date": start_date,
    }
