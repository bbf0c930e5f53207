"""The transform and wait tasks, attempt by attempt."""

import asyncio
import json
import re
from datetime import timedelta

import pytest
from airflow.sdk.exceptions import (
    AirflowFailException,
    AirflowRescheduleException,
    AirflowTaskTimeout,
    TaskDeferred,
)
from airflow.sdk.serde import deserialize, serialize

from batch_transform.following.retrying import RetryByType
from batch_transform.following.trigger import StartLaterTrigger, TransformJobTrigger
from batch_transform.following.watch import owner_of
from batch_transform.operators.load import LoadOperator
from batch_transform.operators.recover import RecoverOperator
from batch_transform.operators.transform import TransformOperator
from batch_transform.operators.wait import TransformSensor
from batch_transform.scoring.errors import (
    CapacityShort,
    RequestRefused,
    ServiceBroken,
    Transient,
    Unreachable,
)
from batch_transform.scoring.extract.index import ExtractIndex, Portion
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.pipeline import Model
from batch_transform.scoring.testing import InMemoryMemory
from tests.unit.airflow.conftest import LAYOUT, NIGHTLY, ROOT, SHARDS

MODES = pytest.mark.parametrize("deferrable", [True, False], ids=["deferrable", "rescheduling"])
NAME = "flight-delay-2013-06-01-"
# status, FailureReason, outputs, error, part of its message
ENDS = [
    ("Completed", "", (0, 1), None, ""),
    ("Completed", "", (1,), AirflowFailException, "1 of 2 shards have no output"),
    ("Completed", "", (), AirflowFailException, "2 of 2 shards have no output"),
    ("Stopped", "", (0, 1), AirflowFailException, "was stopped before it was over"),
    ("Failed", "AlgorithmError: boom", (), AirflowFailException, "AlgorithmError: boom"),
    ("Failed", "", (), AirflowFailException, "gives no FailureReason"),
    ("Failed", "CapacityError: none", (), CapacityShort, "CapacityError: none"),
    ("Failed", "InternalServerError", (), ServiceBroken, "InternalServerError"),
    ("Resting", "", (0, 1), AirflowFailException, "'Resting'"),
]


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    """Let what pauses between looks look again at once."""
    give_way = asyncio.sleep
    monkeypatch.setattr(asyncio, "sleep", lambda _seconds: give_way(0))
    monkeypatch.setattr("batch_transform.following.stopping.time.sleep", lambda _seconds: None)


def transform(world, **settings):
    return TransformOperator(
        task_id="transform",
        index=world.index,
        pipeline=world.pipeline,
        deployment=world.deployment(**settings),
        connect=world.connect,
    )


def wait(world, job_name, **settings):
    return TransformSensor(
        task_id="wait",
        job_name=job_name,
        index=world.index,
        deployment=world.deployment(**settings),
        deadline=timedelta(hours=6),
        connect=world.connect,
    )


def trigger_of(deferred):
    """The trigger, after the journey through Airflow's database."""
    path, content = deferred.value.trigger.serialize()
    content = json.loads(json.dumps(deserialize(serialize(content))))
    kinds = {each.__name__: each for each in (TransformJobTrigger, StartLaterTrigger)}
    return kinds[path.rsplit(".", 1)[1]](**content)


async def _first(trigger):
    async for event in trigger.run():
        return event.payload
    raise AssertionError("the trigger gave no event")


def event_of(trigger):
    return asyncio.run(_first(trigger))


def begin(world, task, context, deferrable):
    """Run a task until it lets go of its worker; return what brings it back."""
    if deferrable:
        with pytest.raises(TaskDeferred) as deferred:
            task.execute(context)
        return deferred
    with pytest.raises(AirflowRescheduleException):
        task.execute(context)
    return None


def come_back(task, context, deferred):
    if deferred is None:
        return task.execute(context)
    event = event_of(trigger_of(deferred))
    method = getattr(task, deferred.value.method_name)
    return method(context, event=event, **(deferred.value.kwargs or {}))


def end_at_the_third_look(world):
    find, looks = world.jobs.find, []

    def looked(name):
        looks.append(name)
        if len(looks) == 3:
            world.jobs.end(name, "Completed")
        return find(name)

    world.jobs.find = looked


@MODES
@pytest.mark.parametrize(("status", "reason", "outputs", "error", "text"), ENDS)
def test_every_end_of_a_job(world, deferrable, status, reason, outputs, error, text):
    task, context = transform(world, deferrable=deferrable), world.context()
    deferred = begin(world, task, context, deferrable)
    (name,) = world.jobs.created
    proof = wait(world, name)
    assert proof.poke({}) is False, "it is not over"
    world.write_outputs(*outputs)
    world.jobs.end(name, status, reason)
    if error is None:
        found = come_back(task, context, deferred)
        assert (found["status"], found["output"]) == ("Completed", f"{LAYOUT.output}/g1")
        assert world.supervisor.xcoms["transform", "progress"]["records_done"] == 20
        assert proof.poke({}).xcom_value == {"job_name": name, "output": found["output"]}
    else:
        with pytest.raises(error, match=text):
            come_back(task, context, deferred)
        with pytest.raises(error, match=text):
            proof.poke({})
    assert len(world.jobs.created) == 1


@MODES
def test_a_job_that_failed_for_some_shards_is_handed_on_with_a_warning(world, deferrable, said):
    task, context = transform(world, deferrable=deferrable), world.context()
    deferred = begin(world, task, context, deferrable)
    (name,) = world.jobs.created
    world.write_outputs(0)
    world.jobs.end(name, "Failed", "ClientError: See job logs")
    assert come_back(task, context, deferred)["status"] == "Failed"
    assert wait(world, name).poke(world.context(task_id="wait")).xcom_value["job_name"] == name
    words = (
        f"Transform job {name} failed, and leaves 1 of 2 shards without an output: ClientError: See"
        " job logs. The task recover sends their records again"
    )
    assert said("warning").count(words) == 2, "by transform, and by wait"


@MODES
def test_a_task_that_looks_again_asks_for_no_second_job(world, deferrable):
    task = transform(world, deferrable=deferrable)
    for _ in range(3):
        begin(world, task, world.context(), deferrable)
    assert len(world.jobs.created) == 1


def test_a_retry_attaches_and_owns_the_job(world):
    begin(world, transform(world), world.context("first"), True)
    begin(world, transform(world), world.context("second"), True)
    (job,) = world.jobs.all()
    owner = owner_of(world.context("second"), ROOT)
    assert owner.mark.items() <= world.jobs.tags(job.arn).items()


def test_a_trigger_whose_first_claim_is_throttled_owns_the_job_all_the_same(world):
    deferred = begin(world, transform(world), world.context(), True)
    (job,) = world.jobs.all()
    owner = owner_of(world.context(), ROOT)
    world.jobs.untag(job.arn, list(owner.mark))  # by an attempt before, at its late end
    tag = world.jobs.tag

    def throttled(arn, tags):
        world.jobs.tag = tag
        raise Unreachable("Rate exceeded")

    world.jobs.tag = throttled
    end_at_the_third_look(world)
    event_of(trigger_of(deferred))
    assert owner.mark.items() <= world.jobs.tags(job.arn).items()


def test_a_retry_after_a_failed_job_starts_the_next_generation(world):
    begin(world, transform(world), world.context("first"), True)
    world.jobs.end(world.jobs.created[0], "Failed", "CapacityError")
    begin(world, transform(world), world.context("second"), True)
    assert world.jobs.created == [world.jobs.created[0], f"{world.jobs.created[0]}-g2"]


def test_a_second_run_reuses_a_completed_job_and_a_forced_one_does_not(world):
    begin(world, transform(world), world.context(), True)
    world.write_outputs(0, 1)
    world.jobs.end(world.jobs.created[0], "Completed")
    again = transform(world).execute(world.context("x", run="backfill"))
    assert (again["how"], len(world.jobs.created)) == ("reused", 1)
    begin(world, transform(world), world.context("y", run="hand", force_rerun=True), True)
    assert len(world.jobs.created) == 2


@MODES
def test_a_job_that_is_not_taken_yet_is_asked_for_again_and_costs_no_retry(world, deferrable):
    task = transform(world, deferrable=deferrable)
    world.jobs.refusals = [CapacityShort("the account's limit is 2")]
    deferred = begin(world, task, world.context(), deferrable)
    assert world.jobs.created == []
    with pytest.raises((TaskDeferred, AirflowRescheduleException)):
        come_back(task, world.context(), deferred)
    assert len(world.jobs.created) == 1


def test_all_that_is_wrong_with_a_request_is_told_and_nothing_is_sent(world):
    task = transform(world)
    task.config["DataProcessing"]["OutputFilter"] = "$.a_b"
    task.config["TransformOutput"]["Accept"] = "text/plain"
    with pytest.raises(AirflowFailException, match="would refuse") as error:
        task.execute(world.context())
    assert len(str(error.value).splitlines()) == 4
    assert world.jobs.created == []


def test_a_missing_model_is_told_and_nothing_is_sent(world):
    del world.models.described["flight-delay"]
    with pytest.raises(AirflowFailException, match="no SageMaker model 'flight-delay'"):
        transform(world).execute(world.context())
    assert world.jobs.created == []


def test_a_model_that_was_made_anew_is_another_job(world):
    begin(world, transform(world), world.context(), True)
    world.models.described["flight-delay"] = {"PrimaryContainer": {"Image": "trees:2"}}
    begin(world, transform(world), world.context("x", run="later"), True)
    assert len({name[:40] for name in world.jobs.created}) == 2


def test_what_a_run_asks_for_is_what_its_job_gets(world):
    world.models.described["pears"] = {"PrimaryContainer": {"Image": "pears:1"}}
    begin(world, transform(world), world.context(), True)
    asked = {"model": "pears", "instance_type": "ml.c5.xlarge", "instance_count": 1}
    again = {**asked, "max_concurrent_transforms": 2}
    for run in ("asked", "asked again"):
        begin(world, transform(world), world.context(run, run=run, **again), True)
    _, job = world.jobs.all()
    assert (job.model, job.instance_type, job.instance_count) == ("pears", "ml.c5.xlarge", 1)
    assert job.described["MaxConcurrentTransforms"] == 2
    assert len(world.jobs.created) == 2, "the same question twice is one job"


def test_a_package_version_that_a_run_asks_for_is_used(world):
    role = "arn:aws:iam::123456789012:role/scoring"
    model = Model(name="flight-delay", role=role)
    settings = world.pipeline.settings.model_copy(update={"model": model})
    world.pipeline = world.pipeline.model_copy(update={"settings": settings})
    begin(world, transform(world), world.context(model=f"{VERSION}7"), True)
    assert world.models.created == ["trees-v7"]
    assert next(iter(world.jobs.all())).model == "trees-v7"


def test_a_run_that_asks_for_what_cannot_be_had_starts_no_job(world):
    with pytest.raises(AirflowFailException, match="x max_payload_mb is 300; the service allows"):
        transform(world).execute(world.context(max_concurrent_transforms=50))
    assert world.jobs.created == []


VERSION = "arn:aws:sagemaker:us-east-1:123456789012:model-package/trees/"


def test_all_tries_keep_to_a_package_version_until_the_task_is_cleared(world):
    model = Model(package_group="trees", role="arn:aws:iam::123456789012:role/scoring")
    settings = world.pipeline.settings.model_copy(update={"model": model})
    world.pipeline = world.pipeline.model_copy(update={"settings": settings})
    world.models.approved["trees"] = f"{VERSION}7"
    begin(world, transform(world), world.context(), True)
    world.models.approved["trees"] = f"{VERSION}8"
    begin(world, transform(world), world.context("second"), True)
    assert world.models.created == ["trees-v7"]
    begin(world, transform(world), world.context("third", max_tries=11), True)
    assert world.models.created == ["trees-v7", "trees-v8"]
    assert [job.described["ModelName"] for job in world.jobs.all()] == ["trees-v7", "trees-v8"]
    assert world.jobs.stopped == world.jobs.created[:1], "nobody wants the other any more"


def test_a_sold_out_instance_type_is_followed_by_the_next(world):
    kinds = {"instance_type": None, "instance_types": ("ml.m5.large", "ml.m5.xlarge")}
    settings = world.pipeline.settings
    settings = settings.model_copy(
        update={"transform": settings.transform.model_copy(update=kinds)}
    )
    world.pipeline = world.pipeline.model_copy(update={"settings": settings})
    deferred = begin(world, transform(world), world.context(), True)
    world.jobs.end(world.jobs.created[0], "Failed", "CapacityError: sold out")
    with pytest.raises(CapacityShort):
        come_back(transform(world), world.context(), deferred)
    begin(world, transform(world), world.context("second"), True)
    assert [job.instance_type for job in world.jobs.all()] == ["ml.m5.large", "ml.m5.xlarge"]


def test_a_partition_of_one_record_asks_for_one_instance(world):
    index = ExtractIndex.from_json(world.objects.get(S3Uri.parse(world.index)))
    small = index.model_copy(update={"records": 1, "shards": index.shards[:1]})
    world.objects.put(S3Uri.parse(world.index), small.to_json())
    for attempt in ("first", "second"):
        begin(world, transform(world), world.context(attempt), True)
    (job,) = world.jobs.all()
    assert world.pipeline.settings.transform.instance_count == 2
    assert job.described["TransformResources"]["InstanceCount"] == 1


def test_a_refusal_fails_the_task_at_once(world):
    world.jobs.refusals = [RequestRefused("no such model")]
    with pytest.raises(AirflowFailException, match="no such model"):
        transform(world).execute(world.context())


@pytest.mark.parametrize(("minutes", "outputs", "words"), [(4, (), 0), (6, (), 1), (6, (0,), 0)])
def test_the_trigger_shows_the_log_of_a_job_without_an_output(
    world, capsys, minutes, outputs, words
):
    deferred = begin(world, transform(world), world.context(), True)
    world.jobs.advance(timedelta(minutes=minutes))
    world.write_outputs(*outputs)
    end_at_the_third_look(world)
    event_of(trigger_of(deferred))
    said = capsys.readouterr().out
    assert said.count("has given no output for 6 minutes") == words, "once, and not at every look"
    assert said.count(f"(It has no log: {world.jobs.created[0]})") == words


@pytest.mark.parametrize("follow_logs", [True, False])
def test_the_trigger_shows_with_each_look_what_the_container_has_logged_since(
    world, capsys, monkeypatch, follow_logs
):
    tails = iter(["Log a:\n  1\n  2", "Log a:\n  2\n  2\n  3", "Log a:\n  2\n  2\n  3"])
    monkeypatch.setattr(world.logs, "tail", lambda job_name: next(tails))
    task = transform(world, follow_logs=follow_logs)
    deferred = begin(world, task, world.context(), True)
    end_at_the_third_look(world)
    event_of(trigger_of(deferred))
    shown = re.findall(r"\]   (\d) ", capsys.readouterr().out)
    assert shown == (["1", "2", "2", "3"] if follow_logs else [])


@pytest.mark.parametrize("follow_logs", [True, False])
def test_a_task_that_looks_again_shows_what_the_container_has_logged_since(
    world, capsys, monkeypatch, follow_logs
):
    tails = iter(["Log a:\n  1\n  2", "Log a:\n  2\n  2\n  3", "Log a:\n  2\n  2\n  3"])
    monkeypatch.setattr(world.logs, "tail", lambda job_name: next(tails))
    context = world.context()
    for _ in range(3):
        task = transform(world, deferrable=False, follow_logs=follow_logs)
        begin(world, task, context, deferrable=False)
    shown = re.findall(r"\]   (\d) ", capsys.readouterr().out)
    assert shown == (["1", "2", "2", "3"] if follow_logs else [])


def test_throttling_is_waited_out_by_the_trigger(world):
    deferred = begin(world, transform(world), world.context(), True)
    world.write_outputs(0, 1)
    world.jobs.end(world.jobs.created[0], "Completed")
    world.jobs.refusals = [Unreachable("Rate exceeded")]
    assert event_of(trigger_of(deferred))["why"] == "the job is Completed"


def test_what_the_trigger_cannot_do_wakes_the_task(world):
    deferred = begin(world, transform(world), world.context(), True)
    world.jobs.refusals = [RequestRefused("access denied")]
    assert "access denied" in event_of(trigger_of(deferred))["why"]


OVER = ["failed", "success", "removed", "gone", "run over"]
COMES_AGAIN = [None, "scheduled", "queued", "restarting", "up_for_retry"]


def act(world, state):
    """A person acts on the run's task, which has this state then."""
    if state == "run over":
        world.supervisor.runs_over.add(NIGHTLY)
    if state != "gone":
        world.mark("deferred" if state == "run over" else state)


@pytest.mark.parametrize("state", [*OVER, *COMES_AGAIN])
def test_a_deferred_task_that_is_marked_stops_its_job_and_one_that_is_cleared_does_not(
    world, state
):
    deferred = begin(world, transform(world), world.context(), True)
    act(world, state)
    for _ in range(2):
        asyncio.run(trigger_of(deferred).on_kill())
    assert len(world.jobs.stopped) == (state in OVER)


@pytest.mark.parametrize("state", [*OVER, *COMES_AGAIN, "running"])
def test_a_worker_that_is_killed_stops_its_job_where_the_task_is_over(world, state):
    task = transform(world)
    begin(world, task, world.context(), True)
    act(world, state)
    for _ in range(2):
        task.on_kill()
    with pytest.raises(InterruptedError):
        task.held.stopper.check()
    assert len(world.jobs.stopped) == (state in OVER)


def test_a_task_that_is_out_of_time_stops_its_job(world):
    task = transform(world)
    begin(world, task, world.context(), True)
    world.mark("running")
    try:
        raise AirflowTaskTimeout
    except AirflowTaskTimeout:
        task.on_kill()
    assert world.jobs.stopped == world.jobs.created


def test_a_throttled_stop_is_tried_until_it_succeeds(world):
    deferred = begin(world, transform(world), world.context(), True)
    world.jobs.refusals = [Unreachable("Rate exceeded")] * 3
    asyncio.run(trigger_of(deferred).on_kill())
    assert world.jobs.stopped == world.jobs.created


def test_a_job_that_another_run_wants_is_not_stopped(world):
    deferred = begin(world, transform(world), world.context("first"), True)
    other = begin(world, transform(world), world.context("second", run="by hand"), True)
    asyncio.run(trigger_of(deferred).on_kill())
    assert world.jobs.stopped == []
    asyncio.run(trigger_of(other).on_kill())
    assert world.jobs.stopped == world.jobs.created


def test_a_job_that_a_later_attempt_holds_is_not_stopped(world):
    deferred = begin(world, transform(world), world.context("first"), True)
    begin(world, transform(world), world.context("second"), True)
    asyncio.run(trigger_of(deferred).on_kill())
    assert world.jobs.stopped == []


@pytest.mark.parametrize("moment", ["before the call", "at the call", "after the call"])
def test_a_worker_that_is_killed_around_the_call_leaves_no_job_running(world, moment):
    task, create = transform(world), world.jobs.create

    def killed_meanwhile(request):
        if moment == "at the call":
            task.on_kill()
        create(request)
        if moment == "after the call":
            task.on_kill()

    def killed_before(key, default=None):
        task.on_kill()

    world.jobs.create = killed_meanwhile
    context = world.context()
    if moment == "before the call":
        context["task_state_store"].get = killed_before
    with pytest.raises(InterruptedError, match="asked to end"):
        task.execute(context)
    assert [job.status for job in world.jobs.all() if job.status == "InProgress"] == []
    assert len(world.jobs.created) == (moment != "before the call")


def test_a_task_that_was_never_run_can_be_killed(world):
    transform(world).on_kill()


def test_a_task_that_was_marked_a_success_leaves_no_job_and_fools_nobody(world):
    bound = {
        "index": world.index,
        "job_name": None,
        "pipeline": world.pipeline,
        "deployment": world.deployment(),
        "connect": world.connect,
    }
    for shard in SHARDS:
        world.objects.put(LAYOUT.output / f"{shard.name}.out", b"1")
    recover = RecoverOperator(task_id="recover", **bound)
    load = LoadOperator(task_id="load", coverage=None, **bound)
    for task in (recover, load):
        with pytest.raises(AirflowFailException, match="marks .* as a success"):
            task.execute(world.context())
    with pytest.raises(AirflowFailException, match="marks .* as a success"):
        wait(world, None).poke(world.context())


def test_retries_follow_the_type_of_the_error_and_take_longer_each_time():
    policy = RetryByType()
    first = policy.evaluate(CapacityShort("none"), 1, 8)
    third = policy.evaluate(CapacityShort("none"), 3, 8)
    last = policy.evaluate(CapacityShort("none"), 8, 8)
    assert [each.action.value for each in (first, third, last)] == ["retry"] * 3
    assert first.retry_delay == timedelta(minutes=5)
    assert third.retry_delay == timedelta(minutes=20)
    assert last.retry_delay == timedelta(hours=1)
    assert issubclass(CapacityShort, Transient)
    surprises = [policy.evaluate(KeyError("?"), number, 8).action.value for number in (1, 2, 3)]
    assert surprises == ["default", "default", "fail"]


@MODES
def test_a_job_that_the_service_does_not_describe_for_a_moment_is_followed_on(world, deferrable):
    begin(world, transform(world, deferrable=deferrable), world.context(), deferrable)
    find, world.jobs.find = world.jobs.find, lambda name: None
    with pytest.raises(Unreachable, match="does not describe .* which it has taken"):
        transform(world, deferrable=deferrable).execute(world.context())
    world.jobs.find = find
    begin(world, transform(world, deferrable=deferrable), world.context("second"), deferrable)
    assert len(world.jobs.created) == 1


@pytest.fixture
def shared(world):
    """Where the indexes of two jobs lie that share the partition, with records that are alike."""
    whole = ExtractIndex.from_json(world.objects.get(LAYOUT.index))
    for number, shard in enumerate(SHARDS):
        portion = Portion(job=number, of_records=whole.records)
        changes = {"shards": (shard,), "records": shard.records, "jobs": 2, "portion": portion}
        part = whole.model_copy(update=changes)
        world.objects.put(LAYOUT.of_job(number).index, part.to_json())
    return [str(LAYOUT.of_job(number).index) for number in range(2)]


def one_of(world, shared, number, attempt="first"):
    """The task of one of several jobs, and its context."""
    task, context = transform(world), world.context(attempt)
    task.index, context["ti"].map_index = shared, number
    context["task_state_store"] = world.memories.setdefault(number, InMemoryMemory())
    return task, context


def test_each_of_several_jobs_is_started_once_and_found_again_by_its_own_retry(world, shared):
    begin(world, *one_of(world, shared, 0), deferrable=True)
    away = begin(world, *one_of(world, shared, 1), deferrable=True)
    first, second = world.jobs.created
    begin(world, *one_of(world, shared, 1, attempt="second"), deferrable=True)
    assert world.jobs.created == [first, second], "its worker was killed; no third job is paid"
    assert [world.jobs.find(name).manifest for name in (first, second)] == [
        str(LAYOUT.of_job(number).manifest) for number in range(2)
    ]
    assert trigger_of(away).watch.owner.map_index == 1


def test_one_of_several_jobs_fails_alone(world, shared):
    for number in range(2):
        begin(world, *one_of(world, shared, number), deferrable=True)
    first, second = world.jobs.created
    world.jobs.end(first, "Failed", "AlgorithmError: boom")
    world.objects.put(world.jobs.find(second).output / f"{SHARDS[1].name}.out", b"1")
    world.jobs.end(second, "Completed")
    task, context = one_of(world, shared, 0)
    with pytest.raises(AirflowFailException, match="AlgorithmError: boom"):
        task.execute(context)
    task, context = one_of(world, shared, 1)
    done = task.execute(context)
    assert (done["job_name"], done["shards"]) == (second, 1)


def test_one_of_several_jobs_may_use_its_share_of_the_hours(world, shared):
    limits = world.pipeline.settings.limits.model_copy(update={"instance_hours": 1.0})
    settings = world.pipeline.settings.model_copy(update={"limits": limits})
    world.pipeline = world.pipeline.model_copy(update={"settings": settings})
    begin(world, *one_of(world, shared, 0), deferrable=True)
    (name,) = world.jobs.created
    world.jobs.advance(timedelta(minutes=40))
    world.jobs.end(name, "Failed", "InternalServerError")
    task, context = one_of(world, shared, 0, attempt="second")
    with pytest.raises(AirflowFailException, match="instance hours are used"):
        task.execute(context)
