r"""PostgreSQL's text format, read by Arrow: columns of texts as they are escaped, NULL is null.

A line feed ends a row and a tab a field, always, since those inside of values come escaped.
https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-FILE-FORMATS-TEXT-FORMAT
"""

from __future__ import annotations

import codecs
import re
from typing import Any

_NULL = r"\N"
_ESCAPED = re.compile(r"\\(.)")
_PLAIN = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def columns_of(block: bytes, width: int) -> list[Any]:
    """Return the columns of whole lines, each an Arrow array.

    Arrow holds no interpreter lock meanwhile, which the thread that reads from the database needs
    for each row.
    """
    import pyarrow as pa  # not at the top: Airflow's parsing of the DAG must stay quick
    from pyarrow import csv

    names = [str(number) for number in range(width)]
    if block.startswith(codecs.BOM_UTF8):  # Arrow takes it for the file's, and leaves it out
        block = codecs.BOM_UTF8 + block
    table = csv.read_csv(
        pa.BufferReader(block),
        csv.ReadOptions(column_names=names, use_threads=False, block_size=len(block) + 1),
        csv.ParseOptions(delimiter="\t", quote_char=False, ignore_empty_lines=False),
        csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            null_values=[_NULL],
            strings_can_be_null=True,
            check_utf8=False,  # the database has
        ),
    )
    (batch,) = table.to_batches()
    return list(batch.columns)


def unescaped(text: str) -> str:
    """Return the text of a field that is not NULL."""
    return (
        _ESCAPED.sub(lambda match: _PLAIN.get(match[1], match[1]), text) if "\\" in text else text
    )


def first_row(block: bytes) -> list[str | None]:
    """Return the texts of the first row, for a message."""
    line = block.partition(b"\n")[0].decode(errors="replace")
    return [None if text == _NULL else unescaped(text) for text in line.split("\t")]
