"""Accounts for every record of a partition before the target is touched."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

from batch_transform.scoring.aws.objects import ObjectStore
from batch_transform.scoring.errors import OutputError
from batch_transform.scoring.extract.index import ExtractIndex
from batch_transform.scoring.outputs.answers import Misfit, Row, read_answers, read_lines
from batch_transform.scoring.outputs.coverage import Coverage, check_covers
from batch_transform.scoring.outputs.fetch import Fetched, fetched
from batch_transform.scoring.outputs.replies import ShardWrong, lines_of
from batch_transform.scoring.outputs.shape import Shape, shape_of
from batch_transform.scoring.outputs.staged import Staged, StagedColumn
from batch_transform.scoring.pipeline import Pipeline, PipelineFile
from batch_transform.scoring.pipeline.prediction_types import TypeName
from batch_transform.scoring.records.quarantine import Quarantined

_NAMED = 10
_SMALL = 1000  # records


@dataclass(frozen=True, kw_only=True)
class Account:
    """What became of every row of the source.

    Attributes:
        source_rows: rows that the source gave.
        oversized: those kept out of the shards.
        records: records in the shards.
        answers: records whose output was found.
        quarantined: records without a fit prediction, in the order of the shards.
        rows: rows ready for the target.
    """

    source_rows: int
    oversized: int
    records: int
    answers: int
    quarantined: tuple[Quarantined, ...]
    rows: int


def columns_of(settings: PipelineFile, index: ExtractIndex) -> list[StagedColumn]:
    """Derive the target's columns: ids, of the types of the first record's, and predictions."""
    first = index.shards[0].first_id if index.shards else [""] * len(settings.record.id)
    types: list[TypeName] = ["bigint" if isinstance(part, int) else "text" for part in first]
    return [
        *(StagedColumn(name=n, type=t) for n, t in zip(settings.record.id, types, strict=True)),
        *(
            StagedColumn(name=name, type=each.type, nullable=each.nullable)
            for name, each in settings.predictions.items()
        ),
    ]


def stage_outputs(
    pipeline: Pipeline,
    index: ExtractIndex,
    objects: ObjectStore,
    coverage: Coverage,
    staged: Staged,
) -> Account:
    """Read the answers to every record into the stage.

    Raises:
        OutputError: records are not covered exactly once, their answers are not those to what was
            sent, or more have no fit prediction than ``limits.bad_records`` allows. Everything is
            read before that is said.
    """
    check_covers(index, coverage)
    found = examine(pipeline, coverage, objects, staged)
    if found.wrong:
        raise OutputError(_message(len(coverage.parts), found.wrong))
    places = {shard.name: number for number, shard in enumerate(index.shards)}
    quarantined = sorted(
        (*coverage.quarantined, *found.unfit), key=lambda each: (places[each.shard], each.line)
    )
    _check_share(pipeline.settings, index, found.unfit, quarantined)
    account = Account(
        source_rows=index.records + index.quarantined,
        oversized=index.quarantined,
        records=sum(shard.records for shard in index.shards),
        answers=sum(part.records for part in coverage.parts),
        quarantined=tuple(quarantined),
        rows=staged.count(),
    )
    _check_sums(account, index, coverage)
    return account


@dataclass(frozen=True, kw_only=True)
class Examined:
    """What is wrong with the answers of some parts.

    Attributes:
        unfit: records whose prediction does not fit.
        wrong: by the name of what was sent, why its answers cannot be told apart.
    """

    unfit: tuple[Quarantined, ...]
    wrong: Mapping[str, ShardWrong]


def examine(
    pipeline: Pipeline, coverage: Coverage, objects: ObjectStore, staged: Staged
) -> Examined:
    """Stage every fit prediction of the parts, and say what is wrong with the others."""
    shape = shape_of(pipeline.settings)
    unfit: list[Quarantined] = []
    wrong: dict[str, ShardWrong] = {}
    few: list[Sequence[object]] = []  # rows of parts that are not worth a statement each
    with closing(fetched(coverage.parts, objects, staged.folder)) as parts:
        for files in parts:
            is_small = files.shard.records <= _SMALL
            if few and not (is_small and len(few) < _SMALL):
                staged.add_rows(few)
                few.clear()
            try:
                left = None if is_small else _staged_fast(staged, files, shape)
                if left is None:
                    add = few.extend if is_small else staged.add_rows
                    unfit.extend(_read(files, read_answers(files, shape), add))
                elif left:
                    answers = read_lines(files, shape, left)
                    unfit.extend(_read(files, answers, staged.add_rows))
            except ShardWrong as problem:
                wrong[files.shard.name] = problem
    staged.add_rows(few)
    return Examined(unfit=tuple(unfit), wrong=wrong)


def _staged_fast(staged: Staged, files: Fetched, shape: Shape) -> Sequence[int] | None:
    from batch_transform.scoring.outputs import fast  # not at the top: as in Staged

    return None if files.part.elsewhere else fast.stage_right(staged, files, shape)


def _read(
    files: Fetched,
    answers: Iterator[Row | Misfit],
    add: Callable[[Iterable[Sequence[object]]], None],
) -> Iterator[Quarantined]:
    """Add the fit rows of a part, and return what does not fit."""
    misfits: list[Misfit] = []

    def rows() -> Iterator[Sequence[object]]:
        for number, answer in enumerate(answers, start=1):
            if number in files.part.elsewhere:
                continue
            if isinstance(answer, Misfit):
                misfits.append(answer)
            else:
                yield (*answer[0], *answer[1])

    add(rows())
    return _with_records(files, misfits)


def _with_records(files: Fetched, misfits: Sequence[Misfit]) -> Iterator[Quarantined]:
    if not misfits:
        return
    wanted = {misfit.line: misfit for misfit in misfits}
    for number, line in enumerate(lines_of(files.sent), start=1):
        if number in wanted:
            misfit = wanted[number]
            yield Quarantined(
                id=misfit.id,
                shard=files.part.shard,
                line=files.part.first + number,
                reason=misfit.reason,
                record=line.decode(),
            )


def _message(parts: int, problems: Mapping[str, ShardWrong]) -> str:
    listed = [f"shard {name}: {problem}" for name, problem in problems.items()]
    more = f"\n  and {len(listed) - _NAMED} more" if len(listed) > _NAMED else ""
    return (
        f"The outputs of {len(listed)} of {parts} shards do not match their records;"
        " the target was not touched:\n  " + "\n  ".join(listed[:_NAMED]) + more
    )


def _check_share(
    settings: PipelineFile,
    index: ExtractIndex,
    unfit: Sequence[Quarantined],
    quarantined: Sequence[Quarantined],
) -> None:
    allowed = settings.limits.allowed(index.records)
    if settings.recover.unfit == "fail" and unfit:
        quarantined, rule = unfit, "recover.unfit is fail"
    elif len(quarantined) <= allowed or settings.limits.on_limit == "load_rest":
        return
    else:
        rule = f"limits.bad_records allows {allowed}"
    listed = "\n  ".join(str(each) for each in quarantined[:_NAMED])
    more = f"\n  and {len(quarantined) - _NAMED} more" if len(quarantined) > _NAMED else ""
    raise OutputError(
        f"{len(quarantined)} of {index.records} records have no fit prediction, and {rule};"
        f" the target was not touched:\n  {listed}{more}"
    )


def _check_sums(account: Account, index: ExtractIndex, coverage: Coverage) -> None:
    sums = {
        "records in index.json": index.records,
        "records in its shards": account.records,
        "records answered or given up": account.answers + len(coverage.quarantined),
        "rows ready and quarantined": account.rows + len(account.quarantined),
    }
    if len(set(sums.values())) > 1:
        facts = ", ".join(f"{count} {name}" for name, count in sums.items())
        raise OutputError(
            f"The sums of the partition disagree; the target was not touched: {facts}"
        )
