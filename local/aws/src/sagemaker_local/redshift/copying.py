"""Carries out a COPY: rows of Parquet files become rows of a table of PostgreSQL.

https://docs.aws.amazon.com/redshift/latest/dg/copy-usage_notes-copy-from-columnar.html
https://docs.aws.amazon.com/redshift/latest/dg/loading-data-files-using-manifest.html
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from sagemaker_local.redshift.parquet import opened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sagemaker_local.redshift.grammar import Copy

_ROWS_AT_ONCE = 10_000


class CopyError(RuntimeError):
    """The statement fails; the text is Redshift's, as far as it is known."""


def carry_out(copy: Copy, connection: Any, s3: Any) -> None:
    """Copy all rows of the files that a manifest lists: columns by their places, not their names.

    Raises:
        CopyError: a file is missing, is another than listed, or has other columns than the table.
    """
    with tempfile.TemporaryDirectory(prefix="copy-") as folder:
        path = Path(folder) / "file.parquet"
        for url, body in _files(copy, s3):
            path.write_bytes(body)
            _copy_in(copy.table, url, path, connection)


def _files(copy: Copy, s3: Any) -> Iterator[tuple[str, bytes]]:
    manifest = _body(s3, copy.bucket, copy.key)
    if manifest is None:
        raise CopyError(f"ERROR: S3 manifest s3://{copy.bucket}/{copy.key} does not exist")
    entries = json.loads(manifest)["entries"]
    if not entries:
        raise CopyError("ERROR: The manifest lists no file")
    for entry in entries:
        url = entry["url"]
        bucket, _, key = url.removeprefix("s3://").partition("/")
        body = _body(s3, bucket, key)
        if body is None and entry.get("mandatory", False):
            raise CopyError(f"ERROR: Mandatory url is not present in manifest: {url}")
        if body is None:
            continue
        size = entry.get("meta", {}).get("content_length")
        if size is None:
            raise CopyError(f"ERROR: File {url} lacks meta.content_length in the manifest")
        if size != len(body):
            raise CopyError(f"ERROR: File {url} has {len(body)} bytes, and {size} were listed")
        yield url, body


def _body(s3: Any, bucket: str, key: str) -> bytes | None:
    try:
        body: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError:
        return None
    return body


def _copy_in(table: str, url: str, path: Path, connection: Any) -> None:
    with opened() as database, connection.cursor() as cursor:
        rows = database.execute("SELECT * FROM read_parquet(?)", [str(path)])
        cursor.execute(f"SELECT * FROM {table} LIMIT 0")  # noqa: S608 - a name, by the grammar
        if len(rows.description) != len(cursor.description):
            raise CopyError(
                f"ERROR: Spectrum Scan Error: {url} has {len(rows.description)} columns, and the"
                f" table {len(cursor.description)}"
            )
        with cursor.copy(f"COPY {table} FROM STDIN") as into:
            while some := rows.fetchmany(_ROWS_AT_ONCE):
                for row in some:
                    into.write_row(row)
