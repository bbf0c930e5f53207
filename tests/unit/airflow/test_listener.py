"""What the scheduler writes down of a run as it starts; tests/e2e/test_operated.py has the rest."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from batch_transform import listener
from batch_transform.timetable import PartitionTimetable

TARGET = {"conn_id": "warehouse", "table": "predictions.flights", "partition_column": "day"}
SUBJECT = {"pipeline": "flights", "timezone": "America/New_York", "target": TARGET}


def reports(*task_ids):
    """The report tasks of a serialized DAG, by which its pipelines are known."""
    return [
        SimpleNamespace(task_type="ReportOperator", task_id=task_id, subject=SUBJECT)
        for task_id in task_ids
    ]


@pytest.fixture
def started(monkeypatch):
    """Start a run, and return it."""
    monkeypatch.setattr(listener, "_session", lambda run: None)

    def started(timetable=None, tasks=reports("report"), **changes):  # noqa: B008  # it is read
        run = {
            "dag": SimpleNamespace(
                timetable=timetable or PartitionTimetable("America/New_York", "02:00"),
                tasks=tasks,
                task_dict={},
                params={},
            ),
            "conf": {},
            "partition_key": None,
            "logical_date": None,
            "run_type": "manual",
            "run_after": datetime(2013, 7, 10, 3, tzinfo=UTC),  # the 9th in New York
            "start_date": None,
            "dag_run_note": None,
            "note": None,
            "get_task_instances": lambda session: [],
        }
        run = SimpleNamespace(**{**run, **changes})
        listener.on_dag_run_running(dag_run=run)
        return run

    return started


@pytest.mark.parametrize(
    ("run", "label"),
    [
        ({}, "2013-07-08"),
        ({"conf": {"partition": "2013-06-04"}}, "2013-06-04"),
        ({"conf": None, "logical_date": datetime(2013, 6, 4, tzinfo=UTC)}, "2013-06-04"),
        ({"partition_key": "2013-06-04"}, "2013-06-04"),
        (
            {"run_type": "backfill", "logical_date": datetime(2013, 6, 4, tzinfo=UTC)},
            "2013-06-04",
        ),
    ],
)
def test_a_run_gets_the_key_of_the_partition_that_its_tasks_will_score(started, run, label):
    run = started(**run)
    assert (run.partition_key, run.note) == (label, label)


@pytest.mark.parametrize("wrong", ["yesterday", 4, ["2013-06-04"], "2013-07-09"])
def test_a_run_that_names_no_day_that_is_over_gets_none_and_its_first_task_says_why(started, wrong):
    run = started(conf={"partition": wrong})
    assert (run.partition_key, run.note) == (None, None)


def test_runs_of_other_dags_are_left_alone(started):
    run = started(tasks=[], conf={"partition": "2013-06-04"})
    assert (run.partition_key, run.note) == (None, None)


@pytest.mark.parametrize(
    ("groups", "note"),
    [
        (["flights.report"], "2013-06-04"),
        (["first.report", "second.report"], "first: 2013-06-04; second: 2013-06-04"),
    ],
)
def test_a_run_of_a_dag_of_ones_own_gets_its_note_and_keeps_its_interval(started, groups, note):
    run = started(timetable=object(), tasks=reports(*groups), conf={"partition": "2013-06-04"})
    assert run.note == note
    assert run.partition_key is None, "Airflow would forget the interval of a run with one"


@pytest.mark.parametrize(("user", "note"), [("ann", "wait"), (None, "2013-06-04")])
def test_a_note_that_a_person_has_written_stays(started, user, note):
    written = SimpleNamespace(user_id=user)
    run = started(conf={"partition": "2013-06-04"}, dag_run_note=written, note="wait")
    assert run.note == note
