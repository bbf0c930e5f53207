"""Accounts for every record of a partition before the target is touched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from include.scoring.errors import OutputError
from include.scoring.index import ExtractIndex
from include.scoring.objects import ObjectStore
from include.scoring.outputs.answers import Files, Misfit, ShardWrong, read_answers, read_lines
from include.scoring.outputs.fetch import Places, fetched
from include.scoring.outputs.shape import Shape, shape_of
from include.scoring.outputs.staged import Staged, StagedColumn
from include.scoring.spec import Pipeline, PipelineFile

_NAMED = 10


@dataclass(frozen=True, kw_only=True)
class Account:
    """What became of every row of the source.

    Attributes:
        source_rows: rows that the source gave.
        oversized: those kept out of the shards.
        records: records in the shards.
        answers: records whose output was found.
        misfits: records whose prediction does not fit, in the order of the shards.
        rows: rows ready for the target.
    """

    source_rows: int
    oversized: int
    records: int
    answers: int
    misfits: tuple[Misfit, ...]
    rows: int


@dataclass(kw_only=True)
class _Misfits:
    """Records whose prediction does not fit: all that are allowed, else the first of them.

    A model that answers nothing but errors must not cost memory for each record.

    Attributes:
        allowed: how many there may be.
        kept: those found first.
        count: how many were found.
    """

    allowed: int
    kept: list[Misfit] = field(default_factory=list)
    count: int = 0

    def add(self, misfit: Misfit) -> None:
        self.count += 1
        if self.count <= max(self.allowed, _NAMED):
            self.kept.append(misfit)


def columns_of(settings: PipelineFile, index: ExtractIndex) -> list[StagedColumn]:
    """Derive the target's columns: ids, of the types of the first record's, and predictions."""
    types = id_types(index) or ["text"] * len(settings.record.id)
    return [
        *(StagedColumn(name=n, type=t) for n, t in zip(settings.record.id, types, strict=True)),
        *(
            StagedColumn(name=name, type=each.type, nullable=each.nullable)
            for name, each in settings.predictions.items()
        ),
    ]


def id_types(index: ExtractIndex) -> list[str]:
    """Return the types of the id columns; none where there is no record to tell."""
    first = index.shards[0].first_id if index.shards else ()
    return ["bigint" if isinstance(part, int) else "text" for part in first]


def stage_outputs(
    pipeline: Pipeline, index: ExtractIndex, objects: ObjectStore, places: Places, staged: Staged
) -> Account:
    """Read the outputs of every shard into the stage.

    Raises:
        OutputError: outputs are missing, their records are not those sent, or more predictions do
            not fit than ``limits.bad_records`` allows. Every shard is read before that is said.
    """
    shape = shape_of(pipeline.settings)
    problems: list[str] = []
    misfits = _Misfits(allowed=int(pipeline.settings.limits.bad_records * index.records))
    answers = 0
    with closing(fetched(index, objects, places, staged.folder)) as shards:
        for files in shards:
            try:
                _stage(staged, files, shape, misfits)
                answers += files.shard.records
            except ShardWrong as problem:
                problems.append(f"shard {files.shard.name}: {problem}")
    if problems:
        raise OutputError(_message(index, problems))
    if misfits.count > misfits.allowed:
        raise OutputError(_too_many(misfits, index, pipeline.settings.limits.bad_records))
    account = Account(
        source_rows=index.records + index.quarantined,
        oversized=index.quarantined,
        records=sum(shard.records for shard in index.shards),
        answers=answers,
        misfits=tuple(misfits.kept),
        rows=staged.count(),
    )
    _check_sums(account, index)
    return account


def _stage(staged: Staged, files: Files, shape: Shape, misfits: _Misfits) -> None:
    from include.scoring.outputs import fast  # not at the top: as in Staged

    left = fast.stage_right(staged, files, shape)
    if left is not None and not left:
        return
    answers = read_answers(files, shape) if left is None else read_lines(files, shape, left)

    def rows() -> Iterator[Sequence[object]]:
        for answer in answers:
            if isinstance(answer, Misfit):
                misfits.add(answer)
            else:
                yield (*answer[0], *answer[1])

    staged.add_rows(rows())


def _message(index: ExtractIndex, problems: Sequence[str]) -> str:
    listed = "\n  ".join(problems[:_NAMED])
    more = f"\n  and {len(problems) - _NAMED} more" if len(problems) > _NAMED else ""
    return (
        f"The outputs of {len(problems)} of {len(index.shards)} shards do not match their records;"
        f" the target was not touched:\n  {listed}{more}"
    )


def _too_many(misfits: _Misfits, index: ExtractIndex, share: float) -> str:
    listed = "\n  ".join(str(misfit) for misfit in misfits.kept[:_NAMED])
    more = f"\n  and {misfits.count - _NAMED} more" if misfits.count > _NAMED else ""
    return (
        f"{misfits.count} of {index.records} predictions do not fit, and limits.bad_records allows"
        f" {share:.4%}; the target was not touched:\n  {listed}{more}"
    )


def _check_sums(account: Account, index: ExtractIndex) -> None:
    sums = {
        "records in index.json": index.records,
        "records in its shards": account.records,
        "records with an output": account.answers,
        "rows ready and quarantined": account.rows + len(account.misfits),
    }
    if len(set(sums.values())) > 1:
        facts = ", ".join(f"{count} {name}" for name, count in sums.items())
        raise OutputError(
            f"The sums of the partition disagree; the target was not touched: {facts}"
        )
