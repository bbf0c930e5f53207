"""An attempt at a task that needs a transform job: which jobs will do, and when it may pay."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from typing_extensions import override

from batch_transform.scoring.aws.codes import of_reason
from batch_transform.scoring.errors import JobFailed, LimitHit, ServiceBroken
from batch_transform.scoring.extract.index import ExtractIndex
from batch_transform.scoring.jobs.look import Services, is_usable
from batch_transform.scoring.jobs.memory import JobMemory
from batch_transform.scoring.jobs.owners import give_up
from batch_transform.scoring.jobs.service import FAILED, Job
from batch_transform.scoring.jobs.start import Held, JobRequest, Starter, start_or_attach
from batch_transform.scoring.pipeline import Limits

_MOST_BROKEN = 2  # a fault of the service is tried once more; what repeats is the model's or ours


@dataclass(frozen=True, kw_only=True)
class Attempt(Starter):
    """What an attempt knows when it starts a job, or attaches to one.

    Attributes:
        services: AWS.
        memory: what attempts before this one have left.
        index: what the job is to be sent.
        limits: of the pipeline.
        request: the job.
        expect: learns the name of each job that is about to be created, last of all.
    """

    services: Services
    memory: JobMemory
    index: ExtractIndex
    limits: Limits
    request: JobRequest
    expect: Callable[[str], None]

    def begin(self) -> Held:
        """Get the job, and stop what an earlier attempt at this task started for other data.

        Raises:
            JobConflict: the name belongs to a job that does something else.
            RequestRefused: the service does not take the request.
            JobFailed: the service broke as often as it may.
            LimitHit: ``limits.instance_hours`` allows no other job.
            Transient: the service may take the request later.
        """
        for name in self.memory.intended_otherwise(self.request.digest):
            give_up(self.services.jobs, name, self.request.owner)
        held = start_or_attach(self.services.jobs, self.request, self)
        self.memory.intend(held.job.name, self.request.digest)
        return held

    @override
    def is_usable(self, job: Job) -> bool:
        """Tell whether a job that is over gives what this attempt wants.

        Who clears a task after its Failed job was handed on wants another job; a retry does not.
        """
        if job.status == FAILED and self.memory.concluded_before(job.name):
            return False
        return is_usable(self.services, job, self.index)

    @override
    def check_allowed(self, earlier: Sequence[Job]) -> None:
        tried = self.memory.tried()
        ours = [job for job in earlier if job.name in tried]
        broken = [j for j in ours if j.status == FAILED and of_reason(j.reason) is ServiceBroken]
        if len(broken) >= _MOST_BROKEN:
            raise JobFailed(
                f"{len(broken)} transform jobs in a row failed with {broken[-1].reason!r}. Out of"
                " memory, a model too large for its volume, or a fault of the service: see the log"
                f" of {broken[-1].name}, then clear the transform task to try again"
            )
        check_hours(ours, self.limits)

    @override
    def intend(self, name: str) -> None:
        self.memory.intend(name, self.request.digest)
        self.expect(name)


def check_hours(jobs: Sequence[Job], limits: Limits) -> None:
    """Hold the jobs of a run to the limit before another is started.

    Raises:
        LimitHit: they have used their instance hours.
    """
    hours = sum(job.instance_seconds for job in jobs) / 3600
    if limits.instance_hours is not None and hours >= limits.instance_hours:
        raise LimitHit(
            f"{hours:.2f} instance hours are used, and limits.instance_hours, or a limit of cost,"
            f" allows {limits.instance_hours:.4g}: no other transform job is started. Raise the"
            " limit, and clear the task"
        )
