"""What a source of records is, and the way from its rows to lines."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Protocol

from batch_transform.scoring.kinds import Column, Row
from batch_transform.scoring.partition import Partition
from batch_transform.scoring.pipeline import Pipeline, Record
from batch_transform.scoring.pipeline.contract import check
from batch_transform.scoring.records.encoder import RowEncoder, chunks
from batch_transform.scoring.records.ids import distinct
from batch_transform.scoring.sources.slices import Slice


@dataclass(frozen=True, kw_only=True)
class Lines:
    """The records of one partition, in one consistent snapshot.

    Attributes:
        columns: the columns of the record, checked against the contract, with the kinds that are
            known before the first block is drawn.
        final_columns: gives the columns once all blocks are drawn, when every kind is known that
            ever will be.
        blocks: whole lines, each block some; drawn once, and closed by who drew them. Ids are
            proven different by the end.
        part: the slice that these are the records of; None where they are the whole partition's.
        resubmits: digest of the load whose quarantined records these are; empty where they are the
            source's.
        read_at: when the snapshot was taken, by the source's own clock; None where it has none.
    """

    columns: tuple[Column, ...]
    final_columns: Callable[[], tuple[Column, ...]]
    blocks: Generator[bytes]
    part: Slice | None = None
    resubmits: str = ""
    read_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What a source is likely to give, learnt without reading it.

    Attributes:
        rows: how many rows; None where only reading tells.
        size: bytes of the files; None where there are none.
        told_by: what said so, for people.
    """

    rows: int | None = None
    size: int | None = None
    told_by: str

    def __str__(self) -> str:
        facts = [f"about {self.rows} rows"] if self.rows is not None else []
        facts += [f"{self.size} bytes"] if self.size is not None else []
        return f"{' in '.join(facts) or 'an unknown number of rows'} ({self.told_by})"


class Source(Protocol):
    """Where the records of a partition come from."""

    def expected(self, partition: Partition, pipeline: Pipeline) -> Expected:
        """Say what there is to read, at little cost.

        Raises:
            SourceError: reading would be refused.
        """

    def is_there(self, partition: Partition, pipeline: Pipeline) -> bool:
        """Tell whether the partition has come: whether it has a row, or files a file."""

    def lines(self, partition: Partition, pipeline: Pipeline) -> Lines:
        """Return the partition's records.

        Raises:
            SourceError: here or while blocks are drawn: the columns are not the contract's, an id
                is NULL or comes twice, or a value cannot be written.
        """


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows of one partition as Python values.

    Attributes:
        columns: those of each row; none where ``reshape.py`` was given no rows to show any.
        rows: drawn once.
    """

    columns: tuple[Column, ...]
    rows: Iterator[Row]


TableFunction = Callable[[Table], Table]


def unchanged(table: Table) -> Table:
    """Reshape nothing."""
    return table


def encoded(table: Table, pipeline: Pipeline) -> Lines:
    """Encode rows, in the columns of the record and the order in which they come."""
    record = pipeline.settings.record
    columns = table.columns or tuple(Column(name=name) for name in record.columns)
    check(columns, pipeline)
    encoder = RowEncoder(record, columns)
    pending = chunks(table.rows)
    first = list(next(pending, ()))
    if first:
        encoder.learn(first)
        check(encoder.columns, pipeline)
    encoder.expect(pipeline.contract or ())
    blocks = _blocks(chain([first] if first else [], pending), encoder, record)
    return Lines(columns=encoder.columns, final_columns=lambda: encoder.columns, blocks=blocks)


def _blocks(chunks: Iterable[list[Row]], encoder: RowEncoder, record: Record) -> Generator[bytes]:
    for chunk in distinct(chunks, record):
        yield encoder.encode(chunk)
