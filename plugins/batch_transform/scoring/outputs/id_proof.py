"""The ids that were sent beside the ids that came back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from batch_transform.scoring.outputs.replies import ShardWrong
from batch_transform.scoring.outputs.staged import StagedColumn
from batch_transform.scoring.pipeline.prediction_types import text_problem
from batch_transform.scoring.records.quarantine import shown

IdTexts = tuple[str, ...]
"""The parts of an id as texts: 9007199254740993 stays itself."""

_SHOWN = 3


def difference(sent: Sequence[IdTexts], returned: Sequence[IdTexts]) -> str | None:
    """Say how the ids of a shard's output differ from those sent; None where they do not."""
    if list(sent) == list(returned):
        return None
    facts = list(_facts(Counter(sent), Counter(returned)))
    if facts:
        return ", ".join(facts)
    line = next(n for n, (a, b) in enumerate(zip(sent, returned, strict=True), 1) if a != b)
    return (
        f"the ids are all there, but in another order from line {line} on; SageMaker keeps the"
        " order of records, so this join cannot be trusted"
    )


def _facts(sent: Counter[IdTexts], returned: Counter[IdTexts]) -> Iterator[str]:
    groups = {
        "missing": [each for each in sent if each not in returned],
        "more than once": [each for each, times in returned.items() if times > 1],
        "foreign": [each for each in returned if each not in sent],
    }
    for name, ids in groups.items():
        if ids:
            listed = ", ".join(shown(each) for each in ids[:_SHOWN])
            yield f"{len(ids)} {name} ({listed}{', …' if len(ids) > _SHOWN else ''})"


def id_values(record_id: IdTexts, columns: Sequence[StagedColumn]) -> Iterator[int | str]:
    """Yield the parts of an id as values of their columns.

    Raises:
        ShardWrong: a table cannot hold it.
    """
    for part, column in zip(record_id, columns, strict=True):
        problem = text_problem(part)
        if problem:
            raise ShardWrong(f"{column.name} of id {shown(record_id)!r} holds {problem}")
        try:
            yield int(part) if column.type == "bigint" else part
        except ValueError:
            raise ShardWrong(
                f"{column.name} of id {shown(record_id)!r} is no integer, as that of the first"
                " record is"
            ) from None
