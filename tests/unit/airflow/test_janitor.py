"""The janitor's task: it stops the jobs that no task stops any more, and those alone."""

import pytest
from airflow.sdk.exceptions import AirflowFailException

from batch_transform.following.watch import owner_of
from batch_transform.operators.janitor import BY_HAND, StopOrphansOperator
from batch_transform.scoring.errors import AccessRefused, Unreachable
from batch_transform.scoring.names import statement_name
from batch_transform.upkeep import janitor_dag
from tests.unit.airflow.conftest import NIGHTLY, ROOT
from tests.unit.airflow.test_jobs import begin, transform
from tests.unit.scoring.conftest import make_pipeline  # noqa: F401


def sweep(world):
    """Let the janitor pass once; return the names of what it has stopped."""
    task = StopOrphansOperator(
        task_id="stop_orphans", deployment=world.deployment(), connect=world.connect
    )
    return task.execute(world.context(task_id="stop_orphans"))


@pytest.fixture
def orphan(world):
    """A job whose task a person marked failed while nobody could stop it."""
    begin(world, transform(world), world.context(), True)
    world.mark("failed")
    return world.jobs.created[0]


def foreign(world, name, **tags):
    """A job that runs for somebody else."""
    listed = [{"Key": key, "Value": value} for key, value in tags.items()]
    world.jobs.create({"TransformJobName": name, "Tags": listed})
    return world.jobs.find(name).arn


def test_an_idle_pass_is_one_call(world):
    world.jobs.refusals = []
    calls = []
    world.jobs._refuse = lambda: calls.append("a call")
    assert (sweep(world), calls) == ([], ["a call"])


def test_a_job_of_no_living_task_is_stopped_named_and_returned(world, orphan, capsys):
    assert sweep(world) == world.jobs.stopped == [orphan]
    assert f"Transform job {orphan} ran for no task that is alive: stopped" in (
        capsys.readouterr().out
    )
    assert sweep(world) == []


@pytest.mark.parametrize("state", ["deferred", "running", "up_for_retry", "scheduled", None])
def test_a_job_of_a_task_that_is_not_over_is_left_alone(world, orphan, state):
    world.mark(state)
    assert sweep(world) == []


def test_a_task_of_a_run_that_is_over_wants_no_job(world, orphan):
    world.mark("deferred")
    world.supervisor.runs_over.add(NIGHTLY)
    assert sweep(world) == [orphan]


def test_one_living_owner_is_enough(world, orphan):
    begin(world, transform(world), world.context("second", run="by hand"), True)
    world.mark("deferred", run="by hand")
    assert sweep(world) == []
    world.mark("failed", run="by hand")
    assert sweep(world) == [orphan]


def test_jobs_of_others_are_left_alone(world):
    foreign(world, "anothers")
    foreign(world, "tagged", team="risk")
    assert sweep(world) == []


def test_a_job_that_another_deployment_wants_too_is_left_to_it(world, orphan):
    theirs = owner_of(world.context(), ROOT / "staging")
    world.jobs.tag(world.jobs.find(orphan).arn, theirs.mark)
    assert sweep(world) == []


@pytest.mark.parametrize(
    ("error", "raised"),
    [(Unreachable("Rate exceeded"), Unreachable), (AccessRefused("no"), AirflowFailException)],
)
def test_a_job_that_cannot_be_asked_about_keeps_no_other_running(world, orphan, error, raised):
    arn, tags = foreign(world, "a-secret"), world.jobs.tags
    foreign(world, "after-it")

    def refusing(asked):
        if asked == arn:
            raise error
        return tags(asked)

    world.jobs.tags = refusing
    listed = world.jobs.all
    world.jobs.all = lambda: reversed(listed())  # the secret comes before the orphan
    with pytest.raises(raised):
        sweep(world)
    assert world.jobs.stopped == [orphan]


def test_a_pass_that_cannot_list_the_jobs_fails_and_is_tried_again(world, orphan):
    world.jobs.refusals = [Unreachable("Rate exceeded")]
    with pytest.raises(Unreachable):
        sweep(world)
    assert sweep(world) == [orphan]


class Statements:
    """A Data API in which some statements run."""

    def __init__(self, *names):
        self.running = {f"statement-{number}": name for number, name in enumerate(names)}
        self.cancelled = []

    def running_from(self, start):
        return [(each, name) for each, name in self.running.items() if name.startswith(start)]

    def cancel(self, statement):
        self.cancelled.append(statement)


def test_what_is_unloaded_for_no_living_task_is_stopped_and_nothing_else(world, monkeypatch):
    root = str(ROOT)
    api = Statements(
        statement_name(root, "flight_delay", "unload", NIGHTLY),
        statement_name(root, "flight_delay", "flights.unload", "it's/2013 ü"),
        statement_name(f"{root}/staging", "flight_delay", "unload", NIGHTLY),
        statement_name(root, "flight_delay", "unload", f"{BY_HAND}1"),
        statement_name(root, "x" * 250, "y" * 250, "z" * 250),
        "apples/2013-06-01/0123",
    )
    asked = []
    opened = staticmethod(lambda *place: asked.append(place) or api)
    monkeypatch.setattr(StopOrphansOperator, "open_statements", opened)
    task = StopOrphansOperator(
        task_id="stop_orphans",
        deployment=world.deployment(),
        connect=world.connect,
        unload_by=[("redshift", "mart", "")],
    )
    world.mark("deferred", task_id="unload")
    task.execute(world.context(task_id="stop_orphans"))
    assert (asked, api.cancelled) == ([("redshift", "mart", "")], ["statement-1"])
    world.mark("failed", task_id="unload")
    api.cancelled.clear()
    task.execute(world.context(task_id="stop_orphans"))
    assert api.cancelled == ["statement-0", "statement-1"]


def test_statements_are_looked_for_by_engine_connection_and_workgroup_where_athena_unloads(
    make_pipeline,  # noqa: F811
    world,
):
    athena = {"catalog": "AwsDataCatalog", "database": "lake", "workgroup": "nightly"}
    redshift = {"workgroup": "analytics", "database": "dev"}
    unloads = {"lake": athena, "mart": redshift, "snow": {"stage": "ours"}, "warehouse": None}
    pipelines = [
        make_pipeline(source={"conn_id": conn_id, **({"unload": unload} if unload else {})})
        for conn_id, unload in unloads.items()
    ]
    dag = janitor_dag(pipelines, world.deployment())
    assert dag.task_dict["stop_orphans"].unload_by == [
        ("athena", "lake", "nightly"),
        ("redshift", "mart", ""),
        ("snowflake", "snow", ""),
    ]
