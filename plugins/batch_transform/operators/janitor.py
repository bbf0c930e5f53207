"""The only task of the janitor's DAG."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from airflow.sdk import BaseOperator, Context

from batch_transform.connections import Aws, Connect
from batch_transform.failures import no_retry
from batch_transform.following.liveness import is_alive
from batch_transform.open_engine import Statements, open_statements
from batch_transform.scoring.deployment import Deployment
from batch_transform.scoring.jobs.owners import Owner
from batch_transform.scoring.jobs.sweep import sweep
from batch_transform.scoring.names import statements_of, task_of_statement
from batch_transform.scoring.pipeline import EngineName

BY_HAND = "by-hand__"  # begins the id of a run that Airflow knows nothing of


class StopOrphansOperator(BaseOperator):
    """Stops transform jobs of this deployment, and unloads, that no task wants any more.

    Returns the names of the jobs. Idle, it costs one call of ListTransformJobs, and one look
    at the statements of each connection by which pipelines unload.
    """

    open_statements: Callable[[EngineName, str, str], Statements] = staticmethod(open_statements)

    def __init__(
        self,
        *,
        deployment: Deployment,
        connect: Connect = Aws,
        unload_by: Sequence[tuple[EngineName, str, str]] = (),
        **kwargs: Any,
    ) -> None:
        """Look after the jobs of a deployment, and after what is unloaded by connections.

        ``unload_by`` has an engine, a connection and, where Athena unloads, a workgroup.
        """
        super().__init__(**kwargs)
        self.deployment = deployment
        self.connect = connect
        self.unload_by = unload_by

    @no_retry()
    def execute(self, context: Context) -> list[str]:
        """Stop what runs for nobody."""
        jobs = self.connect(self.deployment.aws_conn_id).jobs
        stopped = []
        for name in sweep(jobs, str(self.deployment.root), _is_wanted):
            self.log.warning("Transform job %s ran for no task that is alive: stopped", name)
            stopped.append(name)
        for engine, conn_id, workgroup in self.unload_by:
            self._stop_statements(type(self).open_statements(engine, conn_id, workgroup))
        return stopped

    def _stop_statements(self, statements: Statements) -> None:
        """Stop what is unloaded for a task that is over, whose worker could not stop it."""
        root = str(self.deployment.root)
        for statement, name in statements.running_from(statements_of(root)):
            task = task_of_statement(name, root)
            if task is None:
                continue
            dag_id, task_id, run_id = task
            owner = Owner(deployment=root, dag_id=dag_id, task_id=task_id, run_id=run_id)
            if not _is_wanted(owner):
                self.log.warning("Statement %s of %s ran for no task: stopped", statement, name)
                statements.cancel(statement)


def _is_wanted(owner: Owner) -> bool:
    """Tell whether an owner may still want its job; a run by hand stops its own."""
    return owner.run_id.startswith(BY_HAND) or is_alive(owner)
