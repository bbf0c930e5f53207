"""What a person may ask of a run, and what is refused before anything is done."""

from datetime import UTC, date, datetime
from types import SimpleNamespace

import pytest

from batch_transform.params import problems, run_params
from batch_transform.run_partition import partition_of
from batch_transform.scoring.errors import PartitionError
from batch_transform.scoring.pipelines import read_pipeline
from tests.project import PIPELINES

SETTINGS = read_pipeline(PIPELINES / "flight_delay").settings


@pytest.mark.parametrize(
    ("conf", "problem"),
    [
        ({"Partition": "2013-06-04"}, "'Partition' is no parameter of a run; did you mean partit"),
        ({"force-rerun": True}, "'force-rerun' is no parameter of a run; did you mean force_rerun"),
        ({"date": "2013-06-04"}, "'date' is no parameter of a run; there are partition, force_rer"),
        ({"partition": 20130604}, "partition is 20130604; give the day to score as YYYY-MM-DD"),
        ({"partition": "20130604"}, "partition is '20130604'; give the day to score as YYYY-MM-DD"),
        ({"partition": "2013-02-30"}, "partition is '2013-02-30'; give the day to score as"),
        ({"partition": ["2013-06-04"]}, "partition is ['2013-06-04']; give the day to score as"),
        ({"resubmit": "false"}, "resubmit is 'false'; give true or false"),
        ({"publish_blocked": 1}, "publish_blocked is 1; give true or false"),
    ],
)
def test_each_mistake_in_a_runs_configuration_is_named(conf, problem):
    (said,) = problems(conf)
    assert said.startswith(problem)


def test_all_mistakes_are_named_at_once():
    assert len(problems({"Partition": "x", "resubmit": 1, "foo": 2})) == 3


@pytest.mark.parametrize(
    "conf", [{}, {"partition": None}, {"partition": "2013-06-04", "force_rerun": True}]
)
def test_what_a_run_may_be_given_is_no_mistake(conf):
    assert problems(conf) == []


def test_a_dag_of_ones_own_has_keys_of_its_own():
    assert problems({"customer": 5}, others=["customer"]) == []
    assert problems({"customer": 5}, others=None) == []
    assert problems({"Partition": "2013-06-04"}, others=None)
    assert problems({"partition": 5}, others=["partition"])


def context(conf, params=None):
    run = SimpleNamespace(
        conf=conf,
        partition_key=None,
        logical_date=None,
        run_type=SimpleNamespace(value="manual"),
        run_after=datetime(2013, 7, 10, 12, tzinfo=UTC),
    )
    declared = run_params() if params is None else params
    return {"dag": SimpleNamespace(params=declared), "dag_run": run, "params": conf or {}}


@pytest.mark.parametrize("conf", [None, {}, {"partition": "2013-07-09"}])
def test_a_run_scores_the_day_it_names_or_the_last_whole_one(conf):
    assert partition_of(context(conf), SETTINGS).day == date(2013, 7, 9)


def test_a_misspelt_parameter_scores_no_other_day():
    with pytest.raises(PartitionError, match="'Partition' is no parameter of a run; did you mean"):
        partition_of(context({"Partition": "2013-07-04"}), SETTINGS)
    with pytest.raises(PartitionError, match="nothing was done: 'Partition' is no parameter"):
        partition_of(context({"Partition": "2013-07-04"}, params={}), SETTINGS)
    assert partition_of(context({"customer": 5}, params={}), SETTINGS).day == date(2013, 7, 9)


@pytest.mark.parametrize("day", ["2013-05-31", "1900-01-01"])
def test_a_day_before_the_first_is_refused_with_the_setting_to_change(day):
    with pytest.raises(PartitionError, match="is before the first, which is start_date in pipel"):
        partition_of(context({"partition": day}), SETTINGS)


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_a_day_at_the_end_of_the_calendar_is_refused(day):
    with pytest.raises(PartitionError, match=f"is {day}; give a day from 1900 to 2199"):
        partition_of(context({"partition": day}), SETTINGS)
