"""Slices of a partition: which rows each has, for tasks that read them apart from each other.

A row's slice depends on its id alone, and each row has exactly one: the value that decides is the
id itself or its remainder, and the boundaries cut all values there are, whatever they are; NULL is
of the first slice, so that it is refused there as it is without slices. Equal ids are in one
slice, so ids that are different within each are different over all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from batch_transform.scoring.errors import SourceError
from batch_transform.scoring.frozen import Frozen
from batch_transform.scoring.kinds import Kind, Row
from batch_transform.scoring.pipeline.source import Extract
from batch_transform.scoring.records.kind_of import kind_of_type

_CURES: dict[Kind, str] = {
    "text": 'give texts as extract.ranges, such as ["h", "p"]',
    "integer": "use extract.slices, or integers as extract.ranges",
}


class Slice(Frozen):
    """The rows of a partition whose value lies between two boundaries.

    Attributes:
        number: of the slice, from 0.
        modulus: the value is the id modulo this, never negative; None where it is the id itself.
        boundaries: of all slices, in order.
    """

    number: int
    modulus: int | None = None
    boundaries: tuple[int | str, ...]

    @property
    def count(self) -> int:
        """Number of slices of the partition."""
        return len(self.boundaries) + 1

    @property
    def floors(self) -> tuple[int | str, ...]:
        """All lower boundaries. Comparing with each keeps slices disjoint under any collation."""
        return self.boundaries[: self.number]

    @property
    def ceiling(self) -> int | str | None:
        """What each value is below; None in the last slice."""
        return self.boundaries[self.number] if self.number < len(self.boundaries) else None

    @property
    def kind(self) -> Kind:
        """What the ids must be."""
        return "text" if isinstance(self.boundaries[0], str) else "integer"

    @property
    def label(self) -> str:
        """Name for people."""
        if self.modulus is not None:
            return f"ids that are {self.number} modulo {self.modulus}"
        if self.ceiling is None:
            return f"ids from {self.floors[-1]} on"
        return (
            f"ids from {self.floors[-1]} to below {self.ceiling}"
            if self.floors
            else f"ids below {self.ceiling}"
        )

    def has(self, identity: Any) -> bool:
        """Tell whether a row with this first id is in the slice."""
        if identity is None:
            return self.number == 0
        value = identity if self.modulus is None else identity % self.modulus
        above = all(value >= floor for floor in self.floors)
        return above and (self.ceiling is None or value < self.ceiling)

    def check_kind(self, name: str, kind: Kind | None) -> None:
        """Refuse ids that cannot be cut like this; an unknown kind passes.

        Raises:
            SourceError: the id column ``name`` is of another kind.
        """
        if kind is None or kind == self.kind:
            return
        cut = "texts cut" if self.kind == "text" else "extract.slices and integer boundaries cut"
        cure = _CURES.get(kind, "cast it in the query")
        raise SourceError(
            f"The id column {name} is {kind}, and {cut} only ids that are {self.kind}: {cure}"
        )


def slices(extract: Extract) -> tuple[Slice, ...]:
    """Return the slices of a pipeline in order; none where its extract is one task."""
    modulus = None if extract.ranges else extract.slices
    boundaries = extract.ranges or tuple(range(1, extract.count))
    if not boundaries:
        return ()
    return tuple(
        Slice(number=number, modulus=modulus, boundaries=boundaries)
        for number in range(extract.count)
    )


def checked(rows: Iterable[Row], part: Slice, name: str, at: int) -> Iterator[Row]:
    """Pass the rows of a slice on, and look at the first id that is not NULL, in column ``at``.

    Raises:
        SourceError: it is of another kind than the slices cut.
    """
    pending = iter(rows)
    for row in pending:
        if row[at] is not None:
            part.check_kind(name, kind_of_type(type(row[at])))
            yield row
            break
        yield row
    yield from pending
