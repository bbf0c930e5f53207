"""What a run leaves in S3 and in SageMaker, put there by hand."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from batch_transform.scoring.jobs.owners import RUN_TAG
from batch_transform.scoring.jobs.service import COMPLETED
from batch_transform.scoring.names import RunLayout, S3Uri
from batch_transform.scoring.outputs.coverage import Coverage
from batch_transform.scoring.records.quarantine import Quarantined, to_json_lines
from batch_transform.scoring.reports.left import Trail, read_left
from batch_transform.scoring.reports.make import Known, report_of
from batch_transform.scoring.testing import FakeAws
from tests.factories import a_job, a_shard, an_index

LAYOUT = RunLayout(attempt_root=S3Uri.parse("s3://bucket/runs/apples/2013-06-01/first"))
NOW = datetime(2013, 6, 2, 4, tzinfo=UTC)
MINE, OTHERS = "my run", "another run"
BAD = Quarantined(
    id=("17", "red"), shard="part-00000.csv", line=3, status="400", reason="too red", record="17,r"
)


class Run:
    """A run that has come as far as a test lets it."""

    def __init__(self):
        self.aws = FakeAws()
        self.objects, self.jobs = self.aws.objects, self.aws.jobs
        self.trail = {"run_tag": MINE}

    def extracted(self, **changes):
        self.objects.put(LAYOUT.index, an_index([a_shard()], **changes).to_json())
        self.trail["index"] = str(LAYOUT.index)

    def had_job(self, name="apples-job", started_by=MINE, seconds=60, after=0, **changes):
        described = {**a_job(name, str(LAYOUT.attempt_root)).described, **changes}
        self.jobs.now = datetime(2013, 6, 2, tzinfo=UTC) + timedelta(seconds=after)
        self.jobs.create({**described, "Tags": [{"Key": RUN_TAG, "Value": started_by}]})
        self.jobs.advance(timedelta(seconds=seconds))
        self.jobs.end(name, changes.get("status", COMPLETED))
        self.trail.setdefault("job_names", (name,))

    def recovered(self, **facts):
        uri = LAYOUT.attempt_root / "recover" / "third" / "coverage.json"
        self.objects.put(uri, Coverage(parts=(), **facts).to_json())
        self.trail["coverages"] = (str(uri),)

    def quarantined(self, *records):
        self.objects.put(LAYOUT.quarantine / "records.jsonl", to_json_lines(records))

    def left(self, name, content):
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.objects.put(LAYOUT.attempt_root / name, body)

    def report(self, **known):
        facts = {
            "pipeline": "apples",
            "table": "predictions.apples",
            "dag_id": "apples",
            "run_id": "nightly",
            "state": "success",
            "now": NOW,
        }
        left = read_left(Trail(**self.trail), self.aws)
        return report_of(Known(**{**facts, **known}), left)


@pytest.fixture
def run():
    return Run()
