"""What ends a search, what the error says, and what is done about the record to blame."""

from dataclasses import replace
from datetime import timedelta

import pytest

from batch_transform.scoring.errors import LimitHit
from batch_transform.scoring.jobs.blame import Blame, Cause
from batch_transform.scoring.recovery.cuts import MOST_PIECES
from batch_transform.scoring.recovery.decisions import Round, State
from batch_transform.scoring.recovery.limits import ended, not_to_pay
from batch_transform.scoring.recovery.outcome import Outcome
from batch_transform.scoring.recovery.search import Search, hours_of
from batch_transform.scoring.recovery.spans import Span
from batch_transform.scoring.recovery.suspects import Suspect
from batch_transform.scoring.testing import Refused, TimedOut
from tests.factories import a_job
from tests.unit.scoring.recovery.conftest import apple, apples, given_up, refusing

NONE = {"limits": {"bad_records": 0}}


def test_the_record_is_named_where_none_may_be_bad(run):
    this = run(apples(40), refusing({17}), shards={"min_count": 4}, **NONE)
    with pytest.raises(LimitHit) as raised:
        this.recover()
    assert "at least 1 of 40 records are bad, and limits.bad_records allows 0" in str(raised.value)
    assert "set limits.bad_records to 1 or more and clear the recover task" in str(raised.value)
    assert "part-00001.csv, line 7, id 17: the model refused a record: 400 cannot score 17" in str(
        raised.value
    )
    assert this.service.counted == [4, 11]


@pytest.mark.parametrize(("jobs", "named"), [(0, "lines 1 to 25000"), (1, "lines"), (3, "id 17:")])
def test_as_many_jobs_look_for_it_as_the_pipeline_allows(run, jobs, named):
    limits = {"bad_records": 0, "diagnose_jobs": jobs}
    this = run(apples(100_000), refusing({17}), simulated={"batch": 1000},
               shards={"min_count": 4}, limits=limits)  # fmt: skip
    with pytest.raises(LimitHit, match=named):
        this.recover()
    assert this.jobs == 1 + min(jobs, 2)
    assert sum(this.service.counted) <= 4 + 2 * 1001


def test_one_record_of_many_is_named_with_one_small_job(run):
    this = run(apples(400), refusing(set(range(1, 400, 3))), shards={"min_count": 4}, **NONE)
    with pytest.raises(LimitHit, match=r"id 1: .*\n.* id 4: .*\n") as raised:
        this.recover()
    assert (this.jobs, len(this.service.sent)) <= (2, 4 * 10 + 100)
    assert "and 27 more" in str(raised.value), "24 of 34 records, and three shards"


def test_a_refusal_that_is_not_repeated_ends_no_run(run):
    calls = []

    def model(batch):
        calls.extend(line for line in batch if apple(line) == 17)
        if any(apple(line) == 17 for line in batch) and len(calls) == 1:
            raise Refused(400, "a hiccup")
        return [b"0.25"] * len(batch)

    this = run(apples(40), model, shards={"min_count": 4}, **NONE)
    coverage = this.recover()
    assert (this.answered(coverage), len(coverage.jobs)) == (list(range(1, 41)), 1)


def test_a_model_that_refuses_everything_is_not_asked_for_a_name(run):
    this = run(apples(400), refusing(set(range(1, 401))), shards={"min_count": 4}, **NONE)
    with pytest.raises(LimitHit, match="400 cannot score 1"):
        this.recover()
    assert this.jobs == 2


def test_a_tenth_of_a_percent_of_few_records_is_one(run):
    this = run(apples(40), refusing({17}), shards={"min_count": 4})
    assert given_up(this.recover()) == [17]
    more = run(apples(40), refusing({17, 27}), shards={"min_count": 4})
    with pytest.raises(LimitHit, match=r"2 of 40 records are bad.*set limits.bad_records to 2"):
        more.recover()


def test_a_record_that_holds_the_container_is_named_too(run):
    this = run(apples(40), refusing({17}, lambda n: TimedOut()), shards={"min_count": 4}, **NONE)
    with pytest.raises(LimitHit, match=r"line 7, id 17: the container did not answer in time: Mod"):
        this.recover()


@pytest.mark.parametrize("max_rounds", [1, 8])
def test_what_still_fails_of_resubmitted_records_stays_in_quarantine(run, max_rounds):
    bad = {3, 14, 27, 28}
    this = run(apples(40), refusing(bad), shards={"min_count": 8},
               limits={"bad_records": "0.1%", "max_rounds": max_rounds})  # fmt: skip
    this.index = this.index.model_copy(update={"resubmits": "digest"})
    coverage = this.recover()
    assert given_up(coverage) == sorted(bad)
    assert len(this.answered(coverage)) == 36


def test_resubmitted_records_that_all_fail_again_all_stay_in_quarantine(run):
    this = run(apples(8), refusing(set(range(1, 9))), shards={"min_count": 2})
    this.index = this.index.model_copy(update={"resubmits": "digest"})
    coverage = this.recover()
    assert (given_up(coverage), coverage.parts) == (list(range(1, 9)), ())


def test_a_limit_of_rounds_loads_the_rest_where_the_pipeline_says_so(run):
    limits = {"bad_records": "50%", "max_rounds": 1, "on_limit": "load_rest"}
    this = run(apples(30_000), refusing({500}), simulated={"batch": 1000},
               shards={"min_count": 4}, limits=limits)  # fmt: skip
    coverage = this.recover()
    assert len(coverage.jobs) == 1
    assert 500 in given_up(coverage)
    assert len(given_up(coverage)) < 100
    assert len(this.answered(coverage)) + len(given_up(coverage)) == 30_000


def test_rounds_that_do_not_suffice_are_not_begun(run):
    limits = {"bad_records": "50%", "max_rounds": 1}
    this = run(apples(1000), refusing({500}), shards={"min_count": 4}, limits=limits)
    with pytest.raises(LimitHit, match="set it to 2 or more"):
        this.recover()
    assert this.jobs == 1


def test_few_rounds_are_made_to_suffice_with_more_objects(run):
    limits = {"bad_records": "50%", "max_rounds": 2}
    this = run(apples(30_000), refusing({500}), simulated={"batch": 1000},
               shards={"min_count": 4}, limits=limits)  # fmt: skip
    assert given_up(this.recover()) == [500]
    assert this.service.counted == [4, 7501, 2]


REFUSED = Blame(cause=Cause.RECORD, status="400", message="no")


@pytest.fixture
def searched(run):
    """A search over forty records in four shards, after two jobs of 300 seconds."""

    def searched(*suspects, given_up=(), **changes):
        this = run(apples(40), refusing(()), shards={"min_count": 4}, limits=changes)
        known = State(
            answered=frozenset({Span(3, 9, 1)}),
            suspects=tuple(Suspect(span=span, blame=REFUSED) for span in suspects),
            given_up=dict.fromkeys(given_up, REFUSED),
        )
        recovery = this.recovery()
        search = Search(run=recovery, state=known, parts={}, jobs=[this.job, this.job])
        return search, recovery.extracted(this.service.objects)

    return searched


@pytest.mark.parametrize(
    ("bad", "on_limit", "diagnoses"), [(1, "fail", 1), (0, "fail", 0), (1, "load_rest", 0)]
)
def test_a_round_looks_for_a_record_to_name_once_too_many_are_bad(
    searched, bad, on_limit, diagnoses
):
    search, _ = searched(given_up=[Span(0, 0, 1)][:bad], bad_records=0, on_limit=on_limit)
    search.add(sent(), search.jobs[0], Outcome(parts={}, blamed={}), "digest")
    assert search.diagnoses == diagnoses


@pytest.mark.parametrize(("before", "broken"), [(timedelta(0), 1), (timedelta(seconds=1), 0)])
def test_only_what_was_before_the_task_was_cleared_is_forgiven(searched, before, broken):
    search, _ = searched(Span(0, 0, 10))
    search.state = replace(
        search.state, suspects=tuple(replace(each, broken=1) for each in search.state.suspects)
    )
    job = search.jobs[0]
    search.run = replace(search.run, since=job.created + before)
    search.forgive(job)
    assert [each.broken for each in search.state.suspects] == [broken]


def test_the_hours_of_jobs_are_those_of_each_instance():
    assert hours_of([]) == 0
    assert hours_of([a_job(), a_job()]) == 2 * 2 * 60 / 3600


def sent(*spans):
    suspect = Suspect(span=Span(0, 0, 10), blame=REFUSED)
    return Round(
        number=1,
        suspects=dict.fromkeys(spans, suspect),
        controls=(),
        record_by_record=False,
        one_at_a_time=False,
    )


def test_the_error_counts_what_is_left_and_names_it(searched):
    search, extracted = searched(
        Span(3, 2, 2), Span(1, 0, 10), Span(2, 0, 1), given_up=[Span(0, 4, 1)]
    )
    proven = replace(search.state.suspects[0], held=1)
    search.state = replace(search.state, suspects=(*search.state.suspects[1:], proven))
    search.contents = ["digest"]
    assert str(ended(search, extracted, "it is enough")) == (
        "14 records have no prediction, and it is enough. Nothing was loaded; the outputs stay."
        " After 1 further job:\n"
        "  part-00000.csv, line 5, id 5: the model refused a record: 400 no\n"
        "  part-00002.csv, line 1, id 21: the model refused a record: 400 no\n"
        "  part-00003.csv, lines 3 to 4: the model refused a record: 400 no\n"
        "  part-00001.csv, lines 1 to 10: the model refused a record: 400 no"
    )


@pytest.mark.parametrize(("spans", "more"), [(9, ""), (10, ""), (11, "\n  and 1 more")])
def test_ten_of_what_is_left_are_named(searched, spans, more):
    singles = [Span(shard, first, 1) for shard in range(2) for first in range(10)]
    search, extracted = searched(*singles[:3], given_up=singles[3:spans])
    named = str(ended(search, extracted, "it is enough")).partition("further jobs:")[2]
    assert named.count("id ") == min(spans, 10)
    assert named.partition("id 10: the model refused a record: 400 no")[2] == more


def test_the_first_job_tells_what_the_next_one_takes(searched):
    search, _ = searched(Span(0, 0, 10), Span(1, 0, 10), max_rounds=0)
    assert not_to_pay(search, sent(Span(0, 0, 10), Span(1, 0, 10))).endswith(
        "The next job would send 20 records in 2 objects, for 0.04 instance hours or more"
    )


@pytest.mark.parametrize(
    ("hours", "words"),
    [
        (0.16, "0.17 instance hours are used"),
        (600 / 3600, "0.17 instance hours are used"),
        (0.17, None),
    ],
)
def test_no_job_is_paid_once_the_hours_are_used(searched, hours, words):
    search, _ = searched(instance_hours=hours)
    said = not_to_pay(search, sent(Span(0, 0, 1)))
    assert said is None if words is None else words in said


def test_no_job_is_paid_from_the_deadline_on(searched):
    search, _ = searched()
    ends = search.run.ends
    for seconds, is_over in ((-1, False), (0, True), (1, True)):
        now = ends + timedelta(seconds=seconds)
        search.run = replace(search.run, now=lambda now=now: now)
        assert ("deadline" in (not_to_pay(search, sent()) or "")) is is_over


@pytest.mark.parametrize("more", [0, 1])
def test_no_job_is_paid_for_more_objects_than_it_may_have(searched, more):
    search, _ = searched()
    many = sent(*(Span(0, number, 1) for number in range(MOST_PIECES + more)))
    said = not_to_pay(search, many)
    words = "to find them takes more than 120,000 objects in a job. The next job would send 120,001"
    assert words in said if more else said is None
