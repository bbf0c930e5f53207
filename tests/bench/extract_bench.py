"""The extract beside SqlToS3Operator, what people use today, and a bare COPY, the least there is.

Each figure is the median of runs that take turns, each in a process of its own; what starting
Python and Airflow takes is not counted for any of them.
"""

import atexit
from contextlib import ExitStack
from functools import cache
from statistics import median

from tests.bench.extract_stack import running
from tests.bench.row import Row

ROWS = 2_000_000
ROUNDS = 3


@cache
def stack():
    held = ExitStack()
    atexit.register(held.close)
    return held.enter_context(running())


@cache
def measured(into, record_format):
    """Medians of each program, all in turns of one run."""
    runs = {"ours": [], "gzip": [], "operator": [], "floor": []}
    for _ in range(ROUNDS):
        for name, found in runs.items():
            program = "ours" if name == "gzip" else name
            compression = "gzip" if name == "gzip" else "none"
            found.append(
                stack().measure(program, record_format, compression=compression, into=into)
            )
    return {
        name: {key: median(run[key] for run in found) for key in found[0]}
        for name, found in runs.items()
    }


def rates(record_format, into, at_least):
    found = measured(into, record_format)
    speed = {name: ROWS / found[name]["seconds"] for name in found}
    ratio = speed["ours"] / speed["operator"]
    suffix = "" if into == "sink" else "-s3"
    yield Row(
        name=f"extract-{record_format}{suffix}",
        ours=speed["ours"],
        peer=speed["operator"],
        floor=speed["floor"],
        unit="rows/s",
        ratio=ratio,
        target=f">= {at_least} x peer" if into == "sink" else "> peer",
        holds=ratio >= (at_least if into == "sink" else 1),
    )


def seconds(name, ours, against, at_most, words, peer=None, floor=None):
    ratio = ours / against
    return Row(
        name=name,
        ours=ours,
        peer=peer,
        floor=floor,
        unit="s",
        ratio=ratio,
        target=f"<= {at_most} x {words}",
        holds=ratio <= at_most,
    )


def csv():
    found = measured("sink", "csv")
    took = {name: found[name]["seconds"] for name in found}
    return [
        *rates("csv", "sink", 8),
        seconds(
            "extract-csv-floor", took["ours"], took["floor"], 1.8, "floor", floor=took["floor"]
        ),
        seconds("extract-csv-gzip", took["gzip"], took["ours"], 1.5, "plain"),
        cpu("csv"),
        memory("csv"),
    ]


def jsonl():
    found = measured("sink", "jsonl")
    took = {name: found[name]["seconds"] for name in found}
    return [
        *rates("jsonl", "sink", 5),
        seconds("extract-jsonl-gzip", took["gzip"], took["ours"], 1.5, "plain"),
        cpu("jsonl"),
        memory("jsonl"),
    ]


def cpu(record_format):
    spent = {name: found["cpu"] for name, found in measured("sink", record_format).items()}
    return seconds(
        f"extract-{record_format}-cpu",
        spent["ours"],
        spent["operator"],
        0.25,
        "peer",
        peer=spent["operator"],
        floor=spent["floor"],
    )


def memory(record_format):
    peak = {name: found["peak_mb"] for name, found in measured("sink", record_format).items()}
    ratio = peak["ours"] / peak["operator"]
    return Row(
        name=f"extract-{record_format}-memory",
        ours=peak["ours"],
        peer=peak["operator"],
        floor=peak["floor"],
        unit="MB",
        ratio=ratio,
        target="<= 0.125 x peer",
        holds=ratio <= 0.125,
    )


def growth():
    """Peak memory at the fewest and the most rows, beside the middle."""
    rows = []
    for record_format in ("csv", "jsonl"):
        peaks = [
            stack().measure("ours", record_format, rows=count)["peak_mb"]
            for count in (500_000, ROWS, 8_000_000)
        ]
        ratio = max(peaks) / min(peaks)
        rows.append(
            Row(
                name=f"extract-{record_format}-memory-growth",
                ours=peaks[-1],
                floor=peaks[0],
                unit="MB",
                ratio=ratio,
                target="<= 1.1 for 0.5 to 8 M rows",
                holds=ratio <= 1.1,
            )
        )
    return rows


def local_s3():
    return [*rates("csv", "store", 1), *rates("jsonl", "store", 1)]


BENCHES = {
    "extract-csv": csv,
    "extract-jsonl": jsonl,
    "extract-memory": growth,
    "extract-s3": local_s3,
}
