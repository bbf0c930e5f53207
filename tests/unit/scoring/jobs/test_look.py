"""Done means done: what each status means, and what a job that is not over may become."""

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
import time_machine

from batch_transform.scoring import errors
from batch_transform.scoring.jobs.look import check_done, look, partial_failure
from batch_transform.scoring.jobs.pacing import pause, pause_after_failure, pause_for_data
from batch_transform.scoring.jobs.service import SageMakerJobs
from tests.factories import a_job
from tests.unit.scoring.jobs.conftest import DEADLINE, INDEX, Task, end

ALL = range(4)
ENDS = [
    # status, reason, outputs, error, part of its message
    ("Completed", "", ALL, None, ""),
    ("Completed", "", (), errors.OutputError, "4 of 4 shards have no output"),
    ("Completed", "", (0, 2), errors.OutputError, "part-00001.csv, part-00003.csv"),
    ("Stopped", "", ALL, errors.JobStopped, "was stopped before it was over"),
    ("Failed", "AlgorithmError: boom", ALL, errors.JobFailed, "AlgorithmError: boom"),
    ("Failed", "ClientError: 400", (), errors.JobFailed, "ClientError: 400"),
    ("Failed", "", (), errors.JobFailed, "gives no FailureReason"),
    ("Failed", "CapacityError: none", (), errors.CapacityShort, "CapacityError: none"),
    ("Failed", "InternalServerError: x", (), errors.ServiceBroken, "InternalServerError"),
    ("Paused", "", ALL, errors.UnknownStatus, "'Paused'"),
]


@pytest.fixture
def held(task):
    return task.attempt()


@pytest.mark.parametrize(("status", "reason", "outputs", "error", "text"), ENDS)
def test_only_completed_with_every_output_is_a_success(
    aws, task, held, status, reason, outputs, error, text
):
    end(aws, held, status, reason, outputs)
    seen = look(aws, task.watch(held))
    if error is None:
        check_done(aws, seen, INDEX, DEADLINE)
        return
    with pytest.raises(error) as raised:
        check_done(aws, seen, INDEX, DEADLINE)
    assert text in str(raised.value)
    if status == "Failed":
        assert "(It has no log: apples" in str(raised.value)


def test_progress_counts_outputs_by_name_and_tells_what_is_left(aws, task, held):
    end(aws, held, "InProgress", outputs=[0, 3])
    aws.jobs.advance(timedelta(seconds=30))
    seen = look(aws, task.watch(held))
    assert json.loads(json.dumps(seen.progress.as_dict())) == {
        "shards_done": 2,
        "shards": 4,
        "records_done": 20,
        "records": 40,
        "eta_seconds": 30,
    }
    assert str(seen.progress) == "2 of 4 shards, 20 of 40 records, about 30 s left"


def test_of_a_job_that_is_over_nothing_is_left(aws, task, held):
    end(aws, held, "Failed", "ClientError", outputs=[0, 3])
    aws.jobs.advance(timedelta(seconds=30))
    seen = look(aws, task.watch(held))
    assert str(seen.progress) == "2 of 4 shards, 20 of 40 records"


def test_the_deadline_counts_from_the_jobs_creation_and_stops_it_once(aws, task, held):
    aws.jobs.advance(DEADLINE - timedelta(seconds=1))
    look(aws, task.watch(held))
    assert aws.jobs.stopped == []
    aws.jobs.advance(timedelta(seconds=1))
    for _ in range(2):
        seen = look(aws, task.watch(held))
    assert aws.jobs.stopped == [held.job.name]
    with pytest.raises(errors.DeadlinePassed, match="not over after 6:00:00, and was stopped"):
        check_done(aws, seen, INDEX, DEADLINE)


def test_a_late_job_goes_on_for_another_run_that_wants_it(aws, task, held):
    other = Task(aws, "by hand")
    attached = other.attempt()
    aws.jobs.advance(DEADLINE)
    with pytest.raises(errors.DeadlinePassed, match="goes on for other runs"):
        look(aws, task.watch(held))
    assert aws.jobs.stopped == []
    look(aws, other.watch(attached))
    assert aws.jobs.stopped == [held.job.name]


def test_looks_are_frequent_at_first_and_never_in_step():
    assert pause(0, 60, 0.5) == 1
    assert pause(100, 60, 0.5) == pytest.approx(10)
    assert pause(10_000, 60, 0.5) == pytest.approx(60)
    assert pause(10_000, 60, 0) == pytest.approx(48)
    assert pause(10_000, 60, 1) == pytest.approx(72)
    assert pause(10_000, 0.5, 0.5) == 0.5


def test_failed_looks_are_followed_by_ever_longer_pauses():
    pauses = [pause_after_failure(failures, 10, 0.5) for failures in range(1, 7)]
    assert pauses == pytest.approx([20, 40, 80, 160, 300, 300])
    assert pause_after_failure(10**6, 600, 0.5) == pytest.approx(600)


@pytest.mark.parametrize("days", [-1, 0, 1])
def test_a_job_is_as_old_as_sagemaker_says_whatever_the_workers_clock_shows(days):
    answered = datetime(2013, 6, 2, 0, 5, tzinfo=UTC)
    headers = {"date": "Sun, 02 Jun 2013 00:05:00 GMT"}
    described = {**a_job().described, "ResponseMetadata": {"HTTPHeaders": headers}}
    client = SimpleNamespace(describe_transform_job=lambda **_: described)
    with time_machine.travel(answered + timedelta(days=days), tick=False):
        job = SageMakerJobs(client).find("apples-job")
    assert timedelta(minutes=5) <= job.age < timedelta(minutes=5, seconds=1)


def test_late_data_are_asked_for_less_often_the_longer_they_take():
    assert pause_for_data(0, 60) == 60
    assert pause_for_data(1000, 60) == pytest.approx(100)
    assert pause_for_data(10**6, 60) == 300
    assert pause_for_data(10**6, 600) == 600, "never more often than the deployment asks"


@pytest.mark.parametrize(
    ("reason", "said"), [("InternalServerError", "InternalServerError"), ("", "no FailureReason")]
)
def test_a_failed_job_that_leaves_something_is_let_through_and_tells_how_much(
    aws, task, held, reason, said
):
    end(aws, held, "Failed", reason, outputs=[0, 3])
    told = partial_failure(look(aws, task.watch(held)))
    assert "failed, and leaves 2 of 4 shards without an output" in told
    assert said in told


def test_a_completed_job_tells_of_no_failure(aws, task, held):
    end(aws, held, "Completed")
    assert partial_failure(look(aws, task.watch(held))) is None
