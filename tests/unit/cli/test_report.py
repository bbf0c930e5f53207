"""What ``batch-transform report`` prints of a report that lies in S3."""

import json
import sys
from datetime import UTC, datetime

import pytest

from batch_transform.scoring.reports.report import Predicted, RunReport
from tests.project import PIPELINES

CONNECTION = {"conn_type": "aws", "extra": {"region_name": "us-east-1"}}
ENVIRONMENT = {
    "BATCH_TRANSFORM_S3_URI": "s3://runs/x",
    "AIRFLOW_CONN_AWS_DEFAULT": json.dumps(CONNECTION),
}


@pytest.fixture
def show(invoke, monkeypatch):
    """Run the command on what S3 has."""

    def show(report):
        module = sys.modules["batch_transform.cli.report"]
        monkeypatch.setattr(module, "latest", lambda place, objects: report)
        words = ("flight_delay", "2013-06-01", "--pipelines", PIPELINES)
        return invoke("report", *words, env=ENVIRONMENT)

    return show


def test_a_mean_is_shown_of_numbers_alone(show):
    report = RunReport(
        pipeline="flight_delay",
        dag_id="flight_delay",
        run_id="nightly",
        state="success",
        made_at=datetime(2013, 6, 2, tzinfo=UTC),
        predictions=(Predicted(name="score", mean=2 / 3), Predicted(name="band", nulls=4)),
    )
    ran = show(report)
    assert ran.code == 0, ran.err
    assert "            score: mean 0.666667, 0 NULL\n            band: 4 NULL\n" in ran.out


def test_where_there_is_none_it_is_said_which_runs_leave_none(show):
    ran = show(None)
    assert ran.code == 4
    assert "below s3://runs/x/flight_delay/2013-06-01; one that batch-transform run" in ran.err
