"""What the demo's runs left behind, read back from the warehouse, SageMaker and Airflow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import boto3
import psycopg

from local.airflow_api import AirflowApi
from local.data.package_days import flights_per_day
from local.stack import REGION, Stack

_SQL = Path(__file__).parent / "sql"
_HEADINGS = (
    "pipeline", "partition", "source rows", "predictions", "quarantined", "mean score",
    "transform jobs", "seconds",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Scored:
    """One partition of one pipeline, as the demo left it.

    Attributes:
        source_rows: rows of the day in the source.
        package_rows: rows of the day in the package the source was loaded from, where it has any.
        predictions: rows of the day in the target table.
        quarantined: records of the day without a prediction.
        mean_score: mean of the prediction, None where there is none.
        transform_jobs: jobs that SageMaker has for the partition.
        seconds: from the start of the DAG run to its end.
    """

    pipeline: str
    partition: date
    source_rows: int
    package_rows: int | None
    predictions: int
    quarantined: int
    mean_score: float | None
    transform_jobs: int
    seconds: float

    @property
    def agrees(self) -> bool:
        """Whether every count of the partition is the same."""
        counts = {self.source_rows, self.predictions + self.quarantined}
        if self.package_rows is not None:
            counts.add(self.package_rows)
        return len(counts) == 1 and self.source_rows > 0 and self.transform_jobs == 1


def read_results(stack: Stack, pipelines: Sequence[str], days: Sequence[date]) -> list[Scored]:
    """Read back what became of each partition of each pipeline."""
    with psycopg.connect(stack.postgres.dsn("warehouse")) as warehouse:
        source = {(name, day): count for name, day, count in _query(warehouse, "source_rows")}
        scored = {(name, day): row for name, day, *row in _query(warehouse, "predictions")}
    package = {"flight_delay": flights_per_day()}
    runs = _runs(stack.api)
    jobs = job_names(stack.aws_url)
    return [
        Scored(
            pipeline=name,
            partition=day,
            source_rows=source.get((name, day), 0),
            package_rows=package[name].get(day, 0) if name in package else None,
            predictions=scored.get((name, day), (0, None))[0],
            mean_score=scored.get((name, day), (0, None))[1],
            transform_jobs=sum(f"{name.replace('_', '-')}-{day}-" in job for job in jobs),
            quarantined=runs.get((name, day), (0, 0.0))[0],
            seconds=runs.get((name, day), (0, 0.0))[1],
        )
        for name in pipelines
        for day in days
    ]


def table(results: Sequence[Scored]) -> str:
    """Lay the results out for a terminal."""
    rows = [_HEADINGS, *(_cells(each) for each in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
             for row in rows]  # fmt: skip
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(line.rstrip() for line in lines)


def flight_auc(stack: Stack) -> float:
    """Return how well the scores tell late flights from others: 0.5 is chance, 1 is perfect."""
    from sklearn.metrics import roc_auc_score  # slow to import, and only needed at the end

    with psycopg.connect(stack.postgres.dsn("warehouse")) as warehouse:
        pairs = _query(warehouse, "late_flights")
    scores, late = zip(*pairs, strict=True)
    return float(roc_auc_score(late, scores))


def _cells(each: Scored) -> tuple[str, ...]:
    return (
        each.pipeline,
        each.partition.isoformat(),
        str(each.source_rows),
        str(each.predictions),
        str(each.quarantined),
        "-" if each.mean_score is None else f"{each.mean_score:.4f}",
        str(each.transform_jobs),
        f"{each.seconds:.1f}",
    )


def _query(warehouse: psycopg.Connection[Any], name: str) -> list[tuple[Any, ...]]:
    statement = (_SQL / f"{name}.sql").read_text(encoding="utf-8")
    return warehouse.execute(statement.encode()).fetchall()


def job_names(aws_url: str) -> list[str]:
    """Return the names of all transform jobs that the local AWS has."""
    client = boto3.Session("test", "test", region_name=REGION).client(
        "sagemaker", endpoint_url=aws_url
    )
    pages = client.get_paginator("list_transform_jobs").paginate()
    return [job["TransformJobName"] for page in pages for job in page["TransformJobSummaries"]]


def _runs(api: AirflowApi) -> dict[tuple[str, date], tuple[int, float]]:
    """Return quarantined records and seconds of the DAG runs, by pipeline and partition."""
    found = {}
    for run in api.runs():
        loaded = api.returned(run["dag_id"], run["dag_run_id"], "load")
        started, ended = (datetime.fromisoformat(run[at]) for at in ("start_date", "end_date"))
        day = date.fromisoformat(loaded["partition"])
        found[run["dag_id"], day] = loaded["quarantined"], (ended - started).total_seconds()
    return found
