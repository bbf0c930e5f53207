"""The lines of a text file, which may be gzip."""

from __future__ import annotations

import io
from collections.abc import Iterator
from gzip import BadGzipFile
from pathlib import Path
from typing import BinaryIO

from batch_transform.scoring.errors import SourceError

# Nothing larger fits a request to a model, https://docs.aws.amazon.com/sagemaker/latest/dg/
# batch-transform.html, and a quote that is never closed would take the whole file for one record.
LARGEST_RECORD = 100_000_000
_GZIP_MAGIC = b"\x1f\x8b"


def text_lines(path: Path) -> Iterator[str]:
    """Yield the lines with their line feeds; a byte order mark before the first is left out.

    Invalid UTF-8 bytes become lone surrogates, handled by ``record.policies.surrogate``.

    Raises:
        SourceError: the file is broken gzip, or has a line that fits no request.
    """
    from isal.isal_zlib import error as broken  # not at the top: DAGs are parsed without it

    file = _opened(path)
    with io.TextIOWrapper(file, "utf-8-sig", errors="surrogateescape", newline="\n") as text:
        try:
            while line := text.readline(LARGEST_RECORD):
                if len(line) == LARGEST_RECORD:
                    raise SourceError(f"it has a line longer than {LARGEST_RECORD:,} characters")
                yield line
        except (EOFError, BadGzipFile, broken) as error:  # type: ignore[misc]  # its stub errs
            raise SourceError(f"it cannot be read to its end as gzip: {error}") from error


def _opened(path: Path) -> BinaryIO:
    with path.open("rb") as file:
        packed = file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
    if not packed:
        return path.open("rb")
    from isal import igzip

    opened: BinaryIO = igzip.open(path, "rb")  # type: ignore[no-untyped-call]
    return opened
