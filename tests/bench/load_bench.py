"""Loading predictions from the local S3 into a Postgres table with a primary key.

Ours, the provider's S3ToSqlOperator and bare COPY, each as a process of its own that finds an empty
table; the clock starts when all is imported. Ours and COPY are measured in pairs.
"""

import statistics

from tests.bench.load_stack import ROWS, running
from tests.bench.row import Row

PAIRS = 3
TIMES = 5
SMALL_SHARDS = 1_000


def speed(form):
    """Ours beside the operator and bare COPY, in rows a second."""
    with running() as stack:
        stack.fill(form, ROWS)
        pairs = [
            (stack.measure("ours", form)["seconds"], stack.measure("copy", form)["seconds"])
            for _ in range(PAIRS)
        ]
        peer = stack.measure("operator", form)["seconds"]
    ours = statistics.median(mine for mine, _ in pairs)
    floor = statistics.median(bare for _, bare in pairs)
    slower = statistics.median(mine / bare for mine, bare in pairs)
    common = {"ours": ROWS / ours, "peer": ROWS / peer, "floor": ROWS / floor, "unit": "rows/s"}
    return [
        Row(
            name=f"load-{form}",
            **common,
            ratio=peer / ours,
            target=f">= {TIMES} x S3ToSqlOperator",
            holds=peer / ours >= TIMES,
        ),
        Row(
            name=f"load-{form} beside COPY",
            **common,
            ratio=slower,
            target="<= 1.8 x the time of COPY",
            holds=slower <= 1.8,
        ),
    ]


def many_shards():
    """Milliseconds for each of many shards of one record."""
    with running() as stack:
        stack.fill("csv", SMALL_SHARDS, rows_a_shard=1)
        seconds = stack.measure("ours", "csv", SMALL_SHARDS)["seconds"]
    each = seconds / SMALL_SHARDS * 1000
    return [
        Row(
            name="load-many-shards",
            ours=each,
            unit="ms/shard",
            ratio=each,
            target="<= 10 ms a shard of one record",
            holds=each <= 10,
        )
    ]


def memory():
    """Peak memory of ours at 0.5 and at 8 million rows."""
    peaks = {}
    for rows in (500_000, 8_000_000):
        with running() as stack:
            stack.fill("csv", rows)
            peaks[rows] = stack.measure("ours", "csv", rows)["megabytes"]
    small, large = peaks.values()
    return [
        Row(
            name="load-memory",
            ours=large,
            peer=small,
            unit="MB",
            ratio=large / small,
            target="< 400 MB, and <= 1.1 x that of 0.5 M rows (as peer)",
            holds=large < 400 and large <= 1.1 * small,
        )
    ]


BENCHES = {
    "load-csv": lambda: speed("csv"),
    "load-jsonl": lambda: speed("jsonl"),
    "load-many-shards": many_shards,
    "load-memory": memory,
}
