"""Into how many slices an extract is cut, each a task of its own."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from include.scoring.spec.fields import Section

_MOST = 100
_LARGEST = 2**63  # an integer id is one of a database's bigint


def _boundary(value: Any) -> Any:
    is_integer = type(value) is int and -_LARGEST <= value < _LARGEST
    if not is_integer and not (isinstance(value, str) and value and "\0" not in value):
        raise ValueError('a boundary is an id: an integer of 64 bits, or a quoted text such as "m"')
    return value


_Boundary = Annotated[int | str, BeforeValidator(_boundary)]
_Boundaries = Annotated[tuple[_Boundary, ...], Field(min_length=1, max_length=_MOST - 1)]


class Extract(Section):
    """How the extract's rows are spread over tasks; the first column of ``record.id`` decides.

    Attributes:
        slices: number of slices, by the id modulo that number; for integer ids.
        ranges: instead, ascending boundaries: ids below the first, from each up to the next, and
            from the last on. N boundaries are N + 1 slices, between which no id can fall.
    """

    slices: Annotated[int, Field(ge=1, le=_MOST)] | None = None
    ranges: _Boundaries | None = None

    @property
    def count(self) -> int:
        """Number of slices."""
        return len(self.ranges) + 1 if self.ranges else self.slices or 1

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.slices is not None and self.ranges is not None:
            raise ValueError("give either slices or ranges")
        return self

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        if len({type(boundary) for boundary in self.ranges or ()}) > 1:
            raise ValueError("ranges mixes integers and texts; the ids are one or the other")
        for low, high in pairwise(self.ranges or ()):
            if not low < high:  # type: ignore[operator]  # both are of one type
                raise ValueError(f"ranges must ascend, but {high!r} comes after {low!r}")
        return self
