"""One job for one content, whatever happens in between."""

from dataclasses import replace

import pytest

from batch_transform.scoring.errors import JobConflict, NameTaken, RequestRefused, Unreachable
from batch_transform.scoring.jobs.claim import DIGEST_TAG, OWNER_TAG, RUN_TAG, Claimant
from batch_transform.scoring.jobs.memory import INTENT, begin
from batch_transform.scoring.jobs.service import COMPLETED, FAILED, IN_PROGRESS, STOPPED, STOPPING
from batch_transform.scoring.jobs.start import How
from batch_transform.scoring.testing import InMemoryJobs
from tests.unit.scoring.jobs.conftest import by


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


def owner(jobs, found):
    return jobs.tags(found.job.arn)[OWNER_TAG]


def whole(job):
    return job.status == "Completed"


def test_a_first_attempt_starts_the_job_and_owns_it(jobs, memory, wanted):
    found = begin(jobs, memory, wanted, stands=whole, expect=str)
    assert found.how is How.STARTED
    assert jobs.created == ["apples-2013-06-01-d1d1d1d1d1d1"]
    assert owner(jobs, found) == "first"
    assert jobs.tags(found.job.arn)[DIGEST_TAG] == wanted.digest


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_worker_killed_at_the_call_is_followed_by_one_that_attaches(memory, wanted, when):
    jobs = Doomed()
    jobs.killed_by = when
    with pytest.raises(WorkerKilledError):
        begin(jobs, memory, wanted, stands=whole, expect=str)
    assert memory.get(INTENT)["names"] == [wanted.name(1)], "recorded before the call"
    found = begin(jobs, memory, by(wanted, "second"), stands=whole, expect=str)
    assert jobs.created == [wanted.name(1)]
    assert owner(jobs, found) == "second"
    assert found.how is (How.STARTED if when == "before" else How.ATTACHED)


def test_a_job_that_its_last_owner_stops_while_it_is_claimed_is_followed_by_another(memory, wanted):
    class Contested(InMemoryJobs):
        def tag(self, arn, tags):
            self.stop(wanted.name(1))
            super().tag(arn, tags)

    jobs = Contested()
    begin(jobs, memory, wanted, stands=whole, expect=str)
    found = begin(jobs, memory, by(wanted, "second"), stands=whole, expect=str)
    assert (found.how, found.job.name) == (How.STARTED, wanted.name(2))


def test_a_completed_job_is_reused(jobs, memory, wanted):
    begin(jobs, memory, wanted, stands=whole, expect=str)
    jobs.end(wanted.name(1), COMPLETED)
    found = begin(jobs, memory, by(wanted, "later"), stands=whole, expect=str)
    assert (found.how, len(jobs.created)) == (How.REUSED, 1)


def test_a_completed_job_whose_outputs_are_gone_is_not(jobs, memory, wanted):
    begin(jobs, memory, wanted, stands=whole, expect=str)
    jobs.end(wanted.name(1), COMPLETED)
    found = begin(jobs, memory, by(wanted, "later"), stands=lambda job: False, expect=str)
    assert found.job.name == wanted.name(2)


@pytest.mark.parametrize("status", [FAILED, STOPPED, STOPPING])
def test_the_next_generation_follows_one_that_is_spent(jobs, memory, wanted, status):
    begin(jobs, memory, wanted, stands=whole, expect=str)
    jobs.end(wanted.name(1), status)
    second = begin(jobs, memory, by(wanted, "second"), stands=whole, expect=str)
    assert second.job.name == "apples-2013-06-01-d1d1d1d1d1d1-g2"
    again = begin(jobs, memory, by(wanted, "third"), stands=whole, expect=str)
    assert (again.how, again.job.name) == (How.ATTACHED, second.job.name)
    jobs.end(second.job.name, status)
    third = begin(jobs, memory, by(wanted, "fourth"), stands=whole, expect=str)
    assert third.job.name.endswith("-g3")


def test_force_starts_one_more_for_each_run_and_only_one(jobs, memory, wanted):
    begin(jobs, memory, wanted, stands=whole, expect=str)
    jobs.end(wanted.name(1), COMPLETED)
    forced = replace(wanted, force=True, claimant=Claimant(attempt="x", run="by hand"))
    assert begin(jobs, memory, forced, stands=whole, expect=str).job.name == wanted.name(2)
    assert begin(jobs, memory, by(forced, "y"), stands=whole, expect=str).how is How.ATTACHED
    jobs.end(wanted.name(2), COMPLETED)
    assert begin(jobs, memory, by(forced, "z"), stands=whole, expect=str).how is How.REUSED
    other = replace(forced, claimant=Claimant(attempt="w", run="by hand again"))
    assert begin(jobs, memory, other, stands=whole, expect=str).job.name == wanted.name(3)


def test_what_a_person_has_forced_is_what_later_runs_reuse(jobs, memory, wanted):
    begin(jobs, memory, wanted, stands=whole, expect=str)
    jobs.end(wanted.name(1), COMPLETED)
    forced = replace(wanted, force=True, claimant=Claimant(attempt="x", run="by hand"))
    begin(jobs, memory, forced, stands=whole, expect=str)
    for status, reused in ((IN_PROGRESS, 1), (COMPLETED, 2), (FAILED, 1)):
        jobs.end(wanted.name(2), status)
        later = by(wanted, f"after {status}")
        found = begin(jobs, memory, later, stands=whole, expect=str)
        assert (found.how, found.job.name) == (How.REUSED, wanted.name(reused))


def test_the_id_of_a_run_may_hold_what_a_tag_may_not(jobs, memory, wanted):
    forced = replace(wanted, force=True, claimant=Claimant(attempt="x", run="by~hand#1"))
    found = begin(jobs, memory, forced, stands=whole, expect=str)
    assert jobs.tags(found.job.arn)[RUN_TAG] == "by_hand_1"
    again = begin(jobs, memory, by(forced, "y"), stands=whole, expect=str)
    assert (again.how, again.job.name) == (How.ATTACHED, found.job.name)


def test_other_data_are_another_job_and_the_old_one_is_stopped(jobs, memory, wanted):
    begin(jobs, memory, wanted, stands=whole, expect=str)
    changed = by(wanted, "second", digest="d2" * 32)
    begin(jobs, memory, changed, stands=whole, expect=str)
    assert jobs.created == [wanted.name(1), changed.name(1)]
    assert jobs.stopped == [wanted.name(1)]


def test_the_old_job_runs_on_where_another_run_has_attached(jobs, memory, wanted):
    begin(jobs, memory, wanted, stands=whole, expect=str)
    begin(jobs, type(memory)(), by(wanted, "backfill"), stands=whole, expect=str)
    begin(jobs, memory, by(wanted, "second", digest="d2" * 32), stands=whole, expect=str)
    assert jobs.stopped == []


def test_equal_content_under_other_keys_is_the_same_request(jobs, memory, wanted):
    begin(jobs, memory, wanted, stands=whole, expect=str)
    request = {
        **wanted.request,
        "TransformOutput": {"S3OutputPath": "s3://b/2", "Accept": "text/csv"},
    }
    found = begin(jobs, memory, by(wanted, "second", request=request), stands=whole, expect=str)
    assert str(found.job.output) == "s3://bucket/output", "read from the job"


def test_another_request_under_the_name_is_an_error_that_shows_the_difference(jobs, memory, wanted):
    other = {**wanted.request, "MaxPayloadInMB": 7, "Environment": {"A": "1"}}
    begin(jobs, memory, replace(wanted, request=other), stands=whole, expect=str)
    with pytest.raises(JobConflict) as error:
        begin(jobs, memory, by(wanted, "second"), stands=whole, expect=str)
    assert "MaxPayloadInMB is 7 there, and 6 is asked for" in str(error.value)
    assert "Environment is {'A': '1'} there, and not asked for" in str(error.value)


def test_a_job_of_somebody_else_with_the_name_is_an_error(jobs, memory, wanted):
    jobs.create({**wanted.request, "TransformJobName": wanted.name(1)})
    with pytest.raises(JobConflict, match="tag batch-transform:digest is None there"):
        begin(jobs, memory, wanted, stands=whole, expect=str)


def test_capacity_errors_lead_to_the_next_instance_type_and_other_failures_do_not(
    jobs, memory, wanted
):
    both = replace(wanted, instance_types=("ml.m5.large", "ml.m5.xlarge"))
    kinds = []
    for reason in ["CapacityError: none left", "InternalServerError", "CapacityError", ""]:
        found = begin(jobs, memory, both, stands=whole, expect=str)
        kinds.append(found.job.instance_type)
        jobs.end(found.job.name, FAILED, reason)
    assert kinds == ["ml.m5.large", "ml.m5.xlarge", "ml.m5.xlarge", "ml.m5.large"]


def test_a_refusal_is_passed_on_and_nothing_is_started(jobs, memory, wanted):
    for refusal in (RequestRefused("no"), Unreachable("later")):
        jobs.refusals = [refusal]
        with pytest.raises(type(refusal)):
            begin(jobs, memory, wanted, stands=whole, expect=str)
    assert jobs.created == []


def test_a_name_that_is_taken_but_not_described_yet_is_tried_again_later(memory, wanted):
    class Slow(InMemoryJobs):
        def create(self, request):
            raise NameTaken("taken")

    with pytest.raises(Unreachable, match="does not describe"):
        begin(Slow(), memory, wanted, stands=whole, expect=str)
