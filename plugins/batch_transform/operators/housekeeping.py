"""The task of the housekeeping DAG: one for each pipeline."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from airflow.sdk import BaseOperator, Context

from batch_transform.connections import Aws, Connect, services
from batch_transform.failures import no_retry
from batch_transform.following.liveness import is_at_work
from batch_transform.open_warehouse import open_warehouse
from batch_transform.scoring.deployment import Deployment
from batch_transform.scoring.pipeline import Pipeline
from batch_transform.scoring.retention.tidy import Housekeeping, tidy
from batch_transform.scoring.warehouse.protocol import Lend


class TidyOperator(BaseOperator):
    """Deletes what a pipeline's runs left in S3, once it is old and nobody can need it any more.

    Returns ``{"deleted": {"inputs": 12, "outputs": 12}, "retired": 3, "broken_off": False}``.
    """

    ui_color = "#e8e8e8"

    def __init__(
        self,
        *,
        pipeline: Pipeline,
        deployment: Deployment,
        connect: Connect = Aws,
        lend: Lend = open_warehouse,
        at_work: Callable[[str], bool] = is_at_work,
        **kwargs: Any,
    ) -> None:
        """Tidy the runs of a pipeline; ``at_work`` tells whether a run of its DAG has not ended."""
        super().__init__(**kwargs)
        self.pipeline = pipeline
        self.deployment = deployment
        self.connect = connect
        self.lend = lend
        self.at_work = at_work

    @no_retry()
    def execute(self, context: Context) -> dict[str, Any]:
        """Tidy."""
        aws = services(self)
        with self.lend(self.pipeline.settings.target) as warehouse:
            done = tidy(
                Housekeeping(
                    pipeline=self.pipeline,
                    root=self.deployment.root,
                    objects=aws.objects,
                    jobs=aws.jobs,
                    warehouse=warehouse,
                    keep=self.deployment.keep,
                    is_at_work=partial(self.at_work, self.pipeline.name),
                )
            )
        counted = ", ".join(f"{count} {kind}" for kind, count in sorted(done.deleted.items()))
        self.log.info("Deleted %s; retired %d jobs", counted or "nothing", done.retired)
        if done.is_broken_off:
            self.log.info("A run of %s is at work: the rest is left", self.pipeline.name)
        return {
            "deleted": dict(done.deleted),
            "retired": done.retired,
            "broken_off": done.is_broken_off,
        }
