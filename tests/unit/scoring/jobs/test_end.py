"""What the end of a job means to the second, and how long to wait for one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from batch_transform.scoring.errors import DeadlinePassed, JobStopped, OutputError
from batch_transform.scoring.jobs.end import check_outputs, failure, is_late, is_over
from batch_transform.scoring.jobs.pacing import pause, pause_after_failure, pause_for_data
from tests.factories import a_job

BEGUN = datetime(2013, 6, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


def stopped(after):
    ended = {} if after is None else {"TransformEndTime": BEGUN + after}
    described = {"TransformEndTime": None, **ended}
    return failure(a_job(TransformJobStatus="Stopped", **described), HOUR)


@pytest.mark.parametrize(
    ("after", "error"),
    [
        (HOUR - SECOND, JobStopped),
        (HOUR, DeadlinePassed),
        (HOUR + SECOND, DeadlinePassed),
        (None, JobStopped),
    ],
)
def test_a_job_that_was_stopped_had_its_time_or_was_not_wanted(after, error):
    assert type(stopped(after)) is error


@pytest.mark.parametrize(("age", "late"), [(HOUR - SECOND, False), (HOUR, True)])
def test_a_job_is_late_from_its_deadline_on(age, late):
    assert is_late(replace(a_job(), seen_at=BEGUN + age), HOUR) is late


@pytest.mark.parametrize(
    ("status", "over"),
    [
        ("InProgress", False),
        ("Stopping", False),
        ("Completed", True),
        ("Failed", True),
        ("Stopped", True),
        ("Paused", True),
    ],
)
def test_only_a_job_that_runs_may_change(status, over):
    assert is_over(a_job(TransformJobStatus=status)) is over


def test_of_many_missing_outputs_ten_are_named():
    missing = [f"part-{number}" for number in range(12)]
    with pytest.raises(OutputError) as error:
        check_outputs(a_job(), missing, 20)
    assert f": {', '.join(missing[:10])}. Clear" in str(error.value)
    assert "12 of 20 shards" in str(error.value)


def test_pauses_grow_within_their_bounds():
    assert [pause_for_data(waited, 60) for waited in (0, 700, 10_000)] == [60, 70, 300]
    assert pause_for_data(10_000, 600) == 600
    assert [pause_after_failure(0, 10, chance) for chance in (0, 1)] == pytest.approx([8, 12])
    assert pause_after_failure(1, 10, 0.5) == pytest.approx(20)
    # A pause of a millisecond doubles sixteen times, and no further.
    assert pause_after_failure(15, 0.001, 0.5) == pytest.approx(0.001 * 2**15)
    assert pause_after_failure(17, 0.001, 0.5) == pytest.approx(0.001 * 2**16)
    assert pause(5, 60, 0.5) == 1
    assert pause(20, 60, 0.5) == pytest.approx(2)
