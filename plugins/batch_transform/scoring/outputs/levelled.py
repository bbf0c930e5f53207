"""A copy of an output without what keeps DuckDB from reading it.

One row of another width, or lines that end with a carriage return, would otherwise cost a whole
shard: a line at a time is forty times slower.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import islice
from mmap import ACCESS_READ, mmap
from pathlib import Path

from batch_transform.scoring.outputs.replies import ShardWrong, lines_of, parsed
from batch_transform.scoring.outputs.shape import Shape

_SAMPLE = 100  # lines


def usual_width(path: Path) -> int:
    """Return the commonest number of fields in the first rows of a CSV file; 0 where none is."""
    widths = Counter(len(_fields(line)) for line in islice(lines_of(path), _SAMPLE))
    widths.pop(0, None)  # what cannot be read
    return max(widths, key=widths.__getitem__, default=0)


def has_trailing_comma(path: Path) -> bool:
    """Tell whether a line ends with one: DuckDB drops empty fields after the last it expects."""
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as body:
        return body.find(b",\n") >= 0 or body[-1:] == b","


def levelled(path: Path, copy: Path, width: int, shape: Shape) -> Sequence[int]:
    """Write the copy: rows of another width keep their ids alone, line ends their line feeds.

    Returns:
        The numbers of those rows, from 1.
    """
    ids = shape.ids if shape.joined else 0
    uneven = []
    with copy.open("wb") as file:
        for number, ended in enumerate(lines_of(path), start=1):
            line = ended.removesuffix(b"\r")
            if shape.answered == "csv" and not _is_level(line, width):
                uneven.append(number)
                line = _row_of_ids(line, width, ids)
            file.write(line + b"\n")
    return uneven


def _is_level(line: bytes, width: int) -> bool:
    if b'"' in line or b"\r" in line or not line.isascii():
        return len(_fields(line)) == width
    return line.count(b",") + 1 == width


def _row_of_ids(line: bytes, width: int, ids: int) -> bytes:
    kept = [*_fields(line)[:ids], *[""] * width][:width]
    quoted = ('"' + field.replace('"', '""') + '"' for field in kept)
    return ",".join(quoted).encode()


def _fields(line: bytes) -> list[str]:
    """Return the fields of a row; none where it cannot be read."""
    try:
        fields: list[str] = parsed(line, 0, "csv")
    except ShardWrong:
        return []
    return fields
