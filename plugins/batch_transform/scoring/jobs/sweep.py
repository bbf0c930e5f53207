"""Stops the jobs that no task stops any more.

A task stops its job when it ends early. Where its process was killed, where Airflow or AWS was away
at that moment, or where a task was marked while it was handed to the triggerer, nobody does: then
this does, within minutes, by the tags of the jobs and what Airflow knows of their owners.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from batch_transform.scoring.jobs.owners import Owner, owners
from batch_transform.scoring.jobs.service import TransformJobs


def sweep(jobs: TransformJobs, deployment: str, is_alive: Callable[[Owner], bool]) -> Iterator[str]:
    """Stop each running job of a deployment that no living task wants, and yield its name.

    Jobs that also have owners of other deployments are left to those.

    Args:
        jobs: where the jobs are.
        deployment: where the deployment keeps its objects.
        is_alive: tells whether an owner still runs, waits, or will run again.

    Raises:
        Transient: AWS could not be asked.
    """
    for name, arn in jobs.running():
        tags = jobs.tags(arn)
        known = owners(tags, deployment)
        if known is None or known.has_others or any(map(is_alive, known.of_deployment)):
            continue
        # Asking took a while: an attempt may have attached meanwhile.
        if jobs.tags(arn) == tags and jobs.stop(name):
            yield name
