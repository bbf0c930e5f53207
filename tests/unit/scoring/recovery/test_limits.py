"""What ends a search, what the error says, and what is done about the record to blame."""

import pytest

from batch_transform.scoring.errors import LimitHit
from batch_transform.scoring.testing import Refused, TimedOut
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
