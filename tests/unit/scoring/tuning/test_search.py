"""The search finds what a sweep of everything finds, with few jobs, on containers of many kinds."""

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_transform.scoring.tuning.trial import (
    CONCURRENCIES,
    PAYLOADS_MB,
    Seen,
    Trial,
    startup_seconds,
)
from batch_transform.scoring.tuning.uphill import Search

RECORDS = 100_000
START = Trial(
    instance_type="ml.m5.large",
    strategy="MultiRecord",
    max_payload_mb=6,
    max_concurrent_transforms=4,
)
GRID = [
    trial
    for strategy, payload, concurrency in product(
        ("MultiRecord", "SingleRecord"), PAYLOADS_MB, CONCURRENCIES
    )
    if (
        trial := replace(
            START,
            strategy=strategy,
            max_payload_mb=payload,
            max_concurrent_transforms=concurrency,
        )
    ).is_allowed
]


def container(parallel, overhead, each=0.0002, contention=0.0, most_mb=25, record_mb=0.0005):
    """How long a container takes: requests side by side, each with an overhead, until it is full.

    Args:
        parallel: requests that it really serves at once.
        overhead: seconds of a request, whatever is in it.
        each: seconds of a record.
        contention: by what share each request more than it serves slows all down.
        most_mb: the largest request that it survives.
        record_mb: size of a record.
    """

    def measure(trial):
        single = trial.strategy == "SingleRecord"
        size = record_mb if single else trial.max_payload_mb
        if size > most_mb:
            return Seen(trial=trial, records=RECORDS, seconds=60, problem="the container ended")
        records = 1 if single else max(1, int(size / record_mb))
        crowd = trial.max_concurrent_transforms
        slowed = 1 + contention * max(0, crowd - parallel)
        request = (overhead + records * each) * slowed
        seconds = RECORDS / records * request / min(crowd, parallel)
        return Seen(trial=trial, records=RECORDS, seconds=seconds)

    return measure


class Counted:
    """A container whose jobs are counted."""

    def __init__(self, measure):
        self.measure, self.jobs = measure, 0

    def __call__(self, trial):
        self.jobs += 1
        return self.measure(trial)


@pytest.mark.parametrize("parallel", [1, 2, 8, 16])
@pytest.mark.parametrize("most_mb", [2, 6, 25])
@pytest.mark.parametrize("overhead", [0.001, 0.5])
def test_the_best_is_found_with_a_fifth_of_the_jobs(parallel, most_mb, overhead):
    measure = container(parallel, overhead, contention=0.05, most_mb=most_mb)
    counted = Counted(measure)
    best = Search(measure=counted).best(START)
    fastest = min(seen.seconds for trial in GRID if not (seen := measure(trial)).problem)
    assert measure(best).problem == ""
    assert measure(best).seconds <= 1.1 * fastest
    assert counted.jobs <= len(GRID) / 5


@given(
    parallel=st.integers(1, 64),
    overhead=st.floats(0.0, 2.0),
    most_mb=st.integers(1, 25),
    start=st.sampled_from(GRID),
)
def test_what_is_found_is_never_worse_than_the_start(parallel, overhead, most_mb, start):
    measure = container(parallel, overhead, contention=0.02, most_mb=most_mb)
    best = Search(measure=measure).best(start)
    if not measure(start).problem:
        assert measure(best).seconds <= measure(start).seconds
    assert best.is_allowed


def test_money_decides_where_prices_are_known():
    def measure(trial):
        large = trial.instance_type == "ml.m5.4xlarge"
        return replace(container(4, 0.01)(trial), seconds=10 if large else 20)

    kinds = ["ml.m5.4xlarge"]
    assert Search(measure=measure).best(START, kinds).instance_type == "ml.m5.4xlarge"
    prices = {"ml.m5.large": 0.1, "ml.m5.4xlarge": 0.8}
    assert Search(measure=measure, prices=prices).best(START, kinds).instance_type == "ml.m5.large"


def test_a_budget_that_is_used_up_ends_the_search_with_what_is_known():
    left = [container(8, 0.1)] * 2

    def measure(trial):
        return left.pop()(trial) if left else None

    best = Search(measure=measure).best(START)
    assert best.max_concurrent_transforms == 8


@given(
    startup=st.floats(0, 600),
    speed=st.floats(1, 1e5),
    less=st.integers(1, 1000),
    times=st.integers(2, 9),
)
def test_the_start_is_what_two_jobs_have_in_common(startup, speed, less, times):
    few, many = (
        Seen(trial=START, records=each, seconds=startup + each / speed)
        for each in (less, less * times)
    )
    assert startup_seconds(few, many) == pytest.approx(startup, abs=1e-6 * many.seconds + 1e-9)


def test_two_jobs_that_say_nothing_give_no_start():
    few = Seen(trial=START, records=10, seconds=9)
    many = Seen(trial=START, records=100, seconds=8)
    assert startup_seconds(few, many) <= 8
    assert startup_seconds(replace(few, problem="ended"), many) == 0


def measured(values, problems=()):
    """A container whose records a second are given by instance type; more is never better."""

    def measure(trial):
        speed = values[trial.instance_type] / trial.max_concurrent_transforms
        problem = "ended" if trial.instance_type in problems else ""
        return Seen(trial=trial, records=RECORDS, seconds=RECORDS / speed, problem=problem)

    return measure


@pytest.mark.parametrize(
    ("speed", "is_better"), [(0.5, False), (1.0, False), (1.04, False), (1.06, True)]
)
def test_what_is_better_by_less_than_noise_changes_nothing(speed, is_better):
    measure = measured({"ml.m5.large": 1.0, "ml.m5.xlarge": speed})
    best = Search(measure=measure).best(START, ["ml.m5.xlarge"])
    assert best.instance_type == ("ml.m5.xlarge" if is_better else "ml.m5.large")


@pytest.mark.parametrize(("price", "is_better"), [(0.9, True), (1.2, False)])
def test_a_type_without_a_price_counts_as_one_of_one_dollar(price, is_better):
    measure = measured({"ml.m5.large": 1.0, "ml.m5.xlarge": 1.0})
    best = Search(measure=measure, prices={"ml.m5.xlarge": price}).best(START, ["ml.m5.xlarge"])
    assert best.instance_type == ("ml.m5.xlarge" if is_better else "ml.m5.large")


def test_a_type_that_is_not_measured_any_more_is_not_chosen():
    def measure(trial):
        known = trial.instance_type == "ml.m5.large"
        return replace(container(4, 0.01)(trial), seconds=10**7) if known else None

    best = Search(measure=measure).best(START, ["ml.m5.xlarge"])
    assert best.instance_type == "ml.m5.large"


def test_the_payload_of_single_records_is_left_as_it_is():
    counted = Counted(container(4, 0.01))
    start = replace(START, strategy="SingleRecord")
    search = Search(measure=counted)
    search.best(start)
    payloads = {t.max_payload_mb for t in search.seen if t.strategy == "SingleRecord"}
    assert payloads == {START.max_payload_mb}


def test_where_every_container_ends_the_settings_stay():
    def ends(trial):
        return Seen(trial=trial, records=RECORDS, seconds=60, problem="the container ended")

    assert Search(measure=ends).best(START, ["ml.c5.large"]) == START
