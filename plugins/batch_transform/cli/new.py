"""``batch-transform new``: a pipeline folder, by questions or by flags."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from batch_transform.cli.asking import asked, names
from batch_transform.cli.command import Flags
from batch_transform.cli.options import DEFAULT_ROOT, Root
from batch_transform.cli.result import Outcome
from batch_transform.cli.writing import write_draft
from batch_transform.scoring.drafts.columns import Found, format_of, of_file
from batch_transform.scoring.drafts.folder import Draft, When
from batch_transform.scoring.drafts.wanted import Wanted, about, of_files, of_table
from batch_transform.scoring.sources.files.opened import Texts

_WHAT = "Score what: a table (schema.table), or a file that shows the columns"
_FILES = "Where each day's files lie, such as s3://bucket/data/{{ partition }}/*.csv"


@dataclass(frozen=True, kw_only=True)
class NewFlags(Flags):
    """What a new pipeline scores, by what, and where the predictions go.

    The fields are what ``--help`` says of them.
    """

    name: Annotated[str, typer.Argument(help="Name of the pipeline, and of its folder.")]
    table: Annotated[str | None, typer.Option(help="Table to score: schema.table.")] = None
    file: Annotated[
        Path | None, typer.Option(help="CSV, JSON Lines or Parquet file that shows the columns.")
    ] = None
    files: Annotated[str | None, typer.Option(help=f"{_FILES}.")] = None
    columns: Annotated[
        str | None, typer.Option(help="Columns of CSV files without a header: a,b,c.")
    ] = None
    delimiter: Annotated[str, typer.Option(help="What separates two fields of CSV.")] = ","
    conn_id: Annotated[
        str | None, typer.Option(help="Airflow connection of the source.", show_default=False)
    ] = None
    id: Annotated[str | None, typer.Option(help="Columns that name a row: a,b.")] = None
    features: Annotated[str | None, typer.Option(help="Columns for the model: a,b.")] = None
    time_column: Annotated[
        str | None, typer.Option(help="Column of a moment that says which day a row is of.")
    ] = None
    day_column: Annotated[str | None, typer.Option(help="Instead: column of the date itself.")] = (
        None
    )
    model: Annotated[str | None, typer.Option(help="Name of the SageMaker model.")] = None
    package_group: Annotated[
        str | None, typer.Option(help="Instead: model package group, with --role.")
    ] = None
    role: Annotated[str | None, typer.Option(help="Execution role of models made of it.")] = None
    instance_type: Annotated[str, typer.Option(help="Of the transform job.")] = "ml.m5.large"
    strategy: Annotated[str, typer.Option(help="MultiRecord or SingleRecord.")] = "MultiRecord"
    record_format: Annotated[
        str, typer.Option("--format", help="What the model is sent: csv or jsonl.")
    ] = "csv"
    prediction: Annotated[str, typer.Option(help="Name of the predicted column.")] = "prediction"
    target: Annotated[
        str | None, typer.Option(help="Table, or s3:// prefix, for the predictions.")
    ] = None
    target_conn_id: Annotated[str, typer.Option(help="Its Airflow connection.")] = "warehouse"
    description: Annotated[str | None, typer.Option(help="One sentence for the UI.")] = None
    owner: Annotated[str | None, typer.Option(help="Who is asked when a run fails.")] = None
    timezone: Annotated[str, typer.Option(help="Whose midnights bound a day.")] = "UTC"
    at: Annotated[str, typer.Option(help="When a day is scored, on the next.")] = "02:00"
    start_date: Annotated[str | None, typer.Option(help="The first day; yesterday by default.")] = (
        None
    )
    root: Root = DEFAULT_ROOT


def new(flags: NewFlags) -> Outcome:
    """Write a pipeline folder that passes its checks, asking for what no flag gives."""
    what = asked(flags.table or str(flags.file or ""), _WHAT, "--table or --file")
    is_file = flags.table is None and (flags.file is not None or Path(what).is_file())
    model = _model(flags)
    draft = _of_files(flags, Path(what), model) if is_file else _of_table(flags, what, model)
    return write_draft(draft, flags.name, flags.root)


def _model(flags: NewFlags) -> Mapping[str, str]:
    if flags.package_group:
        role = asked(flags.role, "ARN of the execution role of its models", "--role")
        return {"package_group": flags.package_group, "role": role}
    return {"name": asked(flags.model, "Name of the SageMaker model", "--model")}


def _of_table(flags: NewFlags, table: str, model: Mapping[str, str]) -> Draft:
    conn_id = flags.conn_id or "warehouse"
    wanted = _wanted(flags, model, _described(conn_id, table))
    column = flags.time_column or flags.day_column
    when = When(column=column, is_instant=column == flags.time_column) if column else None
    return of_table(wanted, table, conn_id, when)


def _described(conn_id: str, table: str) -> Found | None:
    """Ask the database, where the environment knows the connection."""
    from batch_transform.cli.connected import is_known
    from batch_transform.scoring.drafts import columns

    if not is_known(conn_id):
        return None
    from batch_transform.connections import sql_engine

    with sql_engine(conn_id) as engine:
        return columns.of_table(engine, table)


def _of_files(flags: NewFlags, path: Path, model: Mapping[str, str]) -> Draft:
    kind = format_of(path)
    found = of_file(path, _texts(flags))
    pattern = asked(flags.files, _FILES, "--files")
    csv: dict[str, Any] = {} if flags.delimiter == "," else {"delimiter": flags.delimiter}
    if flags.columns:
        csv |= {"header": False, "columns": list(names(flags.columns))}
    conn_id = flags.conn_id or "aws_default"
    source = {"conn_id": conn_id, "files": pattern, "format": kind, **csv}
    return of_files(_wanted(flags, model, found), source)


def _texts(flags: NewFlags) -> Texts:
    return Texts(kinds={}, columns=names(flags.columns) or None, delimiter=flags.delimiter)


def _wanted(flags: NewFlags, model: Mapping[str, str], found: Found | None) -> Wanted:
    place = -1 if flags.record_format == "csv" else "$"
    first = _day(flags.start_date) if flags.start_date else date.today() - timedelta(days=1)
    schedule = {"at": flags.at, "timezone": flags.timezone}
    description = flags.description or f"Scores {flags.table or flags.file or flags.name}"
    table = flags.target or f"predictions.{flags.name}"
    return Wanted(
        name=flags.name,
        about=about(description, flags.owner or getpass.getuser(), schedule, first),
        model=model,
        transform={"instance_type": flags.instance_type, "strategy": flags.strategy},
        format=flags.record_format,
        ids=names(flags.id),
        features=names(flags.features),
        prediction={flags.prediction: {"at": place, "type": "double"}},
        target={"conn_id": flags.target_conn_id, "table": table},
        found=found,
    )


def _day(text: str) -> date | str:
    """Return a day; what is none is refused where the folder is checked."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return text
