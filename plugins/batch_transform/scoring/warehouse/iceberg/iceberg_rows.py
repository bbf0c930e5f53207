"""The rows of a partition as an Iceberg table has them: data files, written and found."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from pyiceberg.expressions import AlwaysTrue, BooleanExpression
from pyiceberg.io.pyarrow import write_file
from pyiceberg.manifest import DataFile
from pyiceberg.partitioning import PartitionFieldValue, PartitionKey
from pyiceberg.table import Table, WriteTask

from batch_transform.scoring.errors import TargetMismatch
from batch_transform.scoring.outputs.staged import Staged
from batch_transform.scoring.pipeline import Target
from batch_transform.scoring.warehouse.held import HeldRows
from batch_transform.scoring.warehouse.iceberg.conditions import equals
from batch_transform.scoring.warehouse.iceberg.iceberg_tables import partition_field
from batch_transform.scoring.warehouse.protocol import Load

if TYPE_CHECKING:
    from pyarrow import RecordBatch

_ROWS_A_FILE = 1_000_000
_BYTES_A_FILE = 64 << 20  # in memory, from where a file is written
_ROWS_A_BATCH = 50_000
_BYTES_A_BATCH = 4 << 20


def of_day(target: Target, partition: date) -> BooleanExpression:
    """Return the condition that a row is of a partition."""
    return equals(**{target.partition_column: partition})


def lying(table: Table, target: Target, partition: date) -> list[DataFile]:
    """Return the data files of a partition.

    Raises:
        TargetMismatch: one has rows of other days too, since the table was partitioned otherwise.
    """
    tasks = list(table.scan(of_day(target, partition)).plan_files())
    for task in tasks:
        if task.residual != AlwaysTrue():
            raise TargetMismatch(
                f"{target.table} keeps {partition} in a file with other days,"
                f" {task.file.file_path}; rewrite its data files as it is partitioned now"
            )
    return [task.file for task in tasks]


def written(table: Table, load: Load, staged: Staged) -> Iterator[DataFile]:
    """Write rows as data files that are of no snapshot yet."""
    day = load.target.partition_column
    field = PartitionFieldValue(partition_field(table, day), load.partition)
    key = PartitionKey([field], table.spec(), table.schema())
    written_by = uuid.uuid4()
    for number, batches in enumerate(_pieces(load, staged)):
        task = WriteTask(written_by, number, table.schema(), batches, partition_key=key)
        yield from write_file(table.io, table.metadata, iter([task]))


def brought(table: Table, load: Load, folder: Path) -> HeldRows | None:
    """Write the rows of a partition into a folder, in the columns of a load; None without any."""
    from pyarrow.parquet import ParquetWriter  # not at the top: it takes a while

    names = {field.name for field in table.schema().fields}
    kept = tuple(column.name for column in load.columns if column.name in names)
    scan = table.scan(of_day(load.target, load.partition), selected_fields=kept)
    path, count = folder / "held-00000.parquet", 0
    rows = scan.to_arrow_batch_reader()
    with ParquetWriter(path, rows.schema) as writer:
        for batch in rows:
            writer.write_batch(batch)
            count += batch.num_rows
    return HeldRows(paths=(path,), format="parquet") if count else None


def _pieces(load: Load, staged: Staged) -> Iterator[list[RecordBatch]]:
    """Yield the batches of one file after the other."""
    piece: list[RecordBatch] = []
    for batch in staged.batches(_ROWS_A_BATCH, _BYTES_A_BATCH):
        piece.append(_named(load, batch))
        rows, size = sum(each.num_rows for each in piece), sum(each.nbytes for each in piece)
        if rows >= _ROWS_A_FILE or size >= _BYTES_A_FILE:
            yield piece
            piece = []
    if piece:
        yield piece


def _named(load: Load, batch: RecordBatch) -> RecordBatch:
    import pyarrow as pa

    day = pa.repeat(pa.scalar(load.partition, type=pa.date32()), batch.num_rows)
    names = [load.target.partition_column, *(column.name for column in load.columns)]
    return pa.record_batch([day, *batch.columns], names=names)
