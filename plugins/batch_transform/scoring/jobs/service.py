"""What the work needs of SageMaker: a small protocol, and boto3 behind it.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeTransformJob.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from typing_extensions import override

from batch_transform.scoring.aws.clock import answered_at
from batch_transform.scoring.aws.codes import translated
from batch_transform.scoring.errors import JobMissing, RequestRefused, Unreachable
from batch_transform.scoring.names import S3Uri

IN_PROGRESS = "InProgress"
COMPLETED = "Completed"
FAILED = "Failed"
STOPPING = "Stopping"
STOPPED = "Stopped"


@dataclass(frozen=True, kw_only=True)
class Job:
    """A transform job as SageMaker describes it.

    Attributes:
        name: unique in account and region, for ever.
        arn: what tags hang on.
        status: one of the five above, unless the service has learnt another.
        reason: FailureReason; empty where the service gives none.
        created: when the service took the request.
        described: the whole answer.
        seen_at: when the service gave it, by its own clock.
    """

    name: str
    arn: str
    status: str
    reason: str
    created: datetime
    described: Mapping[str, Any]
    seen_at: datetime = field(compare=False)

    @classmethod
    def of(cls, described: Mapping[str, Any], seen_at: datetime) -> Job:
        """Read the answer of DescribeTransformJob."""
        return cls(
            name=described["TransformJobName"],
            arn=described["TransformJobArn"],
            status=described["TransformJobStatus"],
            reason=described.get("FailureReason", ""),
            created=described["CreationTime"],
            described=described,
            seen_at=seen_at,
        )

    @property
    def manifest(self) -> str:
        """URI of what the job reads."""
        uri: str = self.described["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"]
        return uri

    @property
    def output(self) -> S3Uri:
        """Prefix of what the job writes: read from the job, never computed."""
        return S3Uri.parse(self.described["TransformOutput"]["S3OutputPath"])

    @property
    def instance_type(self) -> str:
        """Instance type the job runs on."""
        kind: str = self.described["TransformResources"]["InstanceType"]
        return kind

    @property
    def instance_count(self) -> int:
        """How many instances it runs on."""
        count: int = self.described["TransformResources"]["InstanceCount"]
        return count

    @property
    def model(self) -> str:
        """Name of the model it uses."""
        name: str = self.described["ModelName"]
        return name

    @property
    def seconds(self) -> float:
        """Seconds from its start to its end; 0 where the service does not tell."""
        started = self.described.get("TransformStartTime")
        ended = self.described.get("TransformEndTime")
        return (ended - started).total_seconds() if started and ended else 0.0

    @property
    def age(self) -> timedelta:
        """How long ago the service took the request, when it described the job."""
        return self.seen_at - self.created

    @property
    def instance_seconds(self) -> float:
        """What is paid for: seconds from start to end, of each instance."""
        return self.seconds * int(self.described["TransformResources"]["InstanceCount"])


class TransformJobs(Protocol):
    """Transform jobs of one account and region. Every call may raise Transient."""

    def create(self, request: Mapping[str, Any]) -> None:
        """Start a job; raise NameTaken or RequestRefused."""

    def find(self, name: str) -> Job | None:
        """Describe a job; None where there is none."""

    def stop(self, name: str) -> bool:
        """Stop a job; False where it is over, is being stopped, or does not exist."""

    def tags(self, arn: str) -> dict[str, str]:
        """Return the tags of a job."""

    def tag(self, arn: str, tags: Mapping[str, str]) -> None:
        """Add tags to a job, or change them."""

    def untag(self, arn: str, keys: Sequence[str]) -> None:
        """Take tags off a job; one that it does not have is no error."""

    def running(self) -> Iterator[tuple[str, str]]:
        """List name and ARN of every job that is InProgress."""


def get(jobs: TransformJobs, name: str | None) -> Job:
    """Describe a job that a task before has handed on.

    Raises:
        JobMissing: none has handed one on.
        Unreachable: SageMaker does not know of it at this moment.
    """
    if not name:
        raise JobMissing(
            "No task before this one has left a transform job, as where a person marks one as a"
            " success; clear transform"
        )
    return known(jobs, name)


def known(jobs: TransformJobs, name: str) -> Job:
    """Describe a job that the service has taken, whatever it says now.

    Raises:
        Unreachable: SageMaker does not know of it at this moment.
    """
    job = jobs.find(name)
    if job is None:
        raise Unreachable(
            f"SageMaker does not describe the transform job {name}, which it has taken: its answers"
            " lag behind, or the AWS connection leads elsewhere by now"
        )
    return job


class SageMakerJobs(TransformJobs):
    """Transform jobs through a boto3 client whose region, endpoint and credentials are set."""

    def __init__(self, client: Any) -> None:
        """Use a client; it retries each request as it is configured to."""
        self._client = client

    @override
    def create(self, request: Mapping[str, Any]) -> None:
        with translated():
            self._client.create_transform_job(**request)

    @override
    def find(self, name: str) -> Job | None:
        try:
            with translated():
                described = self._client.describe_transform_job(TransformJobName=name)
                return Job.of(described, answered_at(described))
        except JobMissing:
            return None

    @override
    def stop(self, name: str) -> bool:
        """Stop a job, unless a look at it says that there is nothing to stop."""
        job = self.find(name)
        if job is None or job.status != IN_PROGRESS:
            return False
        try:
            with translated():
                self._client.stop_transform_job(TransformJobName=name)
        except RequestRefused:
            job = self.find(name)
            if job is not None and job.status == IN_PROGRESS:
                raise
            return False  # it ended between the look and the call
        return True

    @override
    def tags(self, arn: str) -> dict[str, str]:
        pages = self._client.get_paginator("list_tags")
        with translated():
            answer = pages.paginate(ResourceArn=arn).build_full_result()
        return {tag["Key"]: tag["Value"] for tag in answer["Tags"]}

    @override
    def tag(self, arn: str, tags: Mapping[str, str]) -> None:
        listed = [{"Key": key, "Value": value} for key, value in tags.items()]
        with translated():
            self._client.add_tags(ResourceArn=arn, Tags=listed)

    @override
    def untag(self, arn: str, keys: Sequence[str]) -> None:
        with translated():
            self._client.delete_tags(ResourceArn=arn, TagKeys=list(keys))

    @override
    def running(self) -> Iterator[tuple[str, str]]:
        pages = self._client.get_paginator("list_transform_jobs")
        with translated():
            answer = pages.paginate(StatusEquals=IN_PROGRESS).build_full_result()
        for job in answer["TransformJobSummaries"]:
            yield job["TransformJobName"], job["TransformJobArn"]
