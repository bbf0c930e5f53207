"""What is predicted, and where it goes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.pipeline.fields import (
    ConnId,
    Flag,
    Name,
    Number,
    Place,
    Section,
    broken_rule,
)
from batch_transform.scoring.pipeline.glue_place import GluePlace
from batch_transform.scoring.pipeline.iceberg_place import IcebergPlace
from batch_transform.scoring.pipeline.prediction_types import TYPES, TypeName
from batch_transform.scoring.pipeline.redshift_place import RedshiftPlace
from batch_transform.scoring.pipeline.replypath import reply_path
from batch_transform.scoring.pipeline.snowflake_place import SnowflakePlace

_TABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?")
_LONGEST_NAME = 63  # PostgreSQL cuts longer ones, and two could become one
_LARGEST_INDEX = 100_000
WarehousePlace = RedshiftPlace | SnowflakePlace | IcebergPlace
_OURS = frozenset({"batch_transform_ledger", "batch_transform_quarantine"})


def _at(value: Any) -> Any:
    if isinstance(value, str):
        _reply_path(value)
    elif type(value) is not int or abs(value) > _LARGEST_INDEX:
        raise ValueError("must be an index such as -1, or a quoted path such as predictions[0][0]")
    return value


def _reply_path(text: str) -> None:
    try:
        reply_path(text)
    except ValueError as error:
        raise broken_rule(str(error)) from error


def _table(value: Any) -> Any:
    if isinstance(value, str) and value.startswith("s3://"):
        return str(_prefix(value))
    is_table = isinstance(value, str) and _TABLE.fullmatch(value)
    if not is_table or max(map(len, value.split("."))) > _LONGEST_NAME:
        raise ValueError(
            "must be table or schema.table, of at most 63 letters, digits and underscores each, or"
            " an S3 prefix such as s3://bucket/predictions"
        )
    if value.rpartition(".")[2] in _OURS:
        raise ValueError("must be another table: this one is the package's own")
    return value


def _prefix(text: str) -> S3Uri:
    try:
        uri = S3Uri.parse(text)
    except ValueError as error:
        raise broken_rule(str(error)) from error
    if not uri.key or set("?#*") & set(uri.key) or not uri.key.isprintable():
        raise ValueError("must be a plain prefix: s3://bucket/prefix")
    return uri


class Prediction(Section):
    """One predicted column.

    Attributes:
        at: csv: index in the output's row, ``-1`` is the last; jsonl: path in the model's reply,
            ``predictions[0][0]``, or ``$`` for the whole reply.
        type: ``double``, ``bigint``, ``text`` or ``boolean``.
        min: a number below does not fit.
        max: a number above does not fit.
        nullable: whether null, in csv an empty field, fits.
    """

    at: Annotated[int | str, BeforeValidator(_at)]
    type: TypeName = "double"
    min: Number | None = None
    max: Number | None = None
    nullable: Flag = False

    def broken(self) -> Iterator[tuple[Place, str]]:
        """Hold the bounds to numbers, and to a range."""
        if not TYPES[self.type].is_number:
            for name in sorted({"min", "max"} & self.model_fields_set):
                yield (name,), f"min and max are for numbers; drop them from a {self.type}"
        elif self.min is not None and self.max is not None and self.min > self.max:
            yield ("min",), f"is {self.min}, above max, which is {self.max}"


class Target(Section):
    """Where the predictions go: a table of a warehouse or of Iceberg, or Parquet files in S3.

    Attributes:
        conn_id: Airflow connection of the Postgres warehouse, or of Snowflake; of AWS for a target
            in Redshift or in S3; of the catalog for one of Iceberg.
        table: ``table`` or ``schema.table``, made on first use, its schema is not; or
            ``s3://bucket/prefix``.
        redshift: the Redshift that has the table, and copies the rows from S3; without it,
            ``snowflake`` and ``iceberg``, the table is one of Postgres.
        snowflake: the stage by which Snowflake, which has the table, copies the rows from S3.
        iceberg: the catalog of Iceberg that has the table, ``schema.table`` there.
        glue: the table of Glue by which Athena and Spark find a target in S3; without it, none is
            kept.
        partition_column: the column that holds the partition's date.
        add_columns: whether a prediction that the table lacks becomes a new column; if not, the run
            fails.
        swap: ``rows``: the partition's rows are deleted and copied in one transaction;
            ``partitions``: a filled table is attached in place of the old one, where the table is
            partitioned by LIST or RANGE of the date, day by day; ``upsert``: ids that are gone are
            deleted, changed ones updated and new ones inserted, in one transaction.
    """

    conn_id: ConnId
    table: Annotated[str, BeforeValidator(_table)]
    redshift: RedshiftPlace | None = None
    iceberg: IcebergPlace | None = None
    glue: GluePlace | None = None
    snowflake: SnowflakePlace | None = None
    partition_column: Name
    add_columns: Flag = False
    swap: Literal["rows", "partitions", "upsert"] = "rows"

    def broken(self) -> Iterator[tuple[Place, str]]:
        """Hold a target that is none of Postgres to what there is."""
        used = list(self._places())
        if len(used) > 1:
            yield (), f"give either {' or '.join(used)}"
        settings = {"add_columns": self.add_columns, **dict.fromkeys(used, True)}
        for name in (name for name, is_used in settings.items() if is_used and self.in_s3):
            yield (name,), "is for a table; drop it from a target in S3"
        if self.swap != "rows" and (self.in_s3 or used):
            where = "S3" if self.in_s3 else used[0].capitalize()
            yield ("swap",), f"is for a table of Postgres; drop it from a target in {where}"
        if self.glue is not None and not self.in_s3:
            yield ("glue",), "leads to files; drop it from a target that is a table"
        if self.iceberg is not None and not self.in_s3 and "." not in self.table:
            yield ("table",), "must be schema.table: a catalog has no table outside of a namespace"

    def _places(self) -> dict[str, WarehousePlace]:
        return {name: value for name, value in self if isinstance(value, WarehousePlace)}

    @property
    def place(self) -> WarehousePlace | None:
        """The warehouse that has the table; None for Postgres, and for files in S3."""
        return next(iter(self._places().values()), None)

    @property
    def in_s3(self) -> bool:
        """Whether the target is Parquet files in S3 rather than a table of Postgres."""
        return self.table.startswith("s3://")
