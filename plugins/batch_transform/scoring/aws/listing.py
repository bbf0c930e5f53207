"""Pages of a listing of S3's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from batch_transform.scoring.aws.codes import translated


def pages(found: Iterable[Any]) -> Iterator[Any]:
    """Yield pages of a list; whoever reads them may raise what is not of AWS."""
    pending = iter(found)
    while True:
        with translated():
            page = next(pending, None)
        if page is None:
            return
        yield page
