"""Rows that are ready for the target, in Parquet files in S3."""

from __future__ import annotations

from batch_transform.scoring.frozen import Frozen


class RowFile(Frozen):
    """One file of rows, in the columns of the target, ids first.

    Attributes:
        uri: where it lies.
        rows: how many it has.
        bytes: its size.
    """

    uri: str
    rows: int
    bytes: int
