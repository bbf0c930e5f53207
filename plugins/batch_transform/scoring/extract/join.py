"""Joins the slices of a partition into one extract, as if one task had written it.

For several transform jobs there is an extract for each of them, of neighbouring slices, below a
prefix of its own; the one of the whole then only lists what lies there.

Shards are copied by S3 itself below the prefix of the joining attempt, with names in the order of
the slices. So a job reads one flat prefix, whose names nobody else shares and from which the names
of its outputs follow; and what lies there depends on the slices alone, never on which of them was
done first, or how often one was tried.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count

from batch_transform.scoring.aws.objects import ObjectStore
from batch_transform.scoring.errors import ManifestError, ObjectMissing, SourceError
from batch_transform.scoring.extract import snapshot
from batch_transform.scoring.extract.index import ExtractIndex, Portion, Shard
from batch_transform.scoring.extract.shards import extension
from batch_transform.scoring.kinds import Column, Kind
from batch_transform.scoring.names import RunLayout, S3Uri, shard_name
from batch_transform.scoring.pipeline import Pipeline, contract
from batch_transform.scoring.records.oversized import set_aside
from batch_transform.scoring.sources.slices import slices

_COPIES_AT_ONCE = 8
_SAME = ("pipeline", "partition", "query", "columns", "resubmits")
_CURE = "Clear every task of extract in this run"


@dataclass(frozen=True, kw_only=True)
class _Extracted:
    layout: RunLayout
    index: ExtractIndex


@dataclass(frozen=True, kw_only=True)
class _Copy:
    source: S3Uri
    shard: Shard
    job: int


def join(
    pipeline: Pipeline, index_uris: Iterable[str], objects: ObjectStore, layout: RunLayout
) -> ExtractIndex:
    """Copy the shards of all slices and, last of all, write their index: those of jobs before it.

    Args:
        pipeline: what was sliced.
        index_uris: where the index of each slice lies, in any order.
        objects: the store of the slices and of what they are joined to.
        layout: the joining attempt's.

    Raises:
        SourceError: the slices are not those of one partition, each once, or differ in columns.
        ManifestError: a shard is not what its slice wrote.
    """
    extracts = _whole(pipeline, [_read(uri, objects) for uri in index_uris])
    indexes = [each.index for each in extracts]
    columns = _columns(indexes)
    contract.check(columns, pipeline)
    copies = list(_copies(extracts, pipeline))
    layouts = layout.of_jobs(pipeline.settings.transform.jobs)
    _carry_out_all(copies, layouts, objects)
    _join_set_aside(extracts, pipeline, objects, layout)
    index = indexes[0].model_copy(
        update={
            "types": tuple(column.kind for column in columns),
            "contract": contract.digest(columns),
            "records": sum(index.records for index in indexes),
            "quarantined": sum(index.quarantined for index in indexes),
            "part": None,
            "jobs": len(layouts),
            "shards": tuple(copy.shard for copy in copies),
        }
    )
    if len(layouts) > 1:
        _write_portions(index, copies, layouts, objects)
    _join_snapshots(extracts, objects, layout)
    objects.put(layout.index, index.to_json())
    return index


def _read(uri: str, objects: ObjectStore) -> _Extracted:
    layout = RunLayout.of_index(uri)
    return _Extracted(layout=layout, index=ExtractIndex.from_json(objects.get(layout.index)))


def _whole(pipeline: Pipeline, extracts: Sequence[_Extracted]) -> list[_Extracted]:
    """Return the slices in their order, once they are proven to be each slice once."""
    expected = slices(pipeline.settings.extract)
    ordered = sorted(extracts, key=lambda each: each.index.part.number if each.index.part else -1)
    if tuple(each.index.part for each in ordered) != expected:
        shown = "; ".join(part.label if (part := each.index.part) else "all" for each in ordered)
        raise SourceError(
            f"What was extracted is not each of the {len(expected)} slices of pipeline.yaml once,"
            f" but: {shown or 'nothing'}. {_CURE}"
        )
    first = ordered[0].index
    for number, each in enumerate(ordered):
        for name in _SAME:
            if getattr(each.index, name) != getattr(first, name):
                raise SourceError(f"Slice {number} has another {name} than slice 0. {_CURE}")
    return ordered


def _columns(indexes: Sequence[ExtractIndex]) -> tuple[Column, ...]:
    """Return the columns with the kinds that any slice knows; one without values knows none."""
    kinds = zip(*(index.types for index in indexes), strict=True)
    return tuple(
        Column(name=name, kind=_kind(name, known))
        for name, known in zip(indexes[0].columns, kinds, strict=True)
    )


def _kind(name: str, known: Sequence[Kind | None]) -> Kind | None:
    numbers = {kind: number for number, kind in reversed(list(enumerate(known))) if kind}
    if len(numbers) > 1:
        kinds = ", ".join(f"{kind} in slice {at}" for kind, at in sorted(numbers.items()))
        raise SourceError(f"Column {name} is {kinds}; cast it in the query")
    return next(iter(numbers), None)


def _copies(extracts: Sequence[_Extracted], pipeline: Pipeline) -> Iterator[_Copy]:
    """Name the shards anew: those of a job by what its own slices hold, whatever the others do."""
    suffix, jobs = extension(pipeline.settings.record), pipeline.settings.transform.jobs
    numbers = [count() for _ in range(jobs)]
    for position, each in enumerate(extracts):
        job = position * jobs // len(extracts)
        for shard in each.index.shards:
            name = shard_name(next(numbers[job]), suffix, job if jobs > 1 else None)
            renamed = shard.model_copy(update={"name": name})
            yield _Copy(source=each.layout.input / shard.name, shard=renamed, job=job)


def _write_portions(
    whole: ExtractIndex,
    copies: Sequence[_Copy],
    layouts: Sequence[RunLayout],
    objects: ObjectStore,
) -> None:
    """Write an index for each job; records that are too large are the whole's alone."""
    for number, layout in enumerate(layouts):
        shards = tuple(copy.shard for copy in copies if copy.job == number)
        portion = Portion(job=number, of_records=whole.records)
        records = sum(shard.records for shard in shards)
        changes = {"records": records, "quarantined": 0, "portion": portion, "shards": shards}
        objects.put(layout.index, whole.model_copy(update=changes).to_json())


def _join_snapshots(
    extracts: Sequence[_Extracted], objects: ObjectStore, layout: RunLayout
) -> None:
    """Let what is joined count as read when the first of its slices was."""
    moments = [snapshot.read(each.layout, objects) for each in extracts]
    if known := [moment for moment in moments if moment is not None]:
        snapshot.write(layout, objects, min(known))


def _carry_out_all(
    copies: Iterable[_Copy], layouts: Sequence[RunLayout], objects: ObjectStore
) -> None:
    with ThreadPoolExecutor(_COPIES_AT_ONCE, thread_name_prefix="copy") as pool:
        for _ in pool.map(lambda copy: _carry_out(copy, objects, layouts[copy.job]), copies):
            pass  # each copy that failed raises


def _carry_out(copy: _Copy, objects: ObjectStore, layout: RunLayout) -> None:
    try:
        digest = objects.copy(copy.source, layout.input / copy.shard.name)
    except ObjectMissing as error:
        raise ManifestError(f"The shard {copy.source} of a slice is missing. {_CURE}") from error
    if digest != copy.shard.sha256:
        raise ManifestError(f"The copy of {copy.source} is not what its slice wrote. {_CURE}")


def _join_set_aside(
    extracts: Sequence[_Extracted], pipeline: Pipeline, objects: ObjectStore, layout: RunLayout
) -> None:
    """Put the records that are too large together, as many as the slices say."""
    bodies = []
    for each in extracts:
        if each.index.quarantined:
            place = set_aside(each.layout, pipeline.settings)
            bodies.append(objects.get(place))
            if bodies[-1].count(b"\n") != each.index.quarantined:
                raise ManifestError(f"{place} is not what its slice wrote. {_CURE}")
    if bodies:
        objects.put(set_aside(layout, pipeline.settings), b"".join(bodies))
