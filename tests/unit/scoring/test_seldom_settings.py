"""The settings of pipeline.yaml that few pipelines have, as a person gets them wrong."""

from datetime import date

import pytest

from batch_transform.scoring.pipelines import read_pipeline
from tests.unit.scoring.test_pipelines import VALID, folder, problems_of

__all__ = ["folder"]

TYPE = "  instance_type: ml.m5.large\n"
SQL = "  sql: features.sql\n"
SMTP = "airflow.providers.smtp.notifications.smtp.SmtpNotifier"
JSON = "must have names as keys, and texts, numbers, lists and mappings below"


def problems_with(folder, old, new):
    assert old in VALID
    (folder / "pipeline.yaml").write_text(VALID.replace(old, new, 1))
    return problems_of(folder)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("2013-06-01", '"2013-02-30"', "start_date: must be a day from 1900 to 2199, written as"),
        ("2013-06-01", '"1 June"', "start_date: must be a day from 1900 to 2199, written as"),
        (
            TYPE,
            f"{TYPE}  tags: {{'': x}}\n",
            "must be the name of a tag, of 1 to 128 characters",
        ),
        (
            TYPE,
            f"{TYPE}  tags: {{{'k' * 129}: x}}\n",
            "must be the name of a tag, of 1 to 128 characters",
        ),
        (
            TYPE,
            f"{TYPE}  tags: {{team: {'v' * 257}}}\n",
            "pipeline.yaml:17: transform.tags.team: must be a text of at most 256 characters",
        ),
        (
            TYPE,
            "  instance_types: [ml.m5.large, ml.c5.large, ml.m5.large]\n",
            "pipeline.yaml:16: transform.instance_types: names ml.m5.large more than once",
        ),
        (
            "limits:",
            "workers: {pool: transform-ml.m5.large}\nlimits:",
            "pipeline.yaml:23: workers.pool: must be another pool: those that begin with"
            " transform- are of jobs",
        ),
        (
            "limits:",
            "workers: {executor_config: {day: 2013-06-01}}\nlimits:",
            f"pipeline.yaml:23: workers.executor_config: {JSON}",
        ),
        (
            "limits:",
            "workers: {executor_config: {days: [1, 2013-06-01]}}\nlimits:",
            f"pipeline.yaml:23: workers.executor_config: {JSON}",
        ),
        (
            "limits:",
            f"notify: {{notifier: {SMTP}, after: []}}\nlimits:",
            "names nothing, and there is no late_after: then leave notify out",
        ),
        (
            "format: csv\n  id: [apple_id]\n  features: [weight, colour]",
            "format: jsonl\n  id: [apple_id]\n  features: [weight, SageMakerOutput]",
            "record: a record may not have a column SageMakerOutput: SageMaker adds it",
        ),
        (
            SQL,
            f"{SQL}  unload: {{cluster: c, workgroup: w, database: d}}\n",
            "source.unload: give either workgroup or cluster",
        ),
        (
            SQL,
            f"{SQL}  unload: {{workgroup: w, database: d, db_user: me}}\n",
            "source.unload.db_user: is of a cluster without a secret",
        ),
        (
            SQL,
            f"{SQL}  unload: {{workgroup: w, database: d}}\n  wait: 2h\n",
            "source.wait: asks the source for its first row, and one that unloads is not asked",
        ),
        (
            "features.sql",
            "features.sql\n  asset: warehouse://flights\n  wait: 2x",
            "source.wait: must be a whole number and a unit",
        ),
    ],
)
def test_each_is_named_with_what_is_allowed(folder, old, new, problem):
    assert problem in problems_with(folder, old, new)


def test_a_day_may_be_quoted(folder):
    (folder / "pipeline.yaml").write_text(VALID.replace("2013-06-01", '"2013-06-01"'))
    assert read_pipeline(folder).settings.start_date == date(2013, 6, 1)


def test_what_the_executor_is_told_may_be_nested(folder):
    told = "{pod_override: {spec: {containers: [{name: main, args: [1, true, null, 0.5]}]}}}"
    (folder / "pipeline.yaml").write_text(f"{VALID}workers: {{executor_config: {told}}}\n")
    config = read_pipeline(folder).settings.workers.executor_config
    assert config["pod_override"]["spec"]["containers"][0]["args"] == [1, True, None, 0.5]
