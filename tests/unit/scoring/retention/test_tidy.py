"""What housekeeping leaves, and what it deletes, case by case."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from batch_transform.scoring.extract import snapshot
from batch_transform.scoring.jobs.owners import OWN_PREFIX
from batch_transform.scoring.names import RunLayout, S3Uri
from batch_transform.scoring.retention.tidy import tidy
from batch_transform.scoring.sources.slices import Slice
from tests.unit.scoring.retention.housekept import SHARED, TO_RECOVER, Housekept, index_of


@pytest.fixture
def world():
    return Housekept()


def published(world, content):
    return world.begin(content, seen=True, tasks=4)


def pass_days(world, *days):
    for each in days:
        world.pass_time(timedelta(days=each))
        world.it_is_tidied()


def attached(world, *, seen=True):
    """A run that attaches to the job of an old load, while a newer one comes into force."""
    published(world, "a")
    published(world, "b")
    world.pass_time(timedelta(days=41))
    run = world.begin("a", seen=seen, tasks=1)
    world.pass_time(timedelta(hours=1))
    published(world, "b")
    return run


@pytest.mark.parametrize("in_force", ["a", SHARED])
def test_each_kind_goes_when_its_days_are_over_and_the_load_in_force_stays(world, in_force):
    old, new = published(world, TO_RECOVER), published(world, in_force)
    left = []
    for _ in range(4):
        pass_days(world, 7, 2)
        left.append(world.left(old))
    kept = {"outputs", "quarantine"}
    assert left == [{"inputs", *kept}, kept, {"quarantine"}, set()]
    assert world.left(new) == {"inputs", "outputs"}
    world.check()


def test_what_is_not_to_be_deleted_some_day_stays(world):
    old, _ = published(world, "a"), published(world, "b")
    world.keep = {"outputs": timedelta(days=10)}
    pass_days(world, 41, 2)
    assert world.left(old) == {"inputs"}


def test_the_attempt_whose_job_is_in_force_stays_though_another_run_has_loaded(world):
    first = world.begin("a", seen=True, tasks=2)
    first.is_alive = False
    published(world, "a")
    pass_days(world, 41, 2)
    assert world.left(first) == {"inputs", "outputs"}
    world.check()


def test_attempts_whose_jobs_are_in_force_stay_where_records_were_sent_again(world):
    old = published(world, "a")
    for tasks in (2, 3):
        world.begin(TO_RECOVER, seen=True, tasks=tasks).is_alive = False
    world.pass_time(timedelta(hours=1))
    published(world, TO_RECOVER)
    pass_days(world, 41, 2, 2)
    assert [run for run in world.runs if not world.left(run)] == [old]
    world.check()


@pytest.mark.parametrize("content", [TO_RECOVER, SHARED])
def test_of_several_jobs_all_that_is_superseded_goes(world, content):
    old, new = published(world, content), published(world, "a")
    pass_days(world, 41, 2)
    assert world.left(old) == set()
    assert world.left(new)


@pytest.mark.parametrize("content", [TO_RECOVER, SHARED])
@pytest.mark.parametrize("told", [{}, {"jobs": ["gone"]}], ids=["not told", "gone"])
def test_a_partition_stays_whole_where_not_all_jobs_of_its_load_are_known(world, content, told):
    old, new = published(world, "a"), published(world, content)
    entry = json.loads(world.ledger.entry.to_json())
    world.aws.objects.put(new.layout.loaded, json.dumps({"entry": entry, **told}).encode())
    pass_days(world, 41, 2)
    assert world.left(old)


def test_what_no_load_has_come_of_stays_until_one_has(world):
    failed = world.begin("a", seen=True, tasks=2)
    failed.is_alive = False
    pass_days(world, 41, 2)
    assert world.left(failed)
    world.a_failed_run_is_cleared(0)
    world.a_run_goes_on(0, 3)
    assert failed.stage == "loaded"


def test_a_failed_run_that_is_newer_than_the_load_in_force_may_be_cleared_however_old(world):
    published(world, "a")
    published(world, "b")
    world.pass_time(timedelta(days=41))
    failed = world.begin("a", seen=True, tasks=2)  # attaches to the oldest job
    failed.is_alive = False
    pass_days(world, 41, 2)
    world.a_failed_run_is_cleared(0)
    world.a_run_goes_on(0, 3)
    assert failed.stage == "loaded"
    world.it_is_tidied()
    world.check()


def test_what_was_read_at_the_same_moment_as_the_load_in_force_may_still_be_loaded(world):
    old = published(world, "a")
    world.pass_time(timedelta(hours=1))
    world.begin("b", seen=True, tasks=1).is_alive = False
    published(world, "b")
    pass_days(world, 41, 2)
    assert world.left(old)


def test_the_quarantine_in_force_keeps_its_attempt_whoever_has_loaded_since(world):
    old, _ = published(world, "a"), published(world, "b")
    place = old.layout.quarantine / "records.jsonl"
    world.aws.objects.put(place, b"{}")
    world.ledger.entry = replace(world.ledger.entry, quarantine=str(place))
    pass_days(world, 41, 2)
    assert world.left(old) == {"inputs", "outputs", "quarantine"}


def test_its_days_and_the_day_after_are_over_with_their_last_moment(world):
    old, _ = published(world, "a"), published(world, "b")
    world.keep = {"inputs": timedelta(days=10)}
    moment = timedelta(microseconds=1)
    done = []
    for time in (timedelta(days=10), moment, timedelta(days=1), moment):
        world.pass_time(time)
        tidied = world.it_is_tidied()
        done.append((tidied.retired, tidied.deleted["inputs"]))
    assert done == [(0, 0), (1, 0), (0, 0), (0, 1)]
    assert world.left(old) == {"outputs"}


def test_nothing_is_deleted_while_a_run_is_at_work(world):
    run = attached(world)
    world.go_on(run)
    pass_days(world, 2, 2, 2)
    world.go_on(run)
    world.go_on(run)
    assert run.stage == "loaded"


def test_a_run_that_nobody_knows_of_has_a_day_after_it_has_attached(world):
    run = attached(world, seen=False)
    world.go_on(run)
    world.it_is_tidied()
    world.pass_time(timedelta(hours=20))
    world.it_is_tidied()
    world.go_on(run)
    world.go_on(run)
    assert run.stage == "loaded"


def test_nobody_attaches_to_what_is_to_be_deleted(world):
    run = attached(world, seen=False)
    world.it_is_tidied()
    paid = len(world.aws.jobs.created)
    world.go_on(run)
    assert len(world.aws.jobs.created) == paid + 1
    world.pass_time(timedelta(hours=22))
    world.it_is_tidied()
    world.go_on(run)
    world.go_on(run)
    assert run.stage == "loaded"


def test_what_was_retired_and_came_into_force_after_all_is_attached_to_again(world):
    old = published(world, "a")
    world.pass_time(timedelta(days=41))
    late = world.begin("a", seen=False, tasks=2)
    world.pass_time(timedelta(seconds=1))
    published(world, "b")
    assert world.it_is_tidied().retired
    late.taken_at = world.now
    world.go_on(late)
    world.go_on(late)
    assert world.ledger.entry.run_id == str(late.number)
    world.it_is_tidied()
    world.check()
    assert world.left(old)


def test_what_a_job_in_progress_reads_stays(world):
    old = published(world, "a")
    published(world, "b")
    job = {
        "TransformJobName": "apples-2013-06-01-of-another-deployment",
        "TransformInput": {"DataSource": {"S3DataSource": {"S3Uri": str(old.layout.manifest)}}},
        "TransformOutput": {"S3OutputPath": "s3://elsewhere/output"},
        "Tags": [{"Key": f"{OWN_PREFIX}deployment", "Value": "another"}],
    }
    world.aws.jobs.create(job)
    pass_days(world, 41, 2)
    assert world.left(old) == {"inputs", "outputs"}


def test_what_is_none_of_a_partitions_attempts_is_left_alone(world):
    old, _ = published(world, "a"), published(world, "b")
    root = S3Uri.parse("s3://bucket/runs/apples")
    others = [
        root / "contracts" / "input" / "part",
        root / "20130601" / "x" / "output" / "part",
        S3Uri.parse("s3://bucket/runs/apples_too") / "2013-06-01" / "x" / "output" / "part",
        old.layout.attempt_root / "report" / "report.json",
        old.layout.attempt_root / "notes" / "output",
    ]
    for uri in others:
        world.aws.objects.put(uri, b"x")
    pass_days(world, 41, 2)
    assert world.left(old) == set()
    assert all(map(world.aws.objects.has, others))


def test_a_pass_that_breaks_off_says_so_and_what_it_has_done(world):
    published(world, "a")
    published(world, "b")
    pass_days(world, 41)
    world.pass_time(timedelta(days=2))
    done = tidy(world.housekeeping(lambda: True))
    assert (done.is_broken_off, done.deleted) == (True, {})
    done = tidy(world.housekeeping(lambda: False))
    assert (done.is_broken_off, done.deleted) == (False, {"inputs": 1, "outputs": 1})


def newer(world, *, index=None, more=()):
    """An attempt that has read its source after the load in force, of which no load can come."""
    old, _ = published(world, "a"), published(world, "b")
    world.pass_time(timedelta(hours=1))
    layout = RunLayout(attempt_root=old.layout.partition_root / "try-999")
    for uri in (layout.input / "part-00000.csv", *(layout.attempt_root / each for each in more)):
        world.aws.objects.put(uri, b"x")
    if index is not None:
        world.aws.objects.put(layout.index, index.to_json())
        snapshot.write(layout, world.aws.objects, world.now)
    return old, layout


@pytest.mark.parametrize(
    ("index", "more"),
    [
        (None, ()),
        (index_of("a").model_copy(update={"part": Slice(number=0, boundaries=(1,))}), ()),
        (index_of("a"), ("tune/0/manifest.json",)),
    ],
    ids=["an extract that broke off", "a slice", "the sample of tune"],
)
def test_what_no_load_can_come_of_keeps_no_other_attempt(world, index, more):
    old, layout = newer(world, index=index, more=more)
    pass_days(world, 41, 2)
    assert world.left(old) == set()
    assert not world.aws.objects.has(layout.input / "part-00000.csv")


def test_an_extract_that_may_be_loaded_keeps_the_others_where_it_does_not_say_when_it_read(world):
    old, layout = newer(world, index=index_of("a"))
    world.aws.objects.delete([layout.snapshot])
    pass_days(world, 41, 2)
    assert world.left(old)
    assert world.aws.objects.has(layout.input / "part-00000.csv")


def test_a_load_that_cannot_be_read_any_more_stays(world):
    old, _ = published(world, "a"), published(world, "b")
    world.aws.objects.put(old.layout.loaded, b"{}")
    pass_days(world, 41, 2)
    assert world.left(old)
