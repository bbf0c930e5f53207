"""What a person may ask of a run, and what is refused before anything is done."""

import re
from datetime import UTC, date, datetime
from types import SimpleNamespace

import pytest

from batch_transform.params import problems, run_params
from batch_transform.scoring.asked import Asked
from batch_transform.scoring.errors import PartitionError, RunRefused
from batch_transform.scoring.pipelines import read_pipeline
from batch_transform.this_run import asked_of, partition_of
from tests.project import PIPELINES, PROJECT

SETTINGS = read_pipeline(PIPELINES / "flight_delay").settings


@pytest.mark.parametrize(
    ("conf", "problem"),
    [
        ({"Partition": "2013-06-04"}, "'Partition' is no parameter of a run; did you mean partit"),
        ({"force-rerun": True}, "'force-rerun' is no parameter of a run; did you mean force_rerun"),
        ({"date": "2013-06-04"}, "'date' is no parameter of a run; there are partition, dry_run,"),
        ({"partition": 20130604}, "partition is 20130604; give the day to score as YYYY-MM-DD"),
        ({"partition": "20130604"}, "partition is '20130604'; give the day to score as YYYY-MM-DD"),
        ({"partition": "2013-02-30"}, "partition is '2013-02-30'; give the day to score as"),
        ({"partition": ["2013-06-04"]}, "partition is ['2013-06-04']; give the day to score as"),
        ({"resubmit": "false"}, "resubmit is 'false'; give true or false"),
        ({"publish_blocked": 1}, "publish_blocked is 1; give true or false"),
        ({"publish": None}, "publish is None; give true or false"),
        ({"model": "a_b"}, "model is 'a_b'; give the name of a SageMaker model, or the ARN of a"),
        ({"model": ""}, "model is ''; give the name of a SageMaker model"),
        ({"instance_type": "m5"}, "instance_type is 'm5'; give an instance type, such as ml.m5.l"),
        ({"instance_count": 0}, "instance_count is 0; give a whole number from 1 to 100"),
        ({"instance_count": "2"}, "instance_count is '2'; give a whole number from 1 to 100"),
        ({"max_concurrent_transforms": 101}, "max_concurrent_transforms is 101; give a whole num"),
        ({"sample": True}, "sample is True; give a whole number from 1 to 1000000000"),
        ({"sample": 1.5}, "sample is 1.5; give a whole number from 1 to 1000000000"),
        ({"cost_cap": 0}, "cost_cap is 0; give an amount of USD above 0, such as 1.5"),
        ({"cost_cap": "1"}, "cost_cap is '1'; give an amount of USD above 0, such as 1.5"),
        ({"cost-cap": 1}, "'cost-cap' is no parameter of a run; did you mean cost_cap?"),
    ],
)
def test_each_mistake_in_a_runs_configuration_is_named(conf, problem):
    (said,) = problems(conf)
    assert said.startswith(problem)


def test_all_mistakes_are_named_at_once():
    assert len(problems({"Partition": "x", "resubmit": 1, "foo": 2})) == 3


@pytest.mark.parametrize(
    "conf",
    [
        {},
        {"partition": None, "model": None, "sample": None, "cost_cap": None},
        {"partition": "2013-06-04", "force_rerun": True, "sample": 1, "cost_cap": 0.5},
        {"model": "arn:aws:sagemaker:us-east-1:123456789012:model-package/churn/3"},
        {"model": "flight-delay-2", "instance_type": "ml.m5.xlarge", "instance_count": 100},
    ],
)
def test_what_a_run_may_be_given_is_no_mistake(conf):
    assert problems(conf) == []


def test_a_dag_of_ones_own_has_keys_of_its_own():
    assert problems({"customer": 5}, others=["customer"]) == []
    assert problems({"customer": 5}, others=None) == []
    assert problems({"Partition": "2013-06-04"}, others=None)
    assert problems({"partition": 5}, others=["partition"])
    assert problems({"model": 5, "samples": 1, "published": 1}, others=None) == []


def test_the_page_has_each_parameter():
    page = (PROJECT / "docs" / "pipeline.md").read_text()
    table = re.search(r"^\| parameter \| asks for \|.*\n.*\n((?:\|.*\n)+)", page, re.MULTILINE)[1]
    first = [row.split("|")[1] for row in table.splitlines()]
    named = {name for cell in first for name in re.findall(r"`(\w+)`", cell)}
    assert named == set(run_params())


def test_each_parameter_is_read():
    params = {name: param.value for name, param in run_params().items()}
    assert Asked.of(params) == Asked()
    read = set(Asked.__dataclass_fields__) | {"partition"}
    assert read == set(params)


def test_what_is_called_like_ours_in_a_dag_of_ones_own_is_not_ours():
    ours = context({"model": "pears"})
    assert asked_of(ours) == Asked(model="pears")
    assert asked_of(context({"model": "pears"}, params={"model": "x"})) == Asked()


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
    with pytest.raises(RunRefused, match="'Partition' is no parameter of a run; did you mean"):
        partition_of(context({"Partition": "2013-07-04"}), SETTINGS)
    with pytest.raises(RunRefused, match="nothing was done: 'Partition' is no parameter"):
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
