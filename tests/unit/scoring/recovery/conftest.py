from datetime import date, timedelta
from pathlib import Path

import pytest

from batch_transform.scoring.errors import Transient
from batch_transform.scoring.extract import manifest
from batch_transform.scoring.extract.extract import extract
from batch_transform.scoring.jobs import request
from batch_transform.scoring.names import RunLayout, S3Uri, job_name
from batch_transform.scoring.outputs.coverage import check_covers
from batch_transform.scoring.outputs.reconcile import columns_of, stage_outputs
from batch_transform.scoring.outputs.sent import covered
from batch_transform.scoring.outputs.staged import staging
from batch_transform.scoring.partition import Partition
from batch_transform.scoring.pipeline import Pipeline, PipelineFile
from batch_transform.scoring.recovery.rounds import Recovery, recover
from batch_transform.scoring.testing import Refused, RowsSource, SimulatedTransform
from tests.unit.scoring.conftest import SETTINGS, merged
from tests.unit.scoring.outputs.partitions import rows_of

PARTITION = Partition(day=date(2013, 6, 1), timezone="UTC")
LAYOUT = RunLayout.of(S3Uri("bucket", "runs"), "apples", "2013-06-01", "attempt")


class Run:
    """One run of a pipeline against a simulated service, up to the rows that would be loaded."""

    def __init__(self, rows, model, *, simulated=None, **changes):
        self.pipeline = Pipeline(
            name="apples",
            folder=Path("apples"),
            settings=PipelineFile.model_validate(merged(SETTINGS, changes)),
            query="SELECT 1",
        )
        joined = self.pipeline.settings.transform.join == "engine"
        self.service = SimulatedTransform(model, joined=joined, **simulated or {})
        source = RowsSource(["apple_id", "weight", "colour"], rows)
        self.index = extract(self.pipeline, PARTITION, source, self.service.objects, LAYOUT)
        manifest.write(self.index, LAYOUT, self.service.objects)
        self.config = request.build(self.pipeline.settings)
        fitted = request.fitted(self.config, len(self.index.shards))
        reads = request.reading(fitted, LAYOUT.manifest)
        self.job = self.service.run("apples-first", request.writing(reads, LAYOUT.output))
        self.attempts = 0

    @property
    def jobs(self):
        """How many jobs there were."""
        return len(self.service.jobs.created)

    def recover(self, launch=None, since=None):
        """Recover, each time in an attempt of its own, and once more where the log is late."""
        while True:
            self.attempts += 1
            recovery = self.recovery(since)
            try:
                return recover(recovery, self.service.services, launch or self.launch)
            except Transient:
                self.service.jobs.advance(timedelta(minutes=1))

    def recovery(self, since=None):
        return Recovery(
            pipeline=self.pipeline,
            index=self.index,
            inputs=LAYOUT.input,
            job=self.job,
            root=S3Uri("bucket", f"recover/{self.attempts}"),
            config=self.config,
            since=since,
            now=lambda: self.service.jobs.now,
        )

    def launch(self, sent):
        name = job_name("apples", "2013-06-01", sent.digest)
        return self.service.run(name, request.writing(sent.request, sent.layout.output))

    def change(self, **changes):
        """Edit the pipeline, as a person would before a task is cleared."""
        settings = PipelineFile.model_validate(merged(SETTINGS, changes))
        self.pipeline = self.pipeline.model_copy(update={"settings": settings})

    def loaded(self, coverage):
        """Return the rows and the records in quarantine that a load of the coverage gives."""
        objects = self.service.objects
        if coverage is None:
            coverage = covered(self.index, self.job, objects)
        with staging(columns_of(self.pipeline.settings, self.index)) as staged:
            account = stage_outputs(self.pipeline, self.index, objects, coverage, staged)
            return rows_of(staged), account.quarantined

    def answered(self, coverage):
        """Return the ids of all that is answered; a record may be neither left out nor doubled."""
        check_covers(self.index, coverage)
        outputs = (self.service.objects.get(S3Uri.parse(p.answered_at)) for p in coverage.parts)
        return sorted(apple(line) for output in outputs for line in output.splitlines())


def apples(count):
    return [(number, 0.5, "red") for number in range(1, count + 1)]


def apple(line):
    return int(line.split(b",")[0])


def refusing(bad, error=lambda number: Refused(400, f"cannot score {number}")):
    """A model that fails a request which holds a bad record."""

    def model(batch):
        for line in batch:
            if apple(line) in bad:
                raise error(apple(line))
        return [b"0.25"] * len(batch)

    return model


def given_up(coverage):
    return sorted(int(each.id[0]) for each in coverage.quarantined)


@pytest.fixture
def run():
    return Run
