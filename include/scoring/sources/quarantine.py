"""The records that a partition keeps in quarantine, as a source: to be sent again."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from include.scoring.contract import check
from include.scoring.errors import SourceError
from include.scoring.index import ExtractIndex
from include.scoring.kinds import Column
from include.scoring.ledger import Entry
from include.scoring.names import RunLayout, S3Uri
from include.scoring.objects import ObjectStore
from include.scoring.partition import Partition
from include.scoring.quarantine import from_json_lines
from include.scoring.records import CHUNK_ROWS
from include.scoring.slices import Slice
from include.scoring.source import Lines
from include.scoring.spec import Pipeline


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
