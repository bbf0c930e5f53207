"""Batch Transform in memory: whole jobs at once, with a model that fails as a test orders."""

import gzip
from dataclasses import dataclass, field
from datetime import timedelta

from include.scoring import manifest
from include.scoring.jobs.fake import InMemoryJobs, InMemoryLogs
from include.scoring.jobs.service import COMPLETED, FAILED
from include.scoring.jobs.watch import Services
from include.scoring.names import S3Uri
from include.scoring.objects import InMemoryObjects


class Refused(Exception):
    """The container answers with a status and a message."""

    def __init__(self, status, message="no"):
        super().__init__(f"{status}: {message}")
        self.status, self.message = status, message


class Died(Exception):
    """The container ends."""


class TimedOut(Exception):
    """The container does not answer in time."""


@dataclass
class Simulated:
    """A service whose jobs run when they are created.

    Attributes:
        model: gives an answer for each record of a request, or raises one of the above.
        batch: records in a request of MultiRecord.
        joined: whether outputs are joined.
        sent: records that were sent, in order, of all jobs.
    """

    model: object
    batch: int = 10
    joined: bool = True
    objects: InMemoryObjects = field(default_factory=InMemoryObjects)
    jobs: InMemoryJobs = field(default_factory=InMemoryJobs)
    logs: InMemoryLogs = field(default_factory=InMemoryLogs)
    sent: list[bytes] = field(default_factory=list)

    @property
    def services(self):
        return Services(jobs=self.jobs, objects=self.objects, logs=self.logs)

    def run(self, name, request):
        """Create a job, and bring it to its end; one that exists is only described."""
        if self.jobs.find(name) is None:
            self.jobs.create({**request, "TransformJobName": name})
            self._transform(name, request)
        return self.jobs.find(name)

    def _transform(self, name, request):
        source = request["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"]
        output = S3Uri.parse(request["TransformOutput"]["S3OutputPath"])
        size = self.batch if request["BatchStrategy"] == "MultiRecord" else 1
        log, dead = [], False
        for uri in manifest.parse(self.objects.get(S3Uri.parse(source))):
            label = f"{uri.bucket}/{uri.key}"
            if dead:
                log.append(f"{label}: Unable to get response from algorithm")
                continue
            try:
                out = b"".join(self._answers(self._lines(uri), size))
                self.objects.put(output / f"{uri.key.rsplit('/', 1)[-1]}.out", out)
            except Refused as error:
                kind = "ClientError" if error.status < 500 else "AlgorithmError"
                texts = [f"{kind}: {error.status}", "", "Message:", error.message]
                log += [f"{label}: {text}" for text in texts]
            except TimedOut:
                text = "Model server did not respond to /invocations request within 5 seconds"
                log.append(f"{label}: {text}")
            except Died:
                dead = True
                log.append(f"{label}: Unable to get response from algorithm")
            except ValueError as error:
                log.append(f"{label}: {error}")
        self.logs.data_logs[name] = [
            [f"2020-10-14T04:08:19.163:[sagemaker logs]: {x}" for x in log]
        ]
        self.jobs.advance(timedelta(minutes=5))
        self.jobs.end(
            name, FAILED if log else COMPLETED, "ClientError: See job logs" if log else ""
        )

    def _lines(self, uri):
        body = self.objects.get(uri)
        plain = gzip.decompress(body) if uri.key.endswith(".gz") else body
        return plain.splitlines()

    def _answers(self, lines, size):
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
            yield b"".join(
                line + b"," + answer + b"\n" for line, answer in zip(batch, answers, strict=True)
            )
