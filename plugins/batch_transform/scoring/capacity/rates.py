"""How fast each step of a run is: figures, and where each of them comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from batch_transform.scoring.errors import ConfigurationError


@dataclass(frozen=True, kw_only=True)
class Rate:
    """One figure.

    Attributes:
        of: what it is of.
        value: the figure; None where nobody can know it but who runs the pipeline.
        unit: such as ``rows/s``.
        by: the command that measured it, or why it is taken.
        record_bytes: size of the records it was measured on: larger ones take longer in proportion.
    """

    of: str
    value: float | None
    unit: str
    by: str
    record_bytes: float = 0.0

    def seconds(self, rows: float, record_bytes: float) -> float:
        """Return how long so many rows take, where this is of rows a second."""
        if self.value is None:
            raise TypeError(f"there is no figure of {self.of}")
        slower = max(1.0, record_bytes / self.record_bytes) if self.record_bytes else 1.0
        return rows * slower / self.value


Rates = Mapping[str, Rate]

# Measured on two cores of a virtual machine, PostgreSQL and S3 beside them.
RATES: Rates = {
    "query": Rate(
        of="a task that reads PostgreSQL",
        value=1_300_000,
        unit="rows/s",
        by="make bench ROW=extract-csv",
        record_bytes=60,
    ),
    "parquet": Rate(
        of="a task that sorts and writes Parquet, on a core of its own",
        value=790_000,
        unit="rows/s",
        by="make bench ROW=parquet",
        record_bytes=90,
    ),
    "unload": Rate(
        of="a warehouse that unloads",
        value=None,
        unit="rows/s",
        by="your own warehouse: how long the task unload takes",
    ),
    "load": Rate(
        of="load into PostgreSQL, over one connection",
        value=800_000,
        unit="rows/s",
        by="make bench ROW=load-csv",
        record_bytes=60,
    ),
    "prove": Rate(
        of="a task of reconcile, on a core of its own",
        value=920_000,
        unit="rows/s",
        by="make bench ROW=publish",
        record_bytes=60,
    ),
    "publish": Rate(
        of="publish into PostgreSQL, over one connection",
        value=770_000,
        unit="rows/s",
        by="make bench ROW=publish",
        record_bytes=60,
    ),
    "copy": Rate(
        of="a shard that S3 copies for join_slices, eight at once",
        value=1.0,
        unit="s",
        by="assumed: 64 MB at the speed of one connection",
    ),
    "look": Rate(
        of="a shard that is looked at: HEAD, or a part of a listing",
        value=0.02,
        unit="s",
        by="assumed: one request to S3",
    ),
    "task": Rate(
        of="a task before it works: scheduler, executor, imports",
        value=5.0,
        unit="s",
        by="make demo",
    ),
    "startup": Rate(
        of="a transform job before its first record",
        value=240.0,
        unit="s",
        by="batch-transform tune, on your own model; this is assumed",
    ),
}


def with_overrides(overrides: Mapping[str, float], rates: Rates = RATES) -> Rates:
    """Return the rates with some figures of one's own.

    Raises:
        ConfigurationError: there is no such rate, or a figure is not above 0.
    """
    for name, value in overrides.items():
        if name not in rates:
            raise ConfigurationError(f"There is no rate {name}; there are {', '.join(rates)}")
        if not 0 < value < float("inf"):
            raise ConfigurationError(f"The rate {name} is {value:g}; give a number above 0")
    changed = {
        name: replace(rates[name], value=value, by="given", record_bytes=0.0)
        for name, value in overrides.items()
    }
    return {**rates, **changed}
