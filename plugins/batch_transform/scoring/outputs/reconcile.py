"""Accounts for every record of a partition before the target is touched."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

from batch_transform.scoring.aws.objects import ObjectStore
from batch_transform.scoring.errors import OutputError
from batch_transform.scoring.extract.index import ExtractIndex
from batch_transform.scoring.outputs.answers import Misfit, Row, read_answers, read_lines
from batch_transform.scoring.outputs.coverage import (
    Coverage,
    Part,
    allowed_bad,
    check_covers,
)
from batch_transform.scoring.outputs.fetch import Fetched, fetched
from batch_transform.scoring.outputs.id_proof import id_values
from batch_transform.scoring.outputs.replies import ShardWrong, lines_of
from batch_transform.scoring.outputs.shape import Shape, shape_of
from batch_transform.scoring.outputs.staged import Staged, StagedColumn
from batch_transform.scoring.pipeline import Pipeline, PipelineFile
from batch_transform.scoring.pipeline.prediction_types import TypeName
from batch_transform.scoring.records.quarantine import Quarantined

_NAMED = 10
_SMALL = 1000  # records
_FEW = 10_000  # rows


@dataclass(frozen=True, kw_only=True)
class Account:
    """What became of every row of the source.

    Attributes:
        source_rows: rows that the source gave.
        oversized: those kept out of the shards.
        records: records in the shards.
        answers: records that have an output.
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
    unfit = prove(pipeline, coverage, objects, staged)
    return account_of(pipeline.settings, index, coverage, unfit, staged.count())


def prove(
    pipeline: Pipeline, coverage: Coverage, objects: ObjectStore, staged: Staged
) -> tuple[Quarantined, ...]:
    """Read the answers of some parts into the stage, and return the records without a fit one.

    Raises:
        OutputError: the answers are not those to what was sent.
    """
    seen = examine(pipeline, coverage, objects, staged)
    if seen.wrong:
        raise OutputError(_message(len(coverage.parts), seen.wrong))
    return seen.unfit


def account_of(
    settings: PipelineFile,
    index: ExtractIndex,
    coverage: Coverage,
    unfit: Sequence[Quarantined],
    rows: int,
) -> Account:
    """Account for every record, once the answers to all of them are proven.

    Raises:
        OutputError: the sums disagree, or more records have no fit prediction than may.
    """
    order = {shard.name: number for number, shard in enumerate(index.shards)}
    quarantined = sorted(
        (*coverage.quarantined, *unfit), key=lambda each: (order[each.shard], each.line)
    )
    _check_share(settings, index, unfit, quarantined)
    account = Account(
        source_rows=index.records + index.quarantined,
        oversized=index.quarantined,
        records=sum(shard.records for shard in index.shards),
        answers=sum(part.records for part in coverage.parts),
        quarantined=tuple(quarantined),
        rows=rows,
    )
    _check_sums(account, index, coverage)
    return account


@dataclass(frozen=True, kw_only=True)
class Examined:
    """What is wrong with the answers of some parts.

    Attributes:
        unfit: records whose prediction does not fit.
        wrong: why a part's answers cannot be matched, by object name.
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
    few: list[Sequence[object]] = []  # rows of small parts: one statement for many of them
    with closing(fetched(coverage.parts, objects, staged.folder)) as parts:
        for files in parts:
            misfits: dict[int, Misfit] = {}
            try:
                if files.shard.records <= _SMALL:
                    answers = read_answers(files, shape)
                    few.extend(_fit_rows(answers, files.part, staged.columns, misfits))
                else:
                    _stage(files, shape, staged, misfits)
                unfit.extend(_with_records(files, misfits))
            except ShardWrong as problem:
                wrong[files.shard.name] = problem
            if len(few) > _FEW:
                staged.add_rows(few)
                few.clear()
    if few:
        staged.add_rows(few)
    return Examined(unfit=tuple(unfit), wrong=wrong)


def _stage(files: Fetched, shape: Shape, staged: Staged, misfits: dict[int, Misfit]) -> None:
    """Stage a part: whole columns at a time, and what that leaves a line at a time."""
    from batch_transform.scoring.outputs import fast  # not at the top: as in Staged

    left = None if files.part.elsewhere else fast.stage_right(staged, files, shape)
    answers = read_answers(files, shape) if left is None else read_lines(files, shape, left)
    if left is None or left.lines:
        staged.add_rows(_fit_rows(answers, files.part, staged.columns, misfits))


def _fit_rows(
    answers: Iterable[Row | Misfit],
    part: Part,
    columns: Sequence[StagedColumn],
    misfits: dict[int, Misfit],
) -> Iterator[Sequence[object]]:
    """Yield the rows of the answers that fit, and put the others among the misfits."""
    for number, answer in enumerate(answers, start=1):
        if number in part.elsewhere:
            continue
        if isinstance(answer, Misfit):
            misfits[answer.line] = answer
        else:
            record_id, values = answer
            yield (*id_values(record_id, columns[: len(record_id)]), *values)


def _with_records(files: Fetched, misfits: Mapping[int, Misfit]) -> Iterator[Quarantined]:
    lines = enumerate(lines_of(files.sent), start=1) if misfits else ()
    for number, line in lines:
        if number in misfits:
            misfit = misfits[number]
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
    allowed = allowed_bad(settings, index)
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
