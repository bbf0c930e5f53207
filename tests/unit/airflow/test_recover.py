"""The recover task, round by round."""

import gzip
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowRescheduleException, TaskDeferred

from batch_transform.operators.recover import RecoverOperator
from batch_transform.scoring.extract import manifest
from batch_transform.scoring.extract.index import ExtractIndex
from batch_transform.scoring.jobs.service import COMPLETED, FAILED
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.outputs.coverage import Coverage
from batch_transform.scoring.pipeline import Limits
from tests.factories import a_shard, an_index
from tests.unit.airflow.conftest import LAYOUT
from tests.unit.airflow.test_jobs import MODES, begin, come_back, transform

RECORDS = 10
BAD = b"15,"


@pytest.fixture
def failed(world):
    """A job of two shards, of which the second has no output; and the world around it."""
    columns = world.pipeline.settings.record.columns
    layout = LAYOUT
    shards = []
    for number in range(2):
        first = 1 + number * RECORDS
        lines = [f"{n}{',6' * (len(columns) - 1)}\n" for n in range(first, first + RECORDS)]
        body = gzip.compress("".join(lines).encode(), mtime=0)
        ids = {"first_id": (first,), "last_id": (first + RECORDS - 1,)}
        shards.append(a_shard(f"part-{number:05d}.csv.gz", body, **ids))
        world.objects.put(layout.input / shards[-1].name, body)
    types = ("integer",) * len(columns)
    index = an_index(shards, pipeline="flight_delay", columns=tuple(columns), types=types)
    world.objects.put(S3Uri.parse(world.index), index.to_json())
    manifest.write(index, layout, world.objects)
    settings = world.pipeline.settings.model_copy(update={"limits": Limits(bad_records=5)})
    world.pipeline = world.pipeline.model_copy(update={"settings": settings})
    begin(world, transform(world), world.context(), True)
    end_as_the_service_would(world)
    return world


def end_as_the_service_would(world):
    """Answer every object of the last job that has no bad record; the others get a line each."""
    name = world.jobs.created[-1]
    job = world.jobs.find(name)
    log = []
    for uri in manifest.parse(world.objects.get(S3Uri.parse(job.manifest))):
        lines = gzip.decompress(world.objects.get(uri)).splitlines()
        base = uri.key.rsplit("/", 1)[-1]
        if any(line.startswith(BAD) for line in lines):
            log.append(f"2020-10-14T04:08:19.163:[sagemaker logs]: b/{base}: ClientError: 400")
        else:
            world.objects.put(job.output / f"{base}.out", b"".join(x + b",0.5\n" for x in lines))
    world.logs.data_logs[name] = [log]
    world.jobs.end(name, FAILED if log else COMPLETED, "ClientError: See job logs" if log else "")


def recover(world, **settings):
    return RecoverOperator(
        task_id="recover",
        index=world.index,
        job_name=world.jobs.created[0],
        pipeline=world.pipeline,
        deployment=world.deployment(**settings),
        connect=world.connect,
    )


def through_all_rounds(world, task, context):
    """Run a task to its end; each job ends while the task has let go of its worker."""
    away = None
    while True:
        try:
            return come_back(task, context, away)
        except TaskDeferred as deferred:
            away = SimpleNamespace(value=deferred)
        except AirflowRescheduleException:
            away = None
        end_as_the_service_would(world)


@MODES
def test_each_round_is_one_job_until_the_bad_record_is_given_up(failed, deferrable):
    task, context = recover(failed, deferrable=deferrable), failed.context(task_id="recover")
    found = through_all_rounds(failed, task, context)
    assert found["jobs"] == failed.jobs.created[1:]
    assert (len(found["jobs"]), found["quarantined"]) == (2, 1)
    coverage = Coverage.from_json(failed.objects.get(S3Uri.parse(found["coverage"])))
    assert [each.id for each in coverage.quarantined] == [("15",)]
    assert len(coverage.parts) == 1 + RECORDS - 1


def test_a_round_is_sent_the_templates_of_the_pipeline_filled_in(failed):
    changes = {
        "environment": {"DAY": "{{ ds }}"},
        "overrides": {"ExperimentConfig": {"TrialName": "{{ ds }}"}},
    }
    transform_section = failed.pipeline.settings.transform.model_copy(update=changes)
    settings = failed.pipeline.settings.model_copy(update={"transform": transform_section})
    failed.pipeline = failed.pipeline.model_copy(update={"settings": settings})
    task = recover(failed)
    task.render_template_fields({"ds": "2013-06-01"})
    assert task.config["Environment"] == {"DAY": "…"}, "shown, and kept in Airflow's database"
    begin(failed, task, {**failed.context(task_id="recover"), "ds": "2013-06-01"}, True)
    sent = failed.jobs.find(failed.jobs.created[-1]).described
    assert sent["Environment"] == {"DAY": "2013-06-01"}
    assert sent["ExperimentConfig"] == {"TrialName": "2013-06-01"}


def test_a_retry_in_a_round_attaches_to_its_job(failed):
    begin(failed, recover(failed), failed.context("first", task_id="recover"), True)
    begin(failed, recover(failed), failed.context("second", task_id="recover"), True)
    assert len(failed.jobs.created) == 2


def test_a_killed_worker_stops_the_rounds_job(failed):
    task = recover(failed)
    begin(failed, task, failed.context(task_id="recover"), True)
    task.on_kill()
    with pytest.raises(InterruptedError):
        task.held.stopper.check()
    assert failed.jobs.stopped == failed.jobs.created[1:]


def test_a_job_with_every_output_is_left_alone(world):
    begin(world, transform(world), world.context(), True)
    world.write_outputs(0, 1)
    layout = LAYOUT
    index = ExtractIndex.from_json(world.objects.get(layout.index))
    names = [shard.name for shard in index.shards]
    world.objects.put(layout.manifest, manifest.build(layout.input, names))
    world.jobs.end(world.jobs.created[0], COMPLETED)
    found = recover(world).execute(world.context(task_id="recover"))
    assert found == {"coverage": None, "jobs": [], "quarantined": 0}


def limited(world, **limits):
    settings = world.pipeline.settings.model_copy(update={"limits": Limits(**limits)})
    world.pipeline = world.pipeline.model_copy(update={"settings": settings})


def test_more_bad_records_than_are_allowed_fail_the_task_before_a_job_is_paid(failed):
    limited(failed, bad_records=0, diagnose_jobs=0)
    with pytest.raises(AirflowFailException, match="at least 1 of 20 records are bad"):
        recover(failed).execute(failed.context(task_id="recover"))
    assert len(failed.jobs.created) == 1


def test_jobs_that_diagnose_name_the_bad_record_in_the_error(failed):
    limited(failed, bad_records=0)
    with pytest.raises(AirflowFailException, match=r"line 5, id 15\b"):
        through_all_rounds(failed, recover(failed), failed.context(task_id="recover"))
    assert len(failed.jobs.created) > 1


def test_a_cleared_recover_pays_no_round_again(failed):
    limited(failed, bad_records=0)
    with pytest.raises(AirflowFailException, match="set limits.bad_records to 1 or more"):
        through_all_rounds(failed, recover(failed), failed.context(task_id="recover"))
    paid = list(failed.jobs.created)
    limited(failed, bad_records=5)
    cleared = failed.context("cleared", task_id="recover", max_tries=17)
    found = through_all_rounds(failed, recover(failed), cleared)
    assert found["quarantined"] == 1
    assert failed.jobs.created[: len(paid)] == paid
    assert not [name for name in failed.jobs.created if name.endswith("-g2")]
