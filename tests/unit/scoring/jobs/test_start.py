"""One job for one content, whatever happens in between."""

from dataclasses import replace

import pytest

from batch_transform.scoring.errors import (
    JobConflict,
    JobFailed,
    LimitHit,
    NameTaken,
    RequestRefused,
    Unreachable,
)
from batch_transform.scoring.jobs.owners import DIGEST_TAG
from batch_transform.scoring.jobs.service import COMPLETED, FAILED, IN_PROGRESS, STOPPED, STOPPING
from batch_transform.scoring.jobs.start import How
from batch_transform.scoring.names import RunLayout, S3Uri
from batch_transform.scoring.testing import FakeAws, InMemoryJobs
from tests.unit.scoring.jobs.conftest import INDEX, JOB, LAYOUT, Task, delete, end, extracted

OTHER_DATA = replace(JOB, digest="d2" * 32)
FORCED = replace(JOB, force=True)


class WorkerKilledError(BaseException):
    """kill -9: nothing after it runs."""


class Doomed(InMemoryJobs):
    """Jobs whose next creation kills the worker, before or after the call."""

    killed_by = None

    def create(self, request):
        when, self.killed_by = self.killed_by, None
        if when == "before":
            raise WorkerKilledError
        super().create(request)
        if when == "after":
            raise WorkerKilledError


def tags(aws, held):
    return aws.jobs.tags(held.job.arn)


def test_a_first_attempt_starts_the_job_and_owns_it(aws, task):
    held = task.attempt()
    assert held.how is How.STARTED
    assert aws.jobs.created == ["apples-2013-06-01-d1d1d1d1d1d1"]
    assert task.owner.mark.items() <= tags(aws, held).items()
    assert tags(aws, held)[DIGEST_TAG] == JOB.digest


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_worker_killed_at_the_call_is_followed_by_one_that_attaches(when):
    aws = FakeAws(jobs=Doomed())
    task, expected = Task(aws), []
    aws.jobs.killed_by = when
    with pytest.raises(WorkerKilledError):
        task.attempt(expect=expected.append)
    assert expected == [JOB.name(1)]
    assert task.job_memory().tried() == [JOB.name(1)], "recorded before the call"
    held = task.attempt()
    assert aws.jobs.created == [JOB.name(1)]
    assert task.owner.mark.items() <= tags(aws, held).items()
    assert held.how is (How.STARTED if when == "before" else How.ATTACHED)


def test_a_job_that_its_last_owner_stops_while_it_is_claimed_is_followed_by_another():
    class Contested(InMemoryJobs):
        def tag(self, arn, tags):
            self.stop(JOB.name(1))
            super().tag(arn, tags)

    task = Task(FakeAws(jobs=Contested()))
    task.attempt()
    held = task.attempt()
    assert (held.how, held.job.name) == (How.STARTED, JOB.name(2))


def test_a_completed_job_is_reused(aws, task):
    end(aws, task.attempt(), COMPLETED)
    assert task.attempt().how is How.REUSED
    assert Task(aws, "by hand").cleared().attempt().how is How.REUSED
    assert task.cleared().attempt().how is How.REUSED
    assert len(aws.jobs.created) == 1


def test_a_completed_job_that_never_wrote_an_output_is_not(aws, task):
    end(aws, task.attempt(), COMPLETED, outputs=[0, 1, 2])
    assert task.attempt().job.name == JOB.name(2)


@pytest.mark.parametrize("status", [FAILED, STOPPED, STOPPING])
def test_the_next_generation_follows_one_that_is_spent(aws, task, status):
    end(aws, task.attempt(), status, outputs=[])
    second = task.attempt()
    assert second.job.name == "apples-2013-06-01-d1d1d1d1d1d1-g2"
    assert (again := task.attempt()).how is How.ATTACHED
    assert again.job.name == second.job.name
    end(aws, second, status, outputs=[])
    assert task.attempt().job.name.endswith("-g3")


def test_each_generation_writes_below_a_prefix_of_its_own(aws, task):
    first = task.attempt()
    end(aws, first, FAILED, outputs=[])
    second = task.attempt()
    assert [str(each.job.output) for each in (first, second)] == [
        "s3://bucket/first/output/g1",
        "s3://bucket/first/output/g2",
    ]
    end(aws, second, COMPLETED, outputs=[])
    end(aws, first, FAILED, outputs=range(4))
    assert task.attempt().job.name == JOB.name(3), "outputs of another generation do not count"


@pytest.mark.parametrize(
    ("status", "outputs"), [(COMPLETED, range(4)), (FAILED, range(3))], ids=["completed", "failed"]
)
@pytest.mark.parametrize("kind", ["input/", "output/", "manifest.json"])
def test_a_job_whose_shards_or_outputs_were_deleted_is_passed_over(
    aws, task, status, outputs, kind
):
    end(aws, task.attempt(), status, outputs=outputs)
    again = extracted(aws, RunLayout(attempt_root=S3Uri.parse("s3://bucket/second")))
    assert task.attempt(again).how is How.REUSED
    delete(aws, LAYOUT.attempt_root / kind)
    held = task.attempt(again)
    assert (held.how, held.job.name) == (How.STARTED, JOB.name(2))


@pytest.mark.parametrize("number", range(4))
def test_a_job_of_which_one_shard_was_deleted_is_passed_over(aws, task, number):
    end(aws, task.attempt(), COMPLETED)
    aws.objects.delete([LAYOUT.input / INDEX.shards[number].name])
    assert task.attempt().how is How.STARTED


def test_a_failed_job_that_leaves_something_is_gone_on_from_and_not_paid_again(aws, task):
    end(aws, task.attempt(), FAILED, "ClientError: 400", outputs=[0, 1, 3])
    assert task.attempt().how is How.REUSED
    assert Task(aws, "publish blocked").attempt().how is How.REUSED
    assert len(aws.jobs.created) == 1


def test_one_throttled_look_at_a_failed_job_pays_for_no_other(aws, task):
    end(aws, task.attempt(), FAILED, "ClientError: 400", outputs=[0])
    create, listed = aws.jobs.create, aws.objects.listed
    aws.objects.listed = lambda start: (_ for _ in ()).throw(Unreachable("Rate exceeded"))
    with pytest.raises(Unreachable):
        task.attempt()
    aws.objects.listed = listed
    assert task.attempt().how is How.REUSED
    assert aws.jobs.create == create


def test_who_clears_a_task_after_its_failed_job_was_handed_on_gets_another(aws, task):
    first = task.attempt()
    end(aws, first, FAILED, "ClientError: 400", outputs=[0])
    task.job_memory().conclude(first.job.name)
    assert task.attempt().how is How.REUSED, "a retry wants the same"
    assert task.cleared().attempt().job.name == JOB.name(2)
    assert task.attempt().how is How.ATTACHED, "and its retry that one"
    assert Task(aws, "another run").attempt().how is How.REUSED


def test_force_starts_one_more_for_each_run_and_only_one(aws, task):
    end(aws, task.attempt(), COMPLETED)
    by_hand = Task(aws, "by hand")
    held = by_hand.attempt(FORCED)
    assert held.job.name == JOB.name(2)
    assert by_hand.attempt(FORCED).how is How.ATTACHED
    end(aws, held, COMPLETED)
    assert by_hand.attempt(FORCED).how is How.REUSED
    assert Task(aws, "by hand again").attempt(FORCED).job.name == JOB.name(3)


def test_what_a_person_has_forced_is_what_later_runs_reuse(aws, task):
    end(aws, task.attempt(), COMPLETED)
    forced = Task(aws, "by hand").attempt(FORCED)
    for status, reused in ((IN_PROGRESS, 1), (COMPLETED, 2), (STOPPED, 1)):
        end(aws, forced, status)
        held = task.attempt()
        assert (held.how, held.job.name) == (How.REUSED, JOB.name(reused))


def test_other_data_are_another_job_and_the_old_one_is_stopped(aws, task):
    task.attempt()
    task.attempt(OTHER_DATA)
    assert aws.jobs.created == [JOB.name(1), OTHER_DATA.name(1)]
    assert aws.jobs.stopped == [JOB.name(1)]


def test_the_old_job_runs_on_where_another_run_wants_it(aws, task):
    task.attempt()
    Task(aws, "backfill").attempt()
    task.attempt(OTHER_DATA)
    assert aws.jobs.stopped == []


def test_equal_content_under_other_keys_is_the_same_request(aws, task):
    task.attempt()
    elsewhere = replace(JOB, output=JOB.output / "elsewhere")
    output = str(task.attempt(elsewhere).job.output)
    assert output == "s3://bucket/first/output/g1", "read from the job"


def test_a_job_that_does_something_else_under_the_name_is_left_alone(aws, task):
    secret = {**JOB.request, "Environment": {"TOKEN": "hush"}}
    task.attempt(replace(JOB, digest="d1" * 16 + "e2" * 16, request=secret))
    with pytest.raises(JobConflict, match="its tag batch-transform:digest is 'd1d1") as conflict:
        task.attempt(replace(JOB, request=secret))
    assert "hush" not in str(conflict.value)
    assert aws.jobs.stopped == [JOB.name(1)], "this task's own, for other data"


def test_a_job_of_somebody_else_with_the_name_is_an_error(aws, task):
    aws.jobs.create({**JOB.to_create(1, 0), "Tags": []})
    with pytest.raises(JobConflict, match="is None, not"):
        task.attempt()
    assert aws.jobs.stopped == []


def test_capacity_errors_lead_to_the_next_instance_type_and_other_failures_do_not(aws, task):
    both = replace(JOB, instance_types=("ml.m5.large", "ml.m5.xlarge"))
    types = []
    for reason in ["CapacityError: none left", "InternalServerError", "CapacityError", ""]:
        held = task.attempt(both)
        types.append(held.job.instance_type)
        end(aws, held, FAILED, reason, outputs=[])
    assert types == ["ml.m5.large", "ml.m5.xlarge", "ml.m5.xlarge", "ml.m5.large"]


def test_a_service_that_breaks_every_job_is_paid_twice_and_no_more(aws, task):
    for _ in range(2):
        end(aws, task.attempt(), FAILED, "InternalServerError: try again", outputs=[])
    with pytest.raises(JobFailed, match="2 transform jobs in a row failed"):
        task.attempt()
    assert len(aws.jobs.created) == 2
    assert task.cleared().attempt().job.name == JOB.name(3), "a person may try again"


def test_no_other_job_is_started_above_the_limit_of_instance_hours(aws):
    task = Task(aws, instance_hours=0.5)
    held = task.attempt()
    aws.jobs.advance(aws.jobs.now.resolution * 1_800_000_000)
    end(aws, held, FAILED, "CapacityError", outputs=[])
    with pytest.raises(LimitHit, match=r"0\.50 instance hours are used"):
        task.attempt()
    assert len(aws.jobs.created) == 1


def test_a_refusal_is_passed_on_and_nothing_is_started(aws, task):
    for refusal in (RequestRefused("no"), Unreachable("later")):
        aws.jobs.refusals.append(refusal)
        with pytest.raises(type(refusal)):
            task.attempt()
    assert aws.jobs.created == []


def test_a_name_that_is_taken_but_not_described_yet_is_tried_again_later():
    class Slow(InMemoryJobs):
        def create(self, request):
            raise NameTaken("taken")

    with pytest.raises(Unreachable, match="does not describe"):
        Task(FakeAws(jobs=Slow())).attempt()


class Unseen(InMemoryJobs):
    """Jobs that the service takes, and describes some time later."""

    def find(self, name):
        return None


def test_a_job_that_is_not_described_yet_is_looked_for_again_later():
    task = Task(FakeAws(jobs=Unseen()))
    for _ in range(2):
        with pytest.raises(Unreachable, match="took the name .*, but does not describe the job"):
            task.attempt()
    assert len(task.aws.jobs.created) == 1, "the second try meets the job of the first"
