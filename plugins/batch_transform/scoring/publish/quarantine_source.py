"""The records that a partition keeps in quarantine, as a source: to be sent again."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from batch_transform.scoring.aws.objects import ObjectStore
from batch_transform.scoring.errors import SourceError
from batch_transform.scoring.extract.index import ExtractIndex
from batch_transform.scoring.kinds import Column
from batch_transform.scoring.names import RunLayout, S3Uri
from batch_transform.scoring.partition import Partition
from batch_transform.scoring.pipeline import Pipeline
from batch_transform.scoring.pipeline.contract import check
from batch_transform.scoring.records.encoder import CHUNK_ROWS
from batch_transform.scoring.records.quarantine import from_json_lines
from batch_transform.scoring.sources.protocol import Expected, Lines
from batch_transform.scoring.sources.slices import Slice
from batch_transform.scoring.warehouse.ledger import Entry


class QuarantineSource:
    """Records as they were sent, in the order in which they were quarantined.

    They are no rows of a database any more: what the query would give now does not matter.
    """

    def __init__(
        self, entry: Entry | None, objects: ObjectStore, part: Slice | None = None
    ) -> None:
        """Read what the load of a ledger's entry left in quarantine; the first slice has it all."""
        self._entry = entry
        self._objects = objects
        self._part = part

    def expected(self, partition: Partition, pipeline: Pipeline) -> Expected:
        """Say how many records there are."""
        rows = self._entry.quarantined if self._entry and self._entry.quarantine else 0
        return Expected(rows=rows, told_by="the ledger")

    def is_there(self, partition: Partition, pipeline: Pipeline) -> bool:
        """Tell whether any is in quarantine."""
        return self._entry is not None and bool(self._entry.quarantine)

    def lines(self, partition: Partition, pipeline: Pipeline) -> Lines:
        """Return the records.

        Raises:
            SourceError: nothing is in quarantine, or the record has other columns by now.
        """
        entry = self._entry
        if entry is None or not entry.quarantine:
            raise SourceError(
                f"Partition {partition.label} has no record in quarantine: there is nothing to send"
                " again; trigger the run without resubmit"
            )
        place = S3Uri.parse(entry.quarantine)
        columns = self._columns(place)
        check(columns, pipeline)
        is_first = self._part is None or self._part.number == 0
        records = from_json_lines(self._objects.get(place)) if is_first else []
        return Lines(
            columns=columns,
            final_columns=lambda: columns,
            blocks=_blocks([each.record for each in records]),
            part=self._part,
            resubmits=entry.digest,
        )

    def _columns(self, place: S3Uri) -> tuple[Column, ...]:
        """Read what the records were when they were extracted."""
        layout = RunLayout.of_quarantine(place)
        index = ExtractIndex.from_json(self._objects.get(layout.index))
        return tuple(
            Column(name=name, kind=kind)
            for name, kind in zip(index.columns, index.types, strict=True)
        )


def _blocks(records: Sequence[str]) -> Generator[bytes]:
    for start in range(0, len(records), CHUNK_ROWS):
        some = records[start : start + CHUNK_ROWS]
        yield "".join(f"{record}\n" for record in some).encode()
