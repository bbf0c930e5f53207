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

    Jobs that also have owners of other deployments are left to those. A job of which nothing can be
    learnt, or that cannot be stopped, keeps no other running.

    Args:
        jobs: where the jobs are.
        deployment: where the deployment keeps its objects.
        is_alive: tells whether an owner still runs, waits, or will run again.

    Raises:
        Exception: what went wrong with the first job of which that is so, once all others are
            looked after.
    """
    errors = []
    for name, arn in jobs.running():
        try:
            stopped = _stopped(jobs, name, arn, deployment, is_alive)
        except Exception as error:
            error.add_note(f"Transform job {name} was not looked after")
            errors.append(error)
        else:
            if stopped:
                yield name
    if errors:
        raise errors[0]


def _stopped(
    jobs: TransformJobs, name: str, arn: str, deployment: str, is_alive: Callable[[Owner], bool]
) -> bool:
    """Stop a job where nobody wants it."""
    tags = jobs.tags(arn)
    known = owners(tags, deployment)
    if known is None or known.has_others or any(map(is_alive, known.of_deployment)):
        return False
    # Asking took a while: an attempt may have attached meanwhile.
    return jobs.tags(arn) == tags and jobs.stop(name)
