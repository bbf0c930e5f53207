"""Few jobs and few objects find the bad records, however dense they are."""

import math
import random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from batch_transform.scoring.recovery import decisions
from batch_transform.scoring.recovery.cuts import MOST_PIECES, expected_bad
from batch_transform.scoring.recovery.decisions import Round, State
from batch_transform.scoring.recovery.limits import not_to_pay
from batch_transform.scoring.recovery.search import Search
from batch_transform.scoring.recovery.spans import Span
from batch_transform.scoring.recovery.suspects import Trial, failed
from tests.unit.scoring.recovery.conftest import apples, given_up, refusing
from tests.unit.scoring.recovery.densities import REFUSED, search

MILLION = 1_000_000
SIXTEEN = [62_500] * 16


def at_random(bad, of):
    return random.Random(7).sample(range(of), bad)  # any sample will do


def least_objects(bad, records):
    """The bits it takes to tell which records are bad: no object tells more than one."""
    ln = math.lgamma(records + 1) - math.lgamma(bad + 1) - math.lgamma(records - bad + 1)
    return ln / math.log(2)


def test_one_bad_record_in_a_million_takes_four_jobs():
    costs = search(SIXTEEN, {654_321}, allowed=1000)
    assert (costs.given_up, len(costs.objects)) == (1, 4)
    assert sum(costs.records) <= 1.1 * MILLION
    assert sum(costs.objects) <= 600


@pytest.mark.parametrize("bad", [16, 44, 1000])
def test_a_bad_record_in_every_shard_takes_five_jobs(bad):
    costs = search(SIXTEEN, at_random(bad, MILLION), allowed=1000)
    assert costs.given_up == bad
    assert len(costs.objects) <= 5
    assert sum(costs.objects) <= 31_000


@pytest.mark.parametrize(
    ("shards", "bad", "factor"),
    [(SIXTEEN, 10_000, 2.0), ([62_500] * 160, 10_000, 2.8)],
    ids=["in 1 M", "in 10 M"],
)
def test_dense_bad_records_take_five_jobs(shards, bad, factor):
    costs = search(shards, at_random(bad, sum(shards)), allowed=20_000)
    assert costs.given_up == bad
    assert len(costs.objects) == 5
    assert sum(costs.objects) <= factor * least_objects(bad, sum(shards))


@pytest.mark.parametrize(
    "bad",
    [range(0, MILLION, 1000), range(300_000, 305_000)],
    ids=["every 1,000th", "5,000 in a row"],
)
def test_bad_records_that_are_not_at_random_take_no_more(bad):
    costs = search(SIXTEEN, bad, allowed=5_000)
    assert costs.given_up == len(bad)
    assert len(costs.objects) <= 5


@pytest.mark.parametrize(
    ("bad", "allowed"),
    [(range(100_000), 100), (range(100_000), 2_000), (at_random(3_000, 100_000), 2_000)],
    ids=["all", "all of few", "half more than allowed"],
)
def test_more_than_is_allowed_is_certain_after_one_further_job(bad, allowed):
    costs = search([6_250] * 16, bad, allowed)
    assert (costs.stopped, len(costs.objects)) == ("bad_records", 2)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_five_jobs_do_for_whatever_is_bad_within_the_limit(data):
    shards = data.draw(st.lists(st.integers(1, 3000), min_size=1, max_size=8))
    records = sum(shards)
    some = st.sets(st.integers(0, records - 1), max_size=min(records, 300))
    start = data.draw(st.integers(0, records - 1))
    bad = data.draw(some | st.just(set(range(start, min(records, start + records // 4 + 1)))))
    assume(len(bad) < records)
    allowed = data.draw(st.integers(len(bad), records))
    costs = search(shards, bad, allowed)
    assert (costs.given_up, costs.stopped) == (len(bad), "")
    assert len(costs.objects) <= 5


@pytest.mark.parametrize("rate", [0.01, 0.3, 1.0, 3.0])
def test_the_density_is_read_from_how_many_pieces_failed(rate):
    failed = 10_000 * -math.expm1(-rate)
    assert expected_bad(failed, 10_000) == pytest.approx(rate / -math.expm1(-rate), rel=0.01)


def test_dense_bad_records_are_found_through_all_that_a_job_is(run):
    bad = set(random.Random(7).sample(range(1, 20_001), 200))
    this = run(apples(20_000), refusing(bad), shards={"min_count": 16}, limits={"bad_records": 400})
    coverage = this.recover()
    assert given_up(coverage) == sorted(bad)
    assert len(this.answered(coverage)) == 20_000 - len(bad)
    assert this.jobs <= 5
    assert sum(this.service.counted) <= 3 * least_objects(200, 20_000)


def test_no_job_is_sent_more_objects_but_where_two_of_each_suspect_are_more():
    pairs = [Span(shard=0, first=first, records=2) for first in range(0, MOST_PIECES + 2, 2)]
    state = decisions.begin([Span(shard=1, first=0, records=1)], dict.fromkeys(pairs, REFUSED), 1)
    sent = decisions.next_round(state, state.suspects, cuts_left=3)
    assert len(sent.suspects) == MOST_PIECES + 2
    fewer = decisions.next_round(state, state.suspects[:10], cuts_left=3, most=20)
    assert len(fewer.suspects) == 20


def test_more_objects_than_a_job_takes_end_the_search_before_they_are_paid(run):
    this = run(apples(40), refusing({1, 2}), shards={"min_count": 4})
    span = Span(shard=0, first=0, records=MOST_PIECES + 1)
    state = State(answered=frozenset(), suspects=(), given_up={}, rounds=1)
    this_search = Search(run=this.recovery(), state=state, parts={}, jobs=[this.job])
    one = failed(None, span, REFUSED, Trial(service_worked=True))
    sent = Round(
        number=1,
        suspects=dict.fromkeys(span.cut(span.records), one),
        controls=(),
        record_by_record=False,
        one_at_a_time=False,
    )
    assert "takes more than 120,000 objects in a job" in not_to_pay(this_search, sent)
