"""What is wrong in one pipeline, through real Airflow."""

import shutil

import pytest

from tests.e2e.conftest import FLIGHTS
from tests.e2e.test_jobs import Jobs, Runs, until

DAY = "2013-08-01"
TYPO = "typo_flights"


@pytest.fixture
def typo(pipelines, laptop):
    """The settings of one more pipeline, which Airflow has parsed."""
    folder = pipelines / TYPO
    shutil.copytree(pipelines / FLIGHTS, folder)
    settings = folder / "pipeline.yaml"
    settings.write_text(settings.read_text().replace("predictions.flight_delay", f"p.{TYPO}"))
    laptop.reparse()
    until(lambda: TYPO in laptop.api.dag_ids(), "the new pipeline is a DAG")
    yield settings
    shutil.rmtree(folder)
    laptop.reparse()
    until(lambda: laptop.api.import_errors() == [], "its error went with it")


def test_a_letter_wrong_in_one_pipeline_leaves_the_others_and_what_runs_alone(laptop, typo):
    jobs = Jobs(laptop)
    runs = Runs(laptop, jobs)
    jobs.order("POST", "faults", fault="frozen", times=1)
    running = runs.start(DAY)
    until(runs.is_in(running, "deferred"), "a run is in the middle")
    others = laptop.api.dag_ids() - {TYPO}

    typo.write_text(typo.read_text().replace("strategy:", "stategy:"))
    laptop.reparse()

    until(laptop.api.import_errors, "Airflow shows an error")
    (error,) = laptop.api.import_errors()
    assert f"Pipeline '{TYPO}' is not valid:" in error
    assert "transform.stategy: is not a setting of a pipeline; did you mean strategy?" in error
    until(lambda: laptop.api.dag_ids() == others, "the pipeline is no DAG, and all others are")
    jobs.release(DAY)
    assert laptop.finished(FLIGHTS, running) == "success"
    _, state = laptop.trigger(FLIGHTS, partition=DAY, dry_run=True)
    assert state == "success"
