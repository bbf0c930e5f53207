"""Cutting records into shards: with limits that make many, beside none at all."""

import time
from statistics import median

from tests.bench.row import Row

RECORD = b"x" * 99 + b"\n"
BLOCK_RECORDS = 2_600
LIMITS = {
    "one": {},
    "records": {"max_records": 25},
    "count": {"min_count": 5_000},
}
BYTES = 60_000_000


def seconds(limits, size):
    """The median of three cuts of so many bytes."""
    from batch_transform.scoring.extract.shards import cut
    from batch_transform.scoring.pipeline import Shards

    block = RECORD * BLOCK_RECORDS
    blocks = [block] * (size // len(block))
    took = []
    for _ in range(3):
        start = time.perf_counter()
        records = sum(piece.records for piece in cut(blocks, Shards(**limits)))
        took.append(time.perf_counter() - start)
        assert records == len(blocks) * BLOCK_RECORDS
    return median(took)


def shards():
    took = {name: seconds(limits, BYTES) for name, limits in LIMITS.items()}
    for name in ("records", "count"):
        ratio = took[name] / seconds(LIMITS[name], BYTES // 4)
        yield Row(
            name=f"extract-shards-{name}",
            ours=BYTES / took[name] / 1e6,
            floor=BYTES / took["one"] / 1e6,
            unit="MB/s",
            ratio=ratio,
            target="<= 6 x the time for 4 x the bytes",
            holds=ratio <= 6,
        )


BENCHES = {"extract-shards": shards}
