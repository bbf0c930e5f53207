"""One file of a source, whatever its format."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from batch_transform.scoring.kinds import Column, Kind, Row


@dataclass(frozen=True, kw_only=True)
class OpenedFile:
    """One file, opened.

    Attributes:
        columns: all that it has, with their kinds where it says them; None where its rows name
            their columns one by one.
        rows: reads the rows, in these columns and their order.
        seen: the names of columns that were met; whole once the rows are drawn.
    """

    columns: tuple[Column, ...] | None
    rows: Callable[[Sequence[str]], Iterator[Row]]
    seen: set[str] = field(default_factory=set)


class FileFormat(Protocol):
    """Reads files of one format from the worker's disk, in memory that does not grow with them."""

    def open(self, path: Path) -> OpenedFile | None:
        """Open a file; None where it is empty and does not even say its columns.

        Raises:
            SourceError: here or while rows are drawn: it is not of this format.
        """


@dataclass(frozen=True, kw_only=True)
class Texts:
    """How text is read, where the format has no types of its own.

    Attributes:
        kinds: of the columns that ``contract.yaml`` names.
        columns: the names of all columns, in order, of files that do not have them.
        delimiter: the separator of two fields.
    """

    kinds: Mapping[str, Kind]
    columns: Sequence[str] | None = None
    delimiter: str = ","
