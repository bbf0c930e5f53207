"""A transform job's own logs: their last lines for people, the data-log for who sends again.

https://docs.aws.amazon.com/sagemaker/latest/dg/logging-cloudwatch.html: a transform job has a
stream for each container, and a data-log that names inputs which could not be scored.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from batch_transform.scoring.aws.codes import translated

LOG_GROUP = "/aws/sagemaker/TransformJobs"

_STREAMS = 8
_LINES = 15


class JobLogs(Protocol):
    """Where the logs of jobs are."""

    def tail(self, job_name: str) -> str:
        """Return the last lines of each log of a job; never raises."""

    def data_log(self, job_name: str) -> list[list[str]]:
        """Return the lines of each instance's data-log, or raise Transient."""


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

    def data_log(self, job_name: str) -> list[list[str]]:
        """Return the lines of each instance's data-log; none where there is no log."""
        with translated():
            return [
                list(self._all_lines(stream))
                for stream in self._streams(f"{job_name}/")
                if stream.endswith("/data-log")
            ]

    def _streams(self, prefix: str) -> Iterator[str]:
        pages = self._client.get_paginator("describe_log_streams").paginate(
            logGroupName=LOG_GROUP, logStreamNamePrefix=prefix
        )
        try:
            for page in pages:
                for stream in page["logStreams"]:
                    yield stream["logStreamName"]
        except self._client.exceptions.ResourceNotFoundException:
            return

    def _all_lines(self, stream: str) -> Iterator[str]:
        """Read a stream page by page; the last page names itself as the next one."""
        token: dict[str, str] = {}
        while True:
            page = self._client.get_log_events(
                logGroupName=LOG_GROUP, logStreamName=stream, startFromHead=True, **token
            )
            for event in page["events"]:
                yield from event["message"].splitlines() or [""]
            if token.get("nextToken") == page["nextForwardToken"]:
                return
            token = {"nextToken": page["nextForwardToken"]}

    def _lines(self, stream: str) -> str:
        answer = self._client.get_log_events(
            logGroupName=LOG_GROUP, logStreamName=stream, limit=_LINES, startFromHead=False
        )
        lines = [f"  {event['message'].rstrip()}" for event in answer["events"]]
        return "\n".join([f"Log {stream}:", *lines])
