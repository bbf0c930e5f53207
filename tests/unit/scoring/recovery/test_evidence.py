"""Silence, a lost instance, a late log and a broken service are no record's fault."""

from datetime import timedelta

import pytest

from batch_transform.scoring.errors import JobFailed, LimitHit
from batch_transform.scoring.jobs.blame import Blame, Cause
from batch_transform.scoring.recovery.spans import Span
from batch_transform.scoring.recovery.suspects import Trial, failed
from batch_transform.scoring.testing import BROKEN, Died, Mishap, Refused, TimedOut
from tests.unit.scoring.recovery.conftest import apple, apples, given_up, refusing

CAPACITY = "CapacityError: Unable to provision requested ML compute capacity."
LOST = Mishap(lost=frozenset({1}), reason=BROKEN)
TWO = {"instance_count": 2}


def two_instances(run, bad=(), mishaps=None, **changes):
    """A run over 40 records in four shards, on two instances."""
    changes = {"transform": TWO, "shards": {"min_count": 4}, **changes}
    return run(apples(40), refusing(bad), simulated={"mishaps": mishaps or {}}, **changes)


@pytest.mark.parametrize("reason", [BROKEN, CAPACITY, ""], ids=["broken", "capacity", "none"])
@pytest.mark.parametrize("on_limit", ["fail", "load_rest"])
def test_a_lost_instance_costs_a_job_and_no_record(run, reason, on_limit):
    lost = Mishap(lost=frozenset({1}), reason=reason)
    this = two_instances(run, mishaps={0: lost}, limits={"on_limit": on_limit})
    coverage = this.recover()
    assert this.answered(coverage) == list(range(1, 41))
    assert (coverage.quarantined, len(coverage.jobs)) == ((), 1)
    assert this.service.counted == [4, 3], "two shards sent whole, and a control"


def test_a_bad_record_beside_a_lost_instance_is_found_all_the_same(run):
    this = two_instances(run, {5, 15}, {0: LOST}, limits={"bad_records": 5})
    coverage = this.recover()
    assert given_up(coverage) == [5, 15]
    assert len(coverage.jobs) == 3


@pytest.mark.parametrize(
    ("unseen", "counted"),
    [
        (Mishap(silent=True), [4, 2, 11, 2]),
        (Mishap(unseen=frozenset({0})), [4, 2, 11, 2]),
        (Mishap(unseen=frozenset({1, 2, 3})), [4, 11, 2]),
    ],
    ids=["no stream", "no status", "no message"],
)
def test_a_shard_whose_blame_is_not_in_the_log_is_sent_whole_once(run, unseen, counted):
    this = two_instances(run, {17}, {0: unseen})
    assert given_up(this.recover()) == [17]
    assert this.service.counted == counted


def test_a_bad_record_is_found_without_any_log(run):
    silent = dict.fromkeys(range(9), Mishap(silent=True))
    this = two_instances(run, {17}, silent)
    coverage = this.recover()
    assert given_up(coverage) == [17]
    sent = [this.service.jobs.find(name).described for name in coverage.jobs]
    alone = [each["TransformResources"]["InstanceCount"] for each in sent]
    assert alone == [2, 2, 1, 1], "whole, cut, then one instance with the control behind the record"


def test_a_log_that_comes_late_is_waited_for(run):
    late = {number: Mishap(late=timedelta(seconds=40)) for number in range(3)}
    clean = two_instances(run, {17})
    clean.recover()
    this = two_instances(run, {17}, late)
    assert given_up(this.recover()) == [17]
    assert this.service.jobs.created == clean.service.jobs.created
    assert this.attempts == 4, "once more for each of three jobs"


def test_a_log_that_does_not_come_in_time_costs_a_job_and_no_record(run):
    this = two_instances(run, {17}, {0: Mishap(late=timedelta(hours=1))})
    assert given_up(this.recover()) == [17]
    assert this.jobs == 4


@pytest.mark.parametrize("breaks", [{0, 1}, {1, 2}, {2, 3}])
def test_a_service_that_breaks_twice_in_a_row_ends_the_search(run, breaks):
    this = two_instances(run, {17}, dict.fromkeys(breaks, LOST), limits={"on_limit": "load_rest"})
    with pytest.raises(JobFailed, match=r"failed 2 times in a row .*all be good: .*InternalServer"):
        this.recover()
    assert this.jobs == max(breaks) + 1
    with pytest.raises(JobFailed):
        this.recover()
    assert this.jobs == max(breaks) + 1, "a retry pays nothing"
    coverage = this.recover(since=this.service.jobs.now)
    assert given_up(coverage) == [17], "once the task was cleared, it is tried again"


def test_capacity_that_comes_back_costs_no_record(run):
    this = two_instances(run, {17}, {1: Mishap(lost=frozenset({0, 1}), reason=CAPACITY)})
    assert given_up(this.recover()) == [17]
    assert this.jobs == 4


def test_requests_that_are_too_large_are_no_records_fault(run):
    def model(batch):
        if len(batch) > 3:
            raise Refused(413, "request entity too large")
        return [b"0.25"] * len(batch)

    this = run(apples(40), model, shards={"min_count": 4})
    coverage = this.recover()
    assert this.answered(coverage) == list(range(1, 41))
    assert this.service.counted == [4, 4], "whole, with a record to a request"


def test_a_model_that_answers_404_to_everything_is_no_rest_to_load(run):
    def model(batch):
        raise Refused(404, "no such model")

    limits = {"bad_records": "50%", "on_limit": "load_rest"}
    this = run(apples(40), model, shards={"min_count": 4}, limits=limits)
    with pytest.raises(LimitHit, match=r"None was answered, so it may be the model's fault"):
        this.recover()
    assert this.jobs == 2


@pytest.mark.parametrize("status", [404, 503])
def test_a_service_that_goes_away_after_the_first_job_costs_no_record(run, status):
    calls = []

    def model(batch):
        calls.append(batch)
        if len(calls) > 4:
            raise Refused(status, "gone")
        return refusing({17})(batch)

    limits = {"bad_records": "50%", "on_limit": "load_rest"}
    this = run(apples(40), model, shards={"min_count": 4}, limits=limits)
    with pytest.raises(JobFailed, match=rf"failed 2 times in a row .* {status} gone"):
        this.recover()
    assert this.jobs == 3


def test_a_container_that_is_not_ready_at_the_start_of_each_job_costs_no_record(run):
    services, begun = [], []  # the service is known once the first job is over

    def model(batch):
        job = len(services[0].counted) if services else 1
        begun.append(job)
        if services and begun.count(job) <= 2:
            raise Refused(503, "warming up")
        return refusing({17})(batch)

    this = run(apples(40), model, shards={"min_count": 4})
    services.append(this.service)
    with pytest.raises(JobFailed, match="503 warming up"):
        this.recover()


def test_what_may_be_good_is_not_quarantined_for_the_rest(run):
    mishaps = {0: Mishap(lost=frozenset({1}))}
    limits = {"bad_records": 0, "max_rounds": 0, "on_limit": "load_rest"}
    this = two_instances(run, {5}, mishaps, limits=limits)
    with pytest.raises(LimitHit, match=r"20 of them may be good, and are not quarantined"):
        this.recover()
    this.change(transform=TWO, shards={"min_count": 4}, limits={**limits, "max_rounds": 1})
    coverage = this.recover()
    assert this.answered(coverage) == list(range(11, 41)), "they were sent again; the bad were not"
    assert given_up(coverage) == list(range(1, 11))


@pytest.mark.parametrize(
    ("error", "times"),
    [(Refused(500), 2), (TimedOut(), 3), (Died(), 3)],
    ids=["500", "late", "end"],
)
def test_one_failure_by_itself_that_may_be_the_services_proves_nothing(run, error, times):
    hits = []

    def model(batch):
        hits.extend(line for line in batch if apple(line) == 17)
        if any(apple(line) == 17 for line in batch) and len(hits) <= times:
            raise error
        return [b"0.25"] * len(batch)

    this = run(apples(40), model, shards={"min_count": 4}, limits={"bad_records": 5})
    assert this.answered(this.recover()) == list(range(1, 41))
    assert len(hits) == times + 1


SPAN = Span(shard=0, first=3, records=1)


@pytest.mark.parametrize("cause", Cause)
def test_nothing_is_held_against_a_record_in_a_job_in_which_the_control_failed(cause):
    suspect = failed(None, SPAN, Blame(cause=cause), Trial(service_worked=False))
    again = failed(
        suspect, SPAN, Blame(cause=cause), Trial(service_failed=True, service_worked=False)
    )
    assert (again.held, again.broken) == (suspect.held, suspect.broken + 1)


@pytest.mark.parametrize(
    ("cause", "at_best"),
    [(c, 0 if c in {Cause.BYSTANDER, Cause.SERVICE} else 1) for c in Cause],
)
def test_what_is_held_against_a_record_where_all_speaks_against_it(cause, at_best):
    trial = Trial(service_worked=True, between_controls=True, all_named=True, one_at_a_time=True)
    sent = failed(None, SPAN, Blame(cause=Cause.RECORD), Trial(service_worked=False))
    assert failed(sent, SPAN, Blame(cause=cause), trial).held == sent.held + at_best
