import pytest

from batch_transform.scoring.extract import manifest
from batch_transform.scoring.extract.extract import extract
from batch_transform.scoring.jobs import request
from batch_transform.scoring.names import S3Uri, job_name
from batch_transform.scoring.outputs.reconcile import columns_of, stage_outputs
from batch_transform.scoring.outputs.sent import covered
from batch_transform.scoring.outputs.staged import staging
from batch_transform.scoring.recovery.rounds import Recovery, recover
from batch_transform.scoring.testing import RowsSource, SimulatedTransform
from tests.unit.scoring.outputs.partitions import rows_of


class Run:
    """One run of a pipeline against a simulated service, up to the rows that would be loaded."""

    def __init__(self, pipeline, partition, layout, rows, model, **simulated):
        self.pipeline, self.partition, self.layout = pipeline, partition, layout
        joined = pipeline.settings.transform.join == "engine"
        self.service = SimulatedTransform(model, joined=joined, **simulated)
        source = RowsSource(["apple_id", "weight", "colour"], rows)
        self.index = extract(pipeline, partition, source, self.service.objects, layout)
        manifest.write(self.index, layout, self.service.objects)
        self.config = request.build(pipeline.settings)
        reads = request.reading(self.config, layout.manifest)
        self.job = self.service.run("apples-first", request.writing(reads, layout.output))
        self.attempts = 0

    def recover(self, launch=None):
        """Recover in an attempt of its own."""
        self.attempts += 1
        recovery = Recovery(
            pipeline=self.pipeline,
            index=self.index,
            inputs=self.layout.input,
            job=self.job,
            root=S3Uri("bucket", f"recover/{self.attempts}"),
            config=self.config,
            now=lambda: self.service.jobs.now,
        )
        return recover(recovery, self.service.services, launch or self.launch)

    def launch(self, sent):
        name = job_name("apples", "2013-06-01", sent.digest)
        return self.service.run(name, request.writing(sent.request, sent.layout.output))

    def loaded(self, coverage):
        """Return the rows and the records in quarantine that a load of the coverage gives."""
        objects = self.service.objects
        if coverage is None:
            coverage = covered(self.index, self.job, objects)
        with staging(columns_of(self.pipeline.settings, self.index)) as staged:
            account = stage_outputs(self.pipeline, self.index, objects, coverage, staged)
            return rows_of(staged), account.quarantined


@pytest.fixture
def run(make_pipeline, partition, layout):
    def run(rows, model, *, batch=10, **changes):
        return Run(make_pipeline(**changes), partition, layout, rows, model, batch=batch)

    return run
