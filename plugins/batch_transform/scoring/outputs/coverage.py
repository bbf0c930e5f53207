"""Which objects hold the answers to which records, and which records have none.

A job whose outputs are all there answers each shard with one object. Where records were sent again,
several smaller objects take the place of a shard's, and records that cannot be scored are named.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from batch_transform.scoring.errors import OutputError
from batch_transform.scoring.extract.index import ExtractIndex, Shard
from batch_transform.scoring.frozen import Frozen
from batch_transform.scoring.pipeline import PipelineFile
from batch_transform.scoring.records.quarantine import Quarantined

_SHOWN = 10


class Part(Frozen):
    """Neighbouring records of one shard, and the object that answers them.

    Attributes:
        sent: the object that was sent: a shard of the extract, or a piece of one.
        sent_at: its URI.
        answered_at: URI of its output.
        shard: name of the extract's shard that the records are of.
        first: number of the first of them in that shard, from 0.
        elsewhere: lines, from 1, whose answer does not count, since they were sent again.
    """

    sent: Shard
    sent_at: str
    answered_at: str
    shard: str
    first: int = 0
    elsewhere: tuple[int, ...] = ()

    @property
    def records(self) -> int:
        """How many records this part accounts for."""
        return self.sent.records - len(self.elsewhere)


class Coverage(Frozen):
    """Where the answers to all records of a partition lie.

    Attributes:
        parts: in the order of the shards and of the records in them.
        quarantined: records that were sent, and have no answer.
        jobs: names of the transform jobs that sent records again.
        seconds: what those jobs took together.
    """

    parts: tuple[Part, ...]
    quarantined: tuple[Quarantined, ...] = ()
    jobs: tuple[str, ...] = ()
    seconds: float = 0.0

    def to_json(self) -> bytes:
        """Return the coverage as it is kept: the same one gives the same bytes."""
        return self.model_dump_json(indent=1).encode()


def allowed_bad(settings: PipelineFile, index: ExtractIndex) -> int:
    """Return how many records of an extract may be bad: all of those that are sent once more.

    They were within the limit when they were quarantined, and go back there.
    """
    return index.records if index.resubmits else settings.limits.allowed(index.of_records)


def together(coverages: Iterable[Coverage]) -> Coverage:
    """Return what several jobs have covered, each some shards of a partition, in their order."""
    each = tuple(coverages)
    return Coverage(
        parts=tuple(part for coverage in each for part in coverage.parts),
        quarantined=tuple(bad for coverage in each for bad in coverage.quarantined),
        jobs=tuple(name for coverage in each for name in coverage.jobs),
        seconds=sum(coverage.seconds for coverage in each),
    )


def check_covers(index: ExtractIndex, coverage: Coverage) -> None:
    """Prove that every record of every shard is covered exactly once.

    Raises:
        OutputError: records are covered twice, or not at all; names shards and lines.
    """
    spans: dict[str, list[tuple[int, int]]] = {shard.name: [] for shard in index.shards}
    foreign: list[tuple[int, int]] = []
    for name, first, end in _spans(coverage):
        spans.get(name, foreign).append((first, end))
    problems = [f"{len(foreign)} parts are of no shard"] if foreign else []
    for shard in index.shards:
        problems += _gaps(shard, sorted(spans[shard.name]))
    if problems:
        raise OutputError(
            "The outputs do not account for every record exactly once; the target was not"
            " touched:\n  " + "\n  ".join(problems[:_SHOWN])
        )


def _spans(coverage: Coverage) -> Iterator[tuple[str, int, int]]:
    """Yield shard, first record, and the record after the last, of all that is covered."""
    for part in coverage.parts:
        start = part.first
        for line in (*sorted(part.elsewhere), part.sent.records + 1):
            end = part.first + line - 1
            if end > start:
                yield part.shard, start, end
            start = end + 1
    for each in coverage.quarantined:
        yield each.shard, each.line - 1, each.line


def _gaps(shard: Shard, spans: Iterable[tuple[int, int]]) -> Iterator[str]:
    after = 0
    for first, end in (*spans, (shard.records, shard.records)):
        if first > after:
            yield f"shard {shard.name}: records {after + 1} to {first} are not covered"
        if first < after:
            yield f"shard {shard.name}: records {first + 1} to {after} are covered twice"
        after = max(after, end)
    if after > shard.records:
        yield f"shard {shard.name}: has {shard.records} records, but {after} are covered"
