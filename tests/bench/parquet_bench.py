"""Parquet files to records, sorted by id, beside the same rows as values of Python.

The rows are of flights' columns, shuffled over files in two folders, a slice each. Figures are of
processes of their own; rates are by CPU seconds, what one core of a worker does.
"""

import atexit
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from statistics import median

from tests.bench.row import Row

PROJECT = Path(__file__).parents[2]
ROWS = 1_000_000
SLICED_ROWS = 4_000_000  # what starting costs each slice is to count for little
MOST_ROWS = 20_000_000
ROUNDS = 3


@cache
def rows_of(count):
    """A folder with so many rows."""
    held = tempfile.TemporaryDirectory(prefix="bench-")
    atexit.register(held.cleanup)
    for part in range(2):
        (Path(held.name) / f"slice={part}").mkdir()
        for number in range(4):
            path = Path(held.name) / f"slice={part}" / f"{number}.parquet"
            write(path, count // 8, part, number)
    return held.name


def write(path, count, part, number):
    """Write some rows of a slice, in no order, a row group at a time."""
    import numpy as np
    import pyarrow as pa
    from pyarrow import parquet

    rng = np.random.default_rng(number)
    ids = 2 * (4 * rng.permutation(count) + number) + part
    writer = None
    for start in range(0, count, 100_000):
        size = len(ids[start : start + 100_000])
        small = {
            name: pa.array(rng.integers(1, most, size), pa.int32())
            for name, most in [
                *(("month", 13), ("day", 32), ("sched_dep_time", 2400)),
                *(("sched_arr_time", 2400), ("distance", 5000)),
            ]
        }
        texts = {
            "carrier": pa.array(np.array(["UA", "AA", "B6"])[rng.integers(0, 3, size)]),
            "tailnum": pa.array(np.char.add("N", rng.integers(10_000, 99_999, size).astype(str))),
            "origin": pa.array(np.array(["EWR", "JFK", "LGA"])[rng.integers(0, 3, size)]),
            "dest": pa.array(np.array(["SFO", "LAX", "BOS"])[rng.integers(0, 3, size)]),
        }
        delays = {
            "dep_delay": pa.array(rng.normal(10, 40, size)),
            "arr_delay": pa.array(rng.normal(5, 40, size).round(2), mask=rng.random(size) < 0.03),
        }
        flight_id = {"flight_id": pa.array(ids[start : start + 100_000])}
        table = pa.table({**flight_id, **small, **texts, **delays})
        writer = writer or parquet.ParquetWriter(path, table.schema)
        writer.write_table(table)
    writer.close()


def measure(program, record_format="csv", rows=ROWS, part="all"):
    found = subprocess.run(
        [
            *(sys.executable, "-W", "ignore", "-m", "tests.bench.parquet_program"),
            *(program, record_format, rows_of(rows), part),
        ],
        env={**os.environ, "PYTHONPATH": f"{PROJECT}{os.pathsep}{PROJECT / 'plugins'}"},
        cwd=PROJECT,
        capture_output=True,
        text=True,
    )
    if found.returncode:
        raise RuntimeError(f"{program} {record_format} failed:\n{found.stderr[-4000:]}")
    return json.loads(found.stdout.splitlines()[-1])


def rates(record_format):
    runs = {"ours": [], "values": [], "copy": []}
    for _ in range(ROUNDS):
        for program, found in runs.items():
            measured = measure(program, record_format)
            found.append(measured["records"] / measured["cpu"])
    speed = {program: median(found) for program, found in runs.items()}
    ratio = speed["ours"] / speed["values"]
    return Row(
        name=f"parquet-{record_format}",
        ours=speed["ours"],
        peer=speed["values"],
        floor=speed["copy"],
        unit="rows/CPU s",
        ratio=ratio,
        target=">= 5 x rows as values of Python",
        holds=ratio >= 5,
    )


def parquet():
    return [rates("csv"), rates("jsonl")]


def memory():
    peaks = [measure("ours", rows=rows)["peak_mb"] for rows in (ROWS, MOST_ROWS)]
    return [
        Row(
            name="parquet-memory",
            ours=peaks[-1],
            floor=peaks[0],
            unit="MB",
            ratio=peaks[-1] / peaks[0],
            target="< 1000 MB for 1 to 20 M rows",
            holds=max(peaks) < 1000,
        )
    ]


def slice_of_two(part):
    return measure("ours", rows=SLICED_ROWS, part=part)


def slices():
    """Two slices at once on two cores, beside one task that reads all."""
    both, one = [], []
    with ThreadPoolExecutor(2) as pool:
        for _ in range(ROUNDS):
            one.append(measure("ours", rows=SLICED_ROWS, part="all")["seconds"])
            parts = pool.map(slice_of_two, ["0", "1"])
            both.append(max(found["seconds"] for found in parts))
    ratio = median(one) / median(both)
    return [
        Row(
            name="slices",
            ours=SLICED_ROWS / median(both),
            peer=SLICED_ROWS / median(one),
            unit="rows/s",
            ratio=ratio,
            target=">= 1.7 x one task, on two cores",
            holds=ratio >= 1.7,
        )
    ]


BENCHES = {"parquet": parquet, "parquet-memory": memory, "slices": slices}
