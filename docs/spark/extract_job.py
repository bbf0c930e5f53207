"""Writes a partition as folders of slices, and their list last of all: docs/spark.md says what for.

One file for ``spark-submit``, on PySpark 3.5: EMR Serverless, EMR, Glue 5.0, or this machine.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from pyarrow import fs, parquet
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sql

SLICE = "slice"
LIST = "unloaded.json"
ROWS_A_FILE = 5_000_000


def main(arguments: Sequence[str] | None = None) -> None:
    """Write what the arguments say."""
    asked = parsed(arguments)
    begun = datetime.now(UTC)
    spark = (
        SparkSession.builder.appName("batch-transform-extract")
        # Instants, in microseconds: the old INT96 has no zone.
        .config("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")
        .getOrCreate()
    )
    rows = read(spark, asked.source).where(asked.where)
    if asked.reshape:
        rows = rows.mapInPandas(reshaping(asked.reshape), asked.columns)
    write(rows.withColumn(SLICE, slice_of(asked)), asked.into)
    listed = {"statement": spark.sparkContext.applicationId, "read_at": begun.isoformat()}
    put_list(asked.into, listed)


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", required=True, help="a table, or a path of Parquet")
    parser.add_argument("--where", default="true", help="SQL that chooses the day's rows")
    parser.add_argument("--id", required=True, help="the first column of record.id")
    cut = parser.add_mutually_exclusive_group(required=True)
    cut.add_argument("--slices", type=int, help="extract.slices")
    cut.add_argument("--ranges", type=json.loads, help="extract.ranges, as JSON")
    parser.add_argument("--into", required=True, help="the folder of the day, which is replaced")
    parser.add_argument("--reshape", help="reshape.py, sent with --py-files or --files")
    parser.add_argument("--columns", help="its result, as DDL: 'flight_id bigint, month int'")
    return parser.parse_args(arguments)


def read(spark: SparkSession, source: str) -> DataFrame:
    """Read a table of the catalogue, or Parquet where there is a slash in its name."""
    return spark.read.parquet(source) if "/" in source else spark.table(source)


def reshaping(path: str) -> Callable[[Iterator[Any]], Iterator[Any]]:
    """Return what applies the function of a pipeline's reshape.py to chunks of rows."""
    spec = importlib.util.spec_from_file_location("reshape", path)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return lambda frames: map(module.reshape, frames)


def slice_of(asked: argparse.Namespace) -> Any:
    """Return each row's slice by its id, as extract.slices and extract.ranges cut; NULL is of 0."""
    identity = sql.col(asked.id)
    if asked.slices:
        return sql.coalesce(sql.pmod(identity, sql.lit(asked.slices)).cast("int"), sql.lit(0))
    number = sql.lit(0)
    for place, floor in enumerate(asked.ranges, start=1):
        number = sql.when(identity >= sql.lit(floor), sql.lit(place)).otherwise(number)
    return number


def write(rows: DataFrame, into: str) -> None:
    """Replace a folder by one for each slice; the list of what was there before goes with it."""
    writer = rows.repartition(SLICE).write.mode("overwrite").partitionBy(SLICE)
    writer.option("maxRecordsPerFile", ROWS_A_FILE).parquet(into)


def put_list(into: str, listed: dict[str, Any]) -> None:
    """Count the rows of each file in its footer, and leave the list."""
    scheme = "s3://" if into.startswith("s3") else "file://"
    files, folder = fs.FileSystem.from_uri(re.sub("^s3[an]?://", "s3://", into))
    found = []
    for each in files.get_file_info(fs.FileSelector(folder, recursive=True)):
        if each.extension != "parquet":
            continue
        with files.open_input_file(each.path) as file:
            rows = parquet.read_metadata(file).num_rows
        number = int(re.search(rf"/{SLICE}=([0-9]+)/", each.path)[1])  # type: ignore[index]
        found.append({"uri": scheme + each.path, "rows": rows, "bytes": each.size, "slice": number})
    total = sum(each["rows"] for each in found)
    with files.open_output_stream(f"{folder}/{LIST}") as file:
        file.write(json.dumps({"rows": total, "files": found, **listed}, indent=1).encode())


if __name__ == "__main__":
    main()
