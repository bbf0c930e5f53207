"""The rows that a partition holds, brought to the worker's disk to be compared with others."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class HeldRows:
    """Files with the rows of a partition.

    Attributes:
        paths: of the files.
        format: ``csv``: the columns of a load, in order, without a header; all values are quoted,
            and NULL is a backslash and an N. ``parquet``: columns by their names, of which some may
            be missing.
    """

    paths: tuple[Path, ...]
    format: Literal["csv", "parquet"]
