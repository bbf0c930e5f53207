"""What a run will take, after those before it."""

from datetime import UTC, date, datetime

import pytest

from batch_transform.scoring.pipeline import Transform
from batch_transform.scoring.planning.effort import effort, usd
from batch_transform.scoring.warehouse.ledger import Entry

PRICES = {"ml.m5.large": 3.6}
TRANSFORM = Transform(instance_type="ml.m5.large", instance_count=2, strategy="MultiRecord")


def an_entry(**changes):
    facts = {
        "pipeline": "apples",
        "partition": date(2013, 6, 1),
        "digest": "a",
        "run_id": "run",
        "job_name": "job",
        "model": "apples",
        "source_rows": 100,
        "oversized": 0,
        "records": 100,
        "quarantined": 0,
        "rows": 100,
        "loaded_at": datetime(2013, 6, 2, tzinfo=UTC),
        "transform_jobs": 1,
        "instance_type": "ml.m5.large",
        "instance_count": 2,
        "transform_seconds": 50.0,
    }
    return Entry(**{**facts, **changes})


def test_as_many_records_take_as_long_and_cost_as_much():
    found = effort([an_entry()], 100, TRANSFORM, PRICES)
    assert (found.seconds, found.instance_hours) == (50, pytest.approx(100 / 3600))
    assert found.cost == pytest.approx(0.1)
    assert str(found) == (
        "about 50 s and 0.028 instance hours, 0.10 USD, after the last run on ml.m5.large"
    )


def test_more_records_take_longer_and_few_no_less_than_the_quickest_run():
    before = [an_entry(), an_entry(transform_seconds=60, records=100), an_entry(records=50)]
    assert effort(before, 1000, TRANSFORM, PRICES).seconds == pytest.approx(600)
    assert effort(before, 1, TRANSFORM, PRICES).seconds == 50


def test_unknown_records_are_as_many_as_mostly():
    before = [an_entry(), an_entry(records=200, transform_seconds=100), an_entry(records=1000)]
    assert effort(before, None, TRANSFORM, PRICES) == effort(before, 200, TRANSFORM, PRICES)


def test_twice_the_instances_take_half_the_time_for_the_same_money():
    four = TRANSFORM.model_copy(update={"instance_count": 4})
    found = effort([an_entry()], 100, four, PRICES)
    assert (found.seconds, found.cost) == (25, pytest.approx(0.1))


@pytest.mark.parametrize(
    "entry",
    [
        an_entry(instance_type="ml.c5.large"),
        an_entry(transform_seconds=None),
        an_entry(records=0),
        an_entry(transform_seconds=0),
    ],
)
def test_what_says_nothing_is_passed_over(entry):
    assert effort([entry], 100, TRANSFORM, PRICES) is None
    assert effort([entry, an_entry()], 100, TRANSFORM, PRICES).runs == 1


def test_without_a_price_there_is_no_number():
    found = effort([an_entry()], 100, TRANSFORM, {"ml.c5.large": 1})
    assert found.cost is None
    assert "USD" not in str(found)


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0, "0.00"), (12, "12.00"), (0.1234, "0.12"), (0.01, "0.01"), (8.4e-5, "0.00008")],
)
def test_an_amount_is_in_cents_or_in_fractions_of_one_and_never_in_powers(amount, text):
    assert usd(amount) == text


def test_an_effort_without_a_price_is_told_without_one():
    found = effort([an_entry(), an_entry()], 100, TRANSFORM, {})
    assert str(found) == (
        "about 50 s and 0.028 instance hours, after the last 2 runs on ml.m5.large"
    )
