"""Ids in their order, proven to be different: of equal ones, two are neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

import pyarrow.compute as pc

from batch_transform.scoring.errors import SourceError


class Neighbours:
    """Compares each id with the one before it, a batch at a time."""

    def __init__(self, names: Sequence[str]) -> None:
        """Compare ids of these columns."""
        self._names = names
        self._before: tuple[Any, ...] = ()

    def check(self, ids: Sequence[Any]) -> None:
        """Compare the ids of a batch of at least one row.

        Raises:
            SourceError: two are equal.
        """
        if not ids:
            return
        first = _at(ids, 0)
        if first == self._before:
            raise self._doubled(first)
        same = [pc.equal(column.slice(1), column.slice(0, len(column) - 1)) for column in ids]
        place = reduce(pc.and_, same).index(True).as_py()
        if place >= 0:
            raise self._doubled(_at(ids, place))
        self._before = _at(ids, -1)

    def _doubled(self, identity: Sequence[Any]) -> SourceError:
        shown = ", ".join(
            f"{name}={value!r}" if isinstance(value, str) else f"{name}={value}"
            for name, value in zip(self._names, identity, strict=True)
        )
        return SourceError(f"Two rows have the same {shown}; an id names one row")


def _at(ids: Sequence[Any], place: int) -> tuple[Any, ...]:
    return tuple(column[place].as_py() for column in ids)
