"""The plan of a run, as it is kept beside the run's objects and told to people."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from batch_transform.scoring.planning.effort import Effort
from batch_transform.scoring.planning.outlook import Outlook
from batch_transform.scoring.sources.protocol import Expected


@dataclass(frozen=True, kw_only=True)
class InForce:
    """The load that a partition holds.

    Attributes:
        rows: rows in the target.
        run_id: the DAG run that loaded them.
        model: name of the model.
        job_name: the transform job.
        loaded_at: when, ISO.
        digest: of the load.
        means: of each predicted number.
    """

    rows: int
    run_id: str
    model: str
    job_name: str
    loaded_at: str
    digest: str
    means: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a run will do.

    Attributes:
        pipeline: name of the pipeline.
        partition: the partition's label.
        named_by: what of the run names it.
        timezone: whose midnights bound it.
        bounds: what is bound to the query, by parameter.
        asked: what was asked of the run otherwise than by default.
        query: what is read.
        source: how much that is.
        shards: how many, by estimate.
        request: what CreateTransformJob will be sent; what is in angle brackets is known later.
        job: which job the run will get.
        target: the target's table, or prefix.
        unpublished: why nothing is published; empty where the partition is replaced.
        in_force: what is replaced, or compared with; None where there is nothing.
        effort: what the jobs are expected to take; None where no run tells.
        cost_limit: USD that they may cost; None for no limit.
    """

    pipeline: str
    partition: str
    named_by: str
    timezone: str
    bounds: Mapping[str, str]
    asked: Mapping[str, Any]
    query: str
    source: Expected
    shards: int
    request: Mapping[str, Any]
    job: Outlook
    target: str
    unpublished: str
    in_force: InForce | None
    effort: Effort | None
    cost_limit: float | None

    @property
    def expected_cost(self) -> float | None:
        """USD that the jobs will cost; None where nobody knows."""
        return self.effort.cost if self.effort else None

    @property
    def is_over_cost(self) -> bool:
        """Whether the jobs are expected to cost more than they may."""
        cost, limit = self.expected_cost, self.cost_limit
        return cost is not None and limit is not None and cost > limit

    @property
    def request_text(self) -> str:
        """The request, as JSON for people."""
        return json.dumps(self.request, indent=1)

    def to_dict(self) -> dict[str, Any]:
        """Return all of it, of what JSON knows."""
        return asdict(self)

    def to_json(self) -> bytes:
        """Return the content of ``plan.json``."""
        return (json.dumps(self.to_dict(), indent=1) + "\n").encode()

    def lines(self) -> Iterator[str]:
        """Yield what a person reads."""
        start, end = self.bounds["partition_start"], self.bounds["partition_end"]
        yield f"Partition {self.partition} ({start} to {end}), named by {self.named_by}"
        if self.asked:
            listed = ", ".join(f"{name} {value}" for name, value in self.asked.items())
            yield f"Asked for: {listed}"
        yield f"Source: {self.source}, for {self.shards} shards or more"
        yield f"Job: {self.job.why}"
        yield f"Target {self.target}: {self._target()}"
        yield f"Expected: {self.effort or self._nothing_known()}"

    def _target(self) -> str:
        held = self.in_force
        rows = "no row" if held is None else f"the {held.rows} rows of run {held.run_id}"
        if self.unpublished:
            return f"nothing is published, since {self.unpublished}; {rows} to compare with"
        return f"replaces {rows}"

    def _nothing_known(self) -> str:
        kind = self.request["TransformResources"]["InstanceType"]
        return f"nobody knows yet, as no run on {kind} is in the ledger"
