"""What is wrong in one pipeline, or in what is asked of one run, through real Airflow."""

import shutil

import pytest

from tests.e2e.test_jobs import FLIGHTS, Jobs, Runs, until

pytestmark = pytest.mark.timeout(600)  # two waits for the DAG processor, and three runs

DAY = "2013-08-01"
OTHER_DAY = "2013-08-02"
TYPO = "typo_flights"


@pytest.fixture(scope="module")
def jobs(laptop):
    return Jobs(laptop)


@pytest.fixture
def typo(pipelines, laptop):
    """The settings of one more pipeline, which Airflow has parsed."""
    folder = pipelines / TYPO
    shutil.copytree(pipelines / FLIGHTS, folder)
    settings = folder / "pipeline.yaml"
    settings.write_text(settings.read_text().replace("predictions.flight_delay", f"p.{TYPO}"))
    until(lambda: TYPO in laptop.api.dag_ids(), "the new pipeline is a DAG")
    yield settings
    shutil.rmtree(folder)
    until(lambda: laptop.api.import_errors() == [], "its error went with it")


def test_a_letter_wrong_in_one_pipeline_leaves_the_others_and_what_runs_alone(laptop, jobs, typo):
    runs = Runs(laptop, jobs)
    jobs.order("POST", "faults", fault="frozen", times=1)
    running = runs.start(DAY)
    until(runs.is_in(running, "deferred"), "a run is in the middle")
    others = laptop.api.dag_ids() - {TYPO}

    typo.write_text(typo.read_text().replace("strategy:", "stategy:"))

    until(laptop.api.import_errors, "Airflow shows an error")
    (error,) = laptop.api.import_errors()
    assert f"Pipeline '{TYPO}' is not valid:" in error
    assert "transform.stategy: is not a setting of a pipeline; did you mean strategy?" in error
    until(lambda: laptop.api.dag_ids() == others, "the pipeline is no DAG, and all others are")
    jobs.release(DAY)
    assert laptop.finished(FLIGHTS, running) == "success"
    assert laptop.finished(FLIGHTS, runs.start(OTHER_DAY)) == "success"


def test_a_misspelt_parameter_of_a_run_scores_nothing_and_says_what_was_meant(laptop, jobs):
    run_id, state = laptop.trigger(FLIGHTS, Partition="2013-08-03")
    assert state == "failed"
    assert laptop.states(FLIGHTS, run_id)["plan"] == "failed"
    said = laptop.log_of(FLIGHTS, run_id, "plan")
    assert "'Partition' is no parameter of a run; did you mean partition?" in said


def test_a_day_before_the_first_is_refused(laptop):
    run_id, state = laptop.trigger(FLIGHTS, partition="2013-05-31")
    assert state == "failed"
    said = laptop.log_of(FLIGHTS, run_id, "plan")
    assert "Partition 2013-05-31 is before the first, which is start_date in pipeline.yaml" in said
