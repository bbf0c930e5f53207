"""The last lines of a job's own logs, for the message of the task that failed.

https://docs.aws.amazon.com/sagemaker/latest/dg/logging-cloudwatch.html: a transform job has a
stream for each container, and a data-log that names inputs which could not be scored.
"""

from __future__ import annotations

from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

LOG_GROUP = "/aws/sagemaker/TransformJobs"

_STREAMS = 8
_LINES = 15


class JobLogs(Protocol):
    """Where the logs of jobs are."""

    def tail(self, job_name: str) -> str:
        """Return the last lines of each log of a job; never raises."""


class CloudWatchLogs:
    """CloudWatch Logs through a boto3 client."""

    def __init__(self, client: Any) -> None:
        """Use a client whose region, endpoint and credentials are set."""
        self._client = client

    def tail(self, job_name: str) -> str:
        """Return the last lines, or why there are none: the job's failure is what matters."""
        try:
            answer = self._client.describe_log_streams(
                logGroupName=LOG_GROUP, logStreamNamePrefix=f"{job_name}/", limit=_STREAMS
            )
            tails = [self._lines(stream["logStreamName"]) for stream in answer["logStreams"]]
        except (BotoCoreError, ClientError) as error:
            return f"(Its log in {LOG_GROUP} cannot be read: {error})"
        return "\n".join(tails) or f"(It has no log in {LOG_GROUP})"

    def _lines(self, stream: str) -> str:
        answer = self._client.get_log_events(
            logGroupName=LOG_GROUP, logStreamName=stream, limit=_LINES, startFromHead=False
        )
        lines = [f"  {event['message'].rstrip()}" for event in answer["events"]]
        return "\n".join([f"Log {stream}:", *lines])
