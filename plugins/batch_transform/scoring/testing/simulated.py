"""Batch Transform in memory: whole jobs at once, with what a test wants to befall them."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from typing_extensions import override

from batch_transform.scoring.extract import manifest
from batch_transform.scoring.jobs.service import COMPLETED, FAILED, Job
from batch_transform.scoring.names import S3Uri, output_name
from batch_transform.scoring.testing.s3 import InMemoryObjects
from batch_transform.scoring.testing.sagemaker import FakeAws, InMemoryJobs, InMemoryLogs

BROKEN = "InternalServerError: We encountered an internal error.  Please try again."
_REASON = "AlgorithmError: See job logs for more information"
_JOB_TIME = timedelta(minutes=5)
_NO_ANSWER = "Unable to get response from algorithm"
_STAMP = "2020-10-14T04:08:19.163:[sagemaker logs]"


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


@dataclass(frozen=True, kw_only=True)
class Mishap:
    """What befalls a job, whatever its records are.

    Attributes:
        lost: instances, by number, that vanish; nothing is said of what they had not finished.
        finished: how many objects each of them had finished by then.
        reason: FailureReason; empty for that of objects which failed.
        silent: whether no line of the data-log is ever seen.
        unseen: lines of the data-log, by number, that are never seen.
        late: how long after the job's end its data-log is seen.
    """

    lost: frozenset[int] = frozenset()
    finished: int = 0
    reason: str = ""
    silent: bool = False
    unseen: frozenset[int] = frozenset()
    late: timedelta = timedelta()


@dataclass
class LateLogs(InMemoryLogs):
    """Logs of jobs that are seen after a while.

    Attributes:
        clock: tells the service's time.
        seen_from: when the log of a job is seen, where that is not at once.
    """

    clock: Callable[[], datetime] = datetime.now
    seen_from: dict[str, datetime] = field(default_factory=dict)

    @override
    def data_log(self, job_name: str) -> list[list[str]]:
        seen_from = self.seen_from.get(job_name)
        return [] if seen_from and self.clock() < seen_from else super().data_log(job_name)


@dataclass
class SimulatedTransform:
    """A service whose jobs run when they are created.

    Its instances take the objects of the manifest in turn, one request at a time.

    Attributes:
        model: gives an answer for each record of a request, or raises one of the above.
        batch: records in a request of MultiRecord.
        joined: whether outputs are joined.
        mishaps: what befalls jobs, by their number, from 0.
        sent: records that were sent, in order, of all jobs.
        counted: how many objects each job was given.
    """

    model: Callable[[Sequence[bytes]], Sequence[bytes]]
    batch: int = 10
    joined: bool = True
    mishaps: Mapping[int, Mishap] = field(default_factory=dict)
    objects: InMemoryObjects = field(default_factory=InMemoryObjects)
    jobs: InMemoryJobs = field(default_factory=InMemoryJobs)
    logs: LateLogs = field(default_factory=LateLogs)
    sent: list[bytes] = field(default_factory=list)
    counted: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.logs.clock = lambda: self.jobs.now

    @property
    def services(self) -> FakeAws:
        """What the work is given of AWS."""
        return FakeAws(jobs=self.jobs, objects=self.objects, logs=self.logs)

    def run(self, name: str, request: Mapping[str, Any]) -> Job:
        """Create a job, and bring it to its end; one that exists is only described."""
        if self.jobs.find(name) is None:
            self.jobs.create({**request, "TransformJobName": name})
            mishap = self.mishaps.get(len(self.counted), Mishap())
            failed = _Transform(service=self, request=request, mishap=mishap).run(name)
            self.jobs.advance(_JOB_TIME)
            self.logs.seen_from[name] = self.jobs.now + mishap.late
            is_failed = failed or mishap.reason
            reason = mishap.reason or (_REASON if failed else "")
            self.jobs.end(name, FAILED if is_failed else COMPLETED, reason)
        job = self.jobs.find(name)
        assert job is not None  # noqa: S101  # it was just created
        return job

    def answer(self, uri: S3Uri, size: int) -> bytes:
        """Have the model answer an object in requests of so many records, or raise."""
        return b"".join(self._answers(self._lines(uri), size))

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


@dataclass(kw_only=True)
class _Transform:
    """One job."""

    service: SimulatedTransform
    request: Mapping[str, Any]
    mishap: Mishap
    dead: set[int] = field(default_factory=set)

    def run(self, name: str) -> int:
        """Write the outputs and the data-log; return how many objects have no output."""
        source = self.request["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"]
        uris = manifest.parse(self.service.objects.get(S3Uri.parse(source)))
        instances = int(self.request["TransformResources"]["InstanceCount"])
        self.service.counted.append(len(uris))
        streams: list[list[str]] = [[] for _ in range(instances)]
        failed = 0
        for number, uri in enumerate(uris):
            instance = number % instances
            if instance in self.mishap.lost and number // instances >= self.mishap.finished:
                failed += 1
                continue
            texts = self._said_of(uri, instance)
            failed += bool(texts)
            streams[instance] += [f"{_STAMP}: {uri.bucket}/{uri.key}: {text}" for text in texts]
        self.service.logs.data_logs[name] = list(self._seen(streams))
        return failed

    def _said_of(self, uri: S3Uri, instance: int) -> list[str]:
        """Answer an object; return what the data-log says where that fails."""
        if instance in self.dead:
            return [_NO_ANSWER]
        try:
            size = self.service.batch if self.request["BatchStrategy"] == "MultiRecord" else 1
            out = self.service.answer(uri, size)
        except Refused as error:
            kind = "ClientError" if error.status < 500 else "AlgorithmError"
            return [f"{kind}: {error.status}", "", "Message:", error.message]
        except TimedOut:
            return ["Model server did not respond to /invocations request within 5 seconds"]
        except Died:
            self.dead.add(instance)
            return [_NO_ANSWER]
        except ValueError as error:
            return [str(error)]
        output = S3Uri.parse(self.request["TransformOutput"]["S3OutputPath"])
        self.service.objects.put(output / output_name(uri.key.rsplit("/", 1)[-1]), out)
        return []

    def _seen(self, streams: Sequence[Sequence[str]]) -> Iterator[list[str]]:
        number = 0
        for lines in () if self.mishap.silent else streams:
            seen = enumerate(lines, start=number)
            number += len(lines)
            yield [line for at, line in seen if at not in self.mishap.unseen]
