"""The only task of the janitor's DAG."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseOperator, Context

from batch_transform.connections import Aws, Connect
from batch_transform.failures import no_retry
from batch_transform.following.liveness import is_alive
from batch_transform.scoring.deployment import Deployment
from batch_transform.scoring.jobs.owners import Owner
from batch_transform.scoring.jobs.sweep import sweep

BY_HAND = "by-hand__"  # begins the id of a run that Airflow knows nothing of


class StopOrphansOperator(BaseOperator):
    """Stops transform jobs of this deployment that no task wants any more.

    Returns their names. Idle, it costs one call of ListTransformJobs.
    """

    def __init__(self, *, deployment: Deployment, connect: Connect = Aws, **kwargs: Any) -> None:
        """Look after the jobs of a deployment."""
        super().__init__(**kwargs)
        self.deployment = deployment
        self.connect = connect

    @no_retry()
    def execute(self, context: Context) -> list[str]:
        """Stop what runs for nobody."""
        jobs = self.connect(self.deployment.aws_conn_id).jobs
        stopped = []
        for name in sweep(jobs, str(self.deployment.root), _is_wanted):
            self.log.warning("Transform job %s ran for no task that is alive: stopped", name)
            stopped.append(name)
        return stopped


def _is_wanted(owner: Owner) -> bool:
    """Tell whether an owner may still want its job; a run by hand stops its own."""
    return owner.run_id.startswith(BY_HAND) or is_alive(owner)
