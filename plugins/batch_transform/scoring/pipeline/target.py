"""What is predicted, and where it goes."""

from __future__ import annotations

import re
from typing import Literal, Self

from pydantic import field_validator, model_validator

from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.pipeline.fields import Name, Section
from batch_transform.scoring.pipeline.prediction_types import TYPES, TypeName
from batch_transform.scoring.pipeline.replypath import reply_path

_TABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?")
_LONGEST_NAME = 63  # PostgreSQL cuts longer ones, and two could become one


class Prediction(Section):
    """One predicted column.

    Attributes:
        at: for csv the index of the column in the output's row, such as -1; for jsonl the path in
            the model's reply, such as ``predictions[0][0]``.
        type: the column's type in the target table.
        min: the least value that fits.
        max: the greatest value that fits.
        nullable: whether null, in csv an empty field, fits.
    """

    at: int | str
    type: TypeName = "double"
    min: float | None = None
    max: float | None = None
    nullable: bool = False

    @model_validator(mode="after")
    def _readable(self) -> Self:
        if isinstance(self.at, str):
            reply_path(self.at)
        if not TYPES[self.type].is_number and (self.min, self.max) != (None, None):
            raise ValueError(f"min and max are for numbers; drop them from a {self.type}")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min is {self.min}, above max, which is {self.max}")
        return self


class Target(Section):
    """Where the predictions go: a Postgres table, or Parquet files in S3.

    Attributes:
        conn_id: Airflow connection; of AWS where ``table`` is an S3 URI.
        table: ``table`` or ``schema.table`` of Postgres, or ``s3://bucket/prefix``.
        partition_column: the column that holds the partition's date.
        add_columns: whether predictions that the table lacks become new columns of it.
        swap: ``rows`` deletes and copies the partition's rows; ``partitions`` attaches a filled
            table in place of the old one, where the table is partitioned by date; ``upsert`` leaves
            rows alone that stay as they are.
    """

    conn_id: str
    table: str
    partition_column: Name
    add_columns: bool = False
    swap: Literal["rows", "partitions", "upsert"] = "rows"

    @field_validator("table")
    @classmethod
    def _known_kind(cls, table: str) -> str:
        if table.startswith("s3://"):
            uri = S3Uri.parse(table)
            if not uri.key or set("?#*") & set(uri.key):
                raise ValueError("a target in S3 is a plain prefix: s3://bucket/prefix")
            return str(uri)
        if not _TABLE.fullmatch(table) or max(map(len, table.split("."))) > _LONGEST_NAME:
            raise ValueError(
                "a table is table or schema.table, of at most 63 letters, digits and underscores"
                " each, or an S3 prefix such as s3://bucket/predictions"
            )
        return table

    @model_validator(mode="after")
    def _of_tables_alone(self) -> Self:
        if self.in_s3 and (self.add_columns or self.swap != "rows"):
            raise ValueError("add_columns and swap are for Postgres; drop them from a target in S3")
        return self

    @property
    def in_s3(self) -> bool:
        """Whether the target is Parquet files in S3 rather than a table of Postgres."""
        return self.table.startswith("s3://")
