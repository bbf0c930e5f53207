"""One measured reading of Parquet files in a process of its own: `… PROGRAM FORMAT FOLDER SLICE`.

Prints JSON: seconds, CPU seconds, the records, and the process's peak memory in MB. SLICE is of the
two that FOLDER has as its folders, or `all` of them.
"""

import json
import resource
import sys
import time
from datetime import date
from pathlib import Path

from tests.bench.extract_program import COLUMNS, bench_pipeline

BUCKET = "lake"


def pipeline_of(record_format, part):
    """The pipeline of the extract's benchmark, with files in the place of its query."""
    from batch_transform.scoring.pipeline import Extract, Files

    pipeline = bench_pipeline(record_format, "none", 0)
    folder = "*" if part == "all" else "{{ slice }}"
    pattern = f"s3://{BUCKET}/{{{{ partition }}}}/slice={folder}/*.parquet"
    changed = {
        "source": Files(conn_id="aws_default", files=pattern, format="parquet"),
        "extract": Extract(slices=1 if part == "all" else 2),
    }
    return pipeline.model_copy(update={"settings": pipeline.settings.model_copy(update=changed)})


def ours(record_format, folder, part):
    """The extract task's own work, without S3."""
    from batch_transform.scoring.extract.extract import extract
    from batch_transform.scoring.names import RunLayout, S3Uri
    from batch_transform.scoring.partition import Partition
    from batch_transform.scoring.sources.files.file_source import FileSource
    from batch_transform.scoring.sources.slices import slices
    from tests.bench.folder_store import FolderStore

    pipeline, objects = pipeline_of(record_format, part), FolderStore(folder, BUCKET)
    partition = Partition(day=date(2013, 6, 1), timezone="UTC")
    layout = RunLayout.of(S3Uri(BUCKET, "runs"), "bench", partition.label, "attempt")
    sliced = None if part == "all" else slices(pipeline.settings.extract)[int(part)]

    def run():
        source = FileSource(objects, part=sliced)
        return extract(pipeline, partition, source, objects, layout).records

    return run


def values(record_format, folder, part):
    """Rows as Python's values, unsorted, through the encoder: as text files and reshape.py are."""
    from batch_transform.scoring.sources.files.arrow_values import python_values
    from batch_transform.scoring.sources.files.parquet_format import open_parquet
    from batch_transform.scoring.sources.protocol import Table, encoded

    pipeline = pipeline_of(record_format, part)

    def rows():
        for path in sorted(folder.rglob("*.parquet")):
            for batch in open_parquet(path).batches(COLUMNS):
                yield from zip(*map(python_values, batch.columns), strict=True)

    def run():
        known = {
            column.name: column for column in open_parquet(next(folder.rglob("*.parquet"))).columns
        }
        table = Table(columns=tuple(known[name] for name in COLUMNS), rows=rows())
        return sum(block.count(b"\n") for block in encoded(table, pipeline).blocks)

    return run


def copy(record_format, folder, part):
    """DuckDB's own COPY to a file, unsorted and unchecked."""
    import tempfile

    import duckdb

    form = "FORMAT csv, HEADER false" if record_format == "csv" else "FORMAT json"

    def run():
        with tempfile.NamedTemporaryFile() as file, duckdb.connect(config={"threads": 1}) as ours:
            rows = f"SELECT {', '.join(COLUMNS)} FROM read_parquet('{folder}/**/*.parquet')"
            return ours.execute(f"COPY ({rows}) TO '{file.name}' ({form})").fetchone()[0]

    return run


def main(program, record_format, folder, part):
    import pandas  # noqa: F401  # DuckDB imports it late

    import batch_transform.scoring.sources.files.file_source  # noqa: F401

    run = {"ours": ours, "values": values, "copy": copy}[program](record_format, Path(folder), part)
    start, cpu = time.perf_counter(), time.process_time()
    records = run()
    measured = {
        "records": records,
        "seconds": time.perf_counter() - start,
        "cpu": time.process_time() - cpu,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps(measured))


if __name__ == "__main__":
    main(*sys.argv[1:])
