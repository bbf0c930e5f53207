"""Files of a stage in S3, which DuckDB has on disk alone."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import duckdb

from local.snowflake.grammar import Unload

UNLOADED = ("FILE_NAME", "#FILE_SIZE", "#ROW_COUNT")
COPIED = ("file", "status", "#rows_parsed", "#rows_loaded")


class Staged:
    """A stage: a prefix of a bucket, and a folder for what is on its way."""

    def __init__(self, client: Any, url: str) -> None:
        """Use a boto3 client of S3."""
        place = urlsplit(url)
        self._client, self._bucket = client, place.netloc
        self._prefix = place.path.strip("/") + "/" if place.path.strip("/") else ""
        self._folder = Path(tempfile.mkdtemp(prefix="snowflake-stage-"))

    def write(self, unload: Unload, rows: Any) -> list[tuple[str, int, int]]:
        """Write an Arrow table as files, one for each value of the last column; name each."""
        told = []
        for folder, part in self._parts(unload, rows):
            name = f"{folder}data_{uuid.uuid4()}_0_0_0.snappy.parquet"
            path = self._folder / uuid.uuid4().hex
            with duckdb.connect() as connection:
                connection.register("part", part)
                connection.execute(f"COPY part TO '{path}' (FORMAT parquet)")
            body = path.read_bytes()
            path.unlink()
            key = f"{self._prefix}{unload.path}{name}"
            self._client.put_object(Bucket=self._bucket, Key=key, Body=body)
            told.append((name, len(body), part.num_rows))
        return told

    def read(self, name: str) -> tuple[Path, str]:
        """Bring a file here, and tell its ETag.

        Raises:
            FileNotFoundError: it is not there.
        """
        try:
            found = self._client.get_object(Bucket=self._bucket, Key=self._prefix + name)
        except self._client.exceptions.NoSuchKey as error:
            raise FileNotFoundError(name) from error
        path = self._folder / uuid.uuid4().hex
        path.write_bytes(found["Body"].read())
        return path, found["ETag"]

    def _parts(self, unload: Unload, rows: Any) -> Iterator[tuple[str, Any]]:
        if unload.partition is None:
            if rows.num_rows:
                yield "", rows
            return
        import pyarrow.compute as pc

        last = rows.column_names[-1]
        for value in sorted(set(rows.column(last).to_pylist())):
            part = rows.filter(pc.equal(rows.column(last), value))
            yield f"{value}/", part.drop_columns([last])
