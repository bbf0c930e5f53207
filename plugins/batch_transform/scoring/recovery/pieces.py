"""Cuts records out of shards, as objects that a further transform job reads.

A round lies below a prefix of its own, laid out as an extract is, with its index written last.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any

from batch_transform.scoring.aws.objects import ObjectStore
from batch_transform.scoring.errors import ObjectMissing, OutputError
from batch_transform.scoring.extract import manifest
from batch_transform.scoring.extract.index import ExtractIndex, Shard
from batch_transform.scoring.extract.shards import Piece
from batch_transform.scoring.extract.write import write_shard
from batch_transform.scoring.jobs.blame import Blame
from batch_transform.scoring.jobs.progress import has_inputs
from batch_transform.scoring.jobs.service import Job
from batch_transform.scoring.kinds import Column, RecordId
from batch_transform.scoring.names import RunLayout, S3Uri, piece_name
from batch_transform.scoring.outputs.fetch import plain
from batch_transform.scoring.pipeline import Record
from batch_transform.scoring.records.ids import identity_reader
from batch_transform.scoring.records.quarantine import Quarantined
from batch_transform.scoring.recovery.spans import Span


@dataclass(frozen=True, kw_only=True)
class Extracted:
    """The shards that records are cut from.

    Attributes:
        record: how they are written.
        index: what the extract recorded of them.
        inputs: their prefix.
        objects: where they are.
    """

    record: Record
    index: ExtractIndex
    inputs: S3Uri
    objects: ObjectStore

    def lines(self, spans: Iterable[Span]) -> Iterator[tuple[Span, bytes]]:
        """Yield the lines of spans, by shard and place; one shard is held at a time.

        Raises:
            OutputError: a shard is not what the extract wrote.
        """
        for number, group in groupby(sorted(spans), key=lambda span: span.shard):
            body = self._body(self.index.shards[number])
            starts = _line_starts(body)
            for span in group:
                yield span, body[starts[span.first] : starts[span.first + span.records]]

    @cached_property
    def read_id(self) -> Callable[[bytes], RecordId]:
        """A function that reads the id of a record."""
        columns = [
            Column(name=name, kind=kind)
            for name, kind in zip(self.index.columns, self.index.types, strict=False)
        ]
        return identity_reader(self.record, columns)

    def quarantined(self, given_up: Mapping[Span, Blame]) -> Iterator[Quarantined]:
        """Yield single records as they are kept, by shard and place."""
        for span, line in self.lines(given_up):
            record, blame = line.removesuffix(b"\n"), given_up[span]
            yield Quarantined(
                id=tuple(str(part) for part in self.read_id(record)),
                shard=self.index.shards[span.shard].name,
                line=span.first + 1,
                status=blame.status,
                reason=blame.message,
                record=record.decode(),
            )

    def name(self, span: Span) -> str:
        """Name the object of a span."""
        return piece_name(self.index.shards[span.shard].name, span.first, span.records)

    def _body(self, shard: Shard) -> bytes:
        packed = self.objects.get(self.inputs / shard.name)
        if hashlib.sha256(packed).hexdigest() != shard.sha256:
            raise OutputError(f"Shard {shard.name} is not what the extract wrote; clear extract")
        return b"".join(plain([packed]))


def _line_starts(body: bytes) -> Any:
    """Return where each line begins, and where the last one ends."""
    import numpy as np  # not at the top: Airflow's parsing of the DAG must stay quick

    ends = np.flatnonzero(np.frombuffer(body, dtype="u1") == ord("\n")) + 1
    return np.concatenate([[0], ends])


def layout_of(job: Job) -> RunLayout:
    """Return the layout of what a job reads, whoever wrote it."""
    return RunLayout.of_manifest(S3Uri.parse(job.manifest))


def read_index(objects: ObjectStore, layout: RunLayout) -> ExtractIndex | None:
    """Read the index of a round; None where it has not been written, or is gone."""
    try:
        return ExtractIndex.from_json(objects.get(layout.index))
    except ObjectMissing:
        return None


def read_whole(objects: ObjectStore, layout: RunLayout) -> ExtractIndex | None:
    """Read the index of a round whose objects are all there; None where they are not."""
    index = read_index(objects, layout)
    return index if index and has_inputs(index, objects, layout) else None


def write(extracted: Extracted, spans: Sequence[Span], layout: RunLayout) -> ExtractIndex:
    """Write the objects of spans, the manifest that lists them in this order, and their index."""
    objects = extracted.objects
    pieces = _written(extracted, spans, layout)
    index = extracted.index.model_copy(
        update={
            "records": sum(span.records for span in spans),
            "quarantined": 0,
            "shards": tuple(pieces[span] for span in spans),
        }
    )
    objects.put(layout.manifest, manifest.build(layout.input, [each.name for each in index.shards]))
    objects.put(layout.index, index.to_json())
    return index


def _written(
    extracted: Extracted, spans: Iterable[Span], layout: RunLayout
) -> Mapping[Span, Shard]:
    compression = extracted.record.compression
    with extracted.objects.uploads() as uploads:
        return {
            span: write_shard(
                extracted.name(span),
                [Piece(shard=span.shard, body=body, records=span.records)],
                uploads.open(layout.input / extracted.name(span)),
                compression,
                extracted.read_id,
            )
            for span, body in extracted.lines(spans)
        }
