"""What the statements of every engine have in common: which rows are asked for, in which slice."""

from __future__ import annotations

import re
from collections.abc import Sequence

from batch_transform.scoring.errors import SourceError
from batch_transform.scoring.kinds import Column
from batch_transform.scoring.pipeline.contract import check
from batch_transform.scoring.pipeline.query import statement, with_parameters
from batch_transform.scoring.sources.unloaded.engine import Question
from batch_transform.scoring.statement_text import StatementText

_FOLDER = re.compile(r"/batch_transform_slice=([0-9]+)/[^/]+\Z")


def check_columns(columns: Sequence[Column], question: Question) -> None:
    """Refuse a query before it is run.

    Raises:
        SourceError: its columns are not those of the contract, or have types that no record has.
    """
    if question.pipeline.reshape is None:
        check(columns, question.pipeline)
    for each in columns:
        if each.kind is None:
            raise SourceError(
                f"Column {each.name} is {each.source_type}, which no record has; cast it in the"
                " query, a timestamp without time zone to one that has one"
            )
    first = question.pipeline.settings.record.id[0]
    known = {each.name: each.kind for each in columns}
    if question.parts and first not in known:
        raise SourceError(f"The query has no column {first}, the id by which slices are cut")
    for part in question.parts[:1]:
        part.check_kind(first, known[first])


def query(question: Question, text: StatementText) -> str:
    """Return the query with its parameters as literals of the builder's own.

    https://docs.aws.amazon.com/redshift-data/latest/APIReference/API_SqlParameter.html
    """
    partition = question.partition
    values = {
        "partition": text.spelt(partition.day),
        "partition_start": text.spelt(partition.start),
        "partition_end": text.spelt(partition.end),
    }
    return with_parameters(statement(question.pipeline.query), values.__getitem__)


def slice_number(question: Question, column: str, text: StatementText) -> str:
    """Return the expression of the number of a row's slice; ``column`` is the first id, quoted."""
    if not question.parts:
        return "0"
    last = question.parts[-1]
    if last.modulus is not None:
        return f"coalesce(({column} % {last.modulus} + {last.modulus}) % {last.modulus}, 0)"
    cases = [
        f"WHEN {column} >= {text.spelt(floor)} THEN {number}"
        for number, floor in reversed(list(enumerate(last.floors, start=1)))
    ]
    return f"CASE {' '.join(cases)} ELSE 0 END"


def slice_of(uri: str) -> int:
    """Read from the name of a file which slice it is of.

    Raises:
        SourceError: it does not say so.
    """
    match = _FOLDER.search(uri)
    if match is None:
        raise SourceError(f"{uri} is in no folder of a slice")
    return int(match[1])
