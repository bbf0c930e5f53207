"""Batch Transform in memory: whole jobs at once, with a model that fails as a test orders."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from batch_transform.scoring.extract import manifest
from batch_transform.scoring.jobs.service import COMPLETED, FAILED, Job
from batch_transform.scoring.names import S3Uri, output_name
from batch_transform.scoring.testing.s3 import InMemoryObjects
from batch_transform.scoring.testing.sagemaker import FakeAws, InMemoryJobs, InMemoryLogs

_JOB_TIME = timedelta(minutes=5)


class Refused(Exception):
    """The container answers with a status and a message."""

    def __init__(self, status: int, message: str = "no") -> None:
        """Answer so."""
        super().__init__(f"{status}: {message}")
        self.status, self.message = status, message


class Died(Exception):
    """The container ends."""


class TimedOut(Exception):
    """The container does not answer in time."""


@dataclass
class SimulatedTransform:
    """A service whose jobs run when they are created.

    Attributes:
        model: gives an answer for each record of a request, or raises one of the above.
        batch: records in a request of MultiRecord.
        joined: whether outputs are joined.
        sent: records that were sent, in order, of all jobs.
    """

    model: Callable[[Sequence[bytes]], Sequence[bytes]]
    batch: int = 10
    joined: bool = True
    objects: InMemoryObjects = field(default_factory=InMemoryObjects)
    jobs: InMemoryJobs = field(default_factory=InMemoryJobs)
    logs: InMemoryLogs = field(default_factory=InMemoryLogs)
    sent: list[bytes] = field(default_factory=list)

    @property
    def services(self) -> FakeAws:
        """What the work is given of AWS."""
        return FakeAws(jobs=self.jobs, objects=self.objects, logs=self.logs)

    def run(self, name: str, request: Mapping[str, Any]) -> Job:
        """Create a job, and bring it to its end; one that exists is only described."""
        if self.jobs.find(name) is None:
            self.jobs.create({**request, "TransformJobName": name})
            self._transform(name, request)
        job = self.jobs.find(name)
        assert job is not None  # noqa: S101  # it was just created
        return job

    def _transform(self, name: str, request: Mapping[str, Any]) -> None:
        source = request["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"]
        output = S3Uri.parse(request["TransformOutput"]["S3OutputPath"])
        size = self.batch if request["BatchStrategy"] == "MultiRecord" else 1
        log: list[str] = []
        dead = False
        for uri in manifest.parse(self.objects.get(S3Uri.parse(source))):
            texts = ["Unable to get response from algorithm"]
            if not dead:
                texts, dead = self._object(uri, output, size)
            log += [f"{uri.bucket}/{uri.key}: {text}" for text in texts]
        stamp = "2020-10-14T04:08:19.163:[sagemaker logs]"
        self.logs.data_logs[name] = [[f"{stamp}: {line}" for line in log]]
        self.jobs.advance(_JOB_TIME)
        reason = "ClientError: See job logs" if log else ""
        self.jobs.end(name, FAILED if log else COMPLETED, reason)

    def _object(self, uri: S3Uri, output: S3Uri, size: int) -> tuple[list[str], bool]:
        """Answer an object; return what the data-log says, and whether the container died."""
        try:
            out = b"".join(self._answers(self._lines(uri), size))
        except Refused as error:
            kind = "ClientError" if error.status < 500 else "AlgorithmError"
            return [f"{kind}: {error.status}", "", "Message:", error.message], False
        except TimedOut:
            return ["Model server did not respond to /invocations request within 5 seconds"], False
        except Died:
            return ["Unable to get response from algorithm"], True
        except ValueError as error:
            return [str(error)], False
        self.objects.put(output / output_name(uri.key.rsplit("/", 1)[-1]), out)
        return [], False

    def _lines(self, uri: S3Uri) -> list[bytes]:
        body = self.objects.get(uri)
        return (gzip.decompress(body) if uri.key.endswith(".gz") else body).splitlines()

    def _answers(self, lines: Sequence[bytes], size: int) -> Iterator[bytes]:
        for start in range(0, len(lines), size):
            batch = lines[start : start + size]
            self.sent += batch
            answers = self.model(batch)
            if not self.joined:
                yield b"".join(answer + b"\n" for answer in answers)
                continue
            if len(answers) != len(batch):
                raise ValueError(
                    "Fail to join data: mismatched line count between the input and the output"
                )
            pairs = zip(batch, answers, strict=True)
            yield b"".join(line + b"," + answer + b"\n" for line, answer in pairs)
