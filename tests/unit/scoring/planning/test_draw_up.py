"""The plan of a run: what is said before anything is done."""

import json
from dataclasses import replace

import pytest

from batch_transform.scoring.asked import Asked, asked_for
from batch_transform.scoring.errors import RequestRefused
from batch_transform.scoring.jobs import request
from batch_transform.scoring.jobs.models import checked
from batch_transform.scoring.names import RunLayout, S3Uri, job_name
from batch_transform.scoring.partition import Resolved
from batch_transform.scoring.planning.draw_up import Known, draw_up
from batch_transform.scoring.recovery.pieces import layout_of
from batch_transform.scoring.sources.protocol import Expected
from batch_transform.scoring.testing import FakeAws
from tests.factories import a_shard, an_index
from tests.unit.scoring.planning.test_effort import an_entry

ROOT = S3Uri("bucket", "runs")
SHARDS = [a_shard(f"part-0000{n}.csv", records=50, records_sha256=f"{n}") for n in range(2)]


@pytest.fixture
def aws():
    aws = FakeAws()
    aws.models.described["apples"] = {"PrimaryContainer": {"Image": "apples:1"}}
    return aws


@pytest.fixture
def known(make_pipeline, partition):
    """What is known of a run that asks for something."""

    def known(rows=100, entry=None, **params):
        own, asked = make_pipeline(shards={"min_count": 2}), Asked.of(params)
        return Known(
            pipeline=asked_for(own, asked, {}),
            asked=asked,
            unpublished=asked.unpublished(own.settings),
            resolved=Resolved(partition=partition, named_by="the parameter 'partition'"),
            root=ROOT,
            prices={"ml.m5.large": 3.6},
            source=Expected(rows=rows, told_by="EXPLAIN"),
            in_force=entry,
            history=[],
        )

    return known


def loaded(aws, pipeline, status="Completed", **changes):
    """Have the partition loaded, and return the entry: its job has read two shards."""
    index = an_index(SHARDS, **changes)
    layout = RunLayout.of(ROOT, "apples", "2013-06-01", "first")
    aws.objects.put(layout.index, index.to_json())
    aws.objects.put(layout.manifest, b"[]")
    for shard in SHARDS:
        aws.objects.put(layout.input / shard.name, b"1")
        aws.objects.put(layout.output / f"{shard.name}.out", b"1")
    sent = request.fitted(request.build(pipeline.settings), 2)
    digest = request.digest(sent, index, checked(aws.models, "apples"), ("ml.m5.large",))
    name = job_name("apples", "2013-06-01", digest)
    sent = request.writing(request.reading(sent, layout.manifest), layout.output)
    aws.jobs.create({**sent, "TransformJobName": name})
    aws.jobs.end(name, status)
    return an_entry(job_name=name, profile={"sweetness": {"mean": 0.5}, "label": {"mean": None}})


def test_a_first_run_is_planned_without_a_name_and_without_a_price(known, aws):
    plan = draw_up(known(), aws)
    assert (plan.partition, plan.named_by, plan.shards) == (
        "2013-06-01",
        "the parameter 'partition'",
        2,
    )
    assert plan.bounds["partition_end"] == "2013-06-02T00:00:00+00:00"
    assert (plan.job.how, plan.in_force, plan.effort) == ("unknown", None, None)
    assert plan.request["TransformJobName"] == "apples-2013-06-01-<digest>"
    assert plan.request["ModelName"] == "apples"
    source = plan.request["TransformInput"]["DataSource"]["S3DataSource"]
    assert source["S3Uri"] == "s3://bucket/runs/apples/2013-06-01/<attempt>/manifest.json"
    assert json.loads(plan.to_json())["source"]["rows"] == 100
    assert list(plan.lines()) == [
        "Partition 2013-06-01 (2013-06-01T00:00:00+00:00 to 2013-06-02T00:00:00+00:00), named by"
        " the parameter 'partition'",
        "Source: about 100 rows (EXPLAIN), for 2 shards or more",
        "Job: a new job is started, unless the same records were sent before: their digest ends"
        " its name",
        "Target predictions.apples: replaces no row",
        "Expected: nobody knows yet, as no run on ml.m5.large is in the ledger",
    ]
    assert aws.jobs.created == []


@pytest.mark.parametrize(
    ("status", "params", "how", "generation"),
    [
        ("InProgress", {}, "attach", ""),
        ("Completed", {}, "reuse", ""),
        ("Stopped", {}, "start", "-g2"),
        ("Completed", {"force_rerun": True}, "start", "-g2"),
    ],
)
def test_the_job_of_unchanged_records_is_known(
    known, aws, make_pipeline, status, params, how, generation
):
    entry = loaded(aws, make_pipeline(), status)
    plan = draw_up(known(entry=entry, **params), aws)
    assert (plan.job.how, plan.job.name) == (how, f"{entry.job_name}{generation}")
    assert plan.request["TransformJobName"] == plan.job.name
    assert (plan.in_force.rows, plan.in_force.means) == (100, {"sweetness": 0.5})
    assert plan.effort.cost == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("status", "gone"),
    [
        ("Completed", "input/part-00001.csv"),
        ("Completed", "output/part-00001.csv.out"),
        ("Completed", "manifest.json"),
        ("Failed", "input/part-00001.csv"),
        ("Failed", "output/"),
    ],
)
def test_a_job_of_which_something_is_gone_is_not_promised(known, aws, make_pipeline, status, gone):
    entry = loaded(aws, make_pipeline(), status)
    job = layout_of(aws.jobs.find(entry.job_name)).attempt_root
    aws.objects.delete([each.uri for each in aws.objects.listed(job / gone)])
    plan = draw_up(known(entry=entry), aws)
    assert (plan.job.how, plan.job.name) == ("start", f"{entry.job_name}-g2")


def test_the_latest_job_that_was_forced_is_the_one_that_is_reused(known, aws, make_pipeline):
    entry = loaded(aws, make_pipeline())
    first = aws.jobs.find(entry.job_name)
    aws.jobs.create({**first.described, "TransformJobName": f"{first.name}-g2"})
    aws.jobs.end(f"{first.name}-g2", "Completed")
    plan = draw_up(known(entry=entry), aws)
    assert (plan.job.how, plan.job.name) == ("reuse", f"{first.name}-g2")


def test_other_settings_are_another_job(known, aws, make_pipeline):
    entry = loaded(aws, make_pipeline())
    plan = draw_up(known(entry=entry, instance_count=2), aws)
    assert plan.job.how == "start"
    assert plan.job.name != entry.job_name


@pytest.mark.parametrize("params", [{"sample": 10}, {"resubmit": True}])
def test_other_records_are_a_job_of_unknown_name(known, aws, make_pipeline, params):
    entry = loaded(aws, make_pipeline())
    assert draw_up(known(entry=entry, **params), aws).job.how == "unknown"


def test_a_load_of_resubmitted_records_says_nothing_of_the_others(known, aws, make_pipeline):
    entry = loaded(aws, make_pipeline(), resubmits="digest")
    assert draw_up(known(entry=entry), aws).job.how == "unknown"


def test_what_is_gone_says_nothing(known, aws, make_pipeline):
    entry = loaded(aws, make_pipeline())
    aws.objects.content.clear()
    assert draw_up(known(entry=entry), aws).job.how == "unknown"
    assert draw_up(known(entry=replace(entry, job_name="gone")), aws).job.how == "unknown"


@pytest.mark.parametrize(
    ("rows", "shards"), [(0, 0), (1, 1), (100, 2), (101, 3), (1000, 20), (None, 2)]
)
def test_shards_are_estimated_after_the_last_ones(known, aws, make_pipeline, rows, shards):
    assert draw_up(known(rows, loaded(aws, make_pipeline())), aws).shards == shards


def test_what_compares_says_so(known, aws, make_pipeline):
    plan = draw_up(known(entry=loaded(aws, make_pipeline()), publish=False), aws)
    assert "Asked for: publish False" in list(plan.lines())
    (target,) = (line for line in plan.lines() if line.startswith("Target"))
    assert target.endswith("since publish is off; the 100 rows of run run to compare with")


def test_more_than_may_be_paid_is_noticed(known, aws, make_pipeline):
    entry = loaded(aws, make_pipeline())
    plan = draw_up(known(entry=entry), aws)
    assert not plan.is_over_cost
    assert not replace(plan, cost_limit=0.11).is_over_cost
    assert replace(plan, cost_limit=0.09).is_over_cost
    assert not replace(plan, cost_limit=0.09, effort=None).is_over_cost, "nobody knows"


def test_what_sagemaker_would_refuse_is_refused(known, aws):
    del aws.models.described["apples"]
    with pytest.raises(RequestRefused, match="no SageMaker model 'apples'"):
        draw_up(known(), aws)
    aws.models.described["apples"] = {"PrimaryContainer": {"Image": "apples:1"}}
    with pytest.raises(RequestRefused, match="InstanceType"):
        draw_up(known(instance_type="ml.nothing.huge"), aws)


def test_the_model_of_a_package_is_foreseen_and_not_made(known, aws):
    version = "arn:aws:sagemaker:us-east-1:123456789012:model-package/trees/7"
    pipeline = known().pipeline
    model = pipeline.settings.model.model_copy(
        update={"name": None, "package_group": "trees", "role": "arn:aws:iam::1:role/x"}
    )
    aws.models.approved["trees"] = version
    settings = pipeline.settings.model_copy(update={"model": model})
    plan = draw_up(
        replace(known(), pipeline=pipeline.model_copy(update={"settings": settings})), aws
    )
    assert plan.request["ModelName"] == "trees-v7"
    assert aws.models.created == []


def test_several_jobs_are_announced_without_a_name_and_share_the_time(known, aws, make_pipeline):
    facts = known(entry=loaded(aws, make_pipeline()))
    shared = make_pipeline(extract={"slices": 2}, transform={"jobs": 2})
    one, several = (draw_up(each, aws) for each in (facts, replace(facts, pipeline=shared)))
    assert several.job.how == "unknown"
    assert several.job.why.startswith("2 jobs share the records; each is a new one, unless ")
    assert several.effort.seconds == one.effort.seconds / 2
    assert several.expected_cost == one.expected_cost
