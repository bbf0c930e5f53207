"""How runs are named, and what the scheduler writes down of them, in Airflow's database."""

import pytest
from airflow.api.common.trigger_dag import trigger_dag
from airflow.models.dagbag import DBDagBag
from airflow.models.dagrun import DagRun
from airflow.models.pool import Pool
from airflow.models.serialized_dag import SerializedDagModel
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from airflow.sdk import DAG
from airflow.serialization.definitions.dag import SerializedDAG
from airflow.serialization.serialized_objects import LazyDeserializedDAG
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState
from airflow.utils.types import DagRunTriggeredByType

from batch_transform import listener
from batch_transform.dag import batch_transform_group
from batch_transform.params import run_params
from batch_transform.pools import UNFIT_POOL
from tests.project import PIPELINES
from tests.unit.airflow.pages.conftest import FLIGHTS, GROUPS

OWN, FOREIGN = "own", "foreign"
LOADED = {"rows": 960, "quarantined": 2, "published": True}


@pytest.fixture(scope="module")
def own_dags(airflow_database):
    """DAGs of one's own with a pipeline: with our parameters, and with none."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("BATCH_TRANSFORM_POOLS", "true")
        with create_session() as session:
            for dag_id, params in ((OWN, run_params()), (FOREIGN, {})):
                with DAG(dag_id, schedule=None, params=params) as dag:
                    batch_transform_group(PIPELINES / "flight_delay", group_id="flights")
                lazy = LazyDeserializedDAG.from_dag(dag)
                SerializedDAG.bulk_write_to_db("dags-folder", None, [lazy], session=session)
                SerializedDagModel.write_dag(lazy, bundle_name="dags-folder", session=session)


@pytest.fixture
def pools():
    """Make pools that go with the test."""
    with create_session() as session:
        session.merge(Pool(pool="transform-ml.m5.large", slots=4, include_deferred=True))
        session.merge(Pool(pool="transform-ml.c5.xlarge", slots=2, include_deferred=True))
    yield
    with create_session() as session:
        session.query(Pool).filter(Pool.pool.like("transform-%")).delete()


@pytest.fixture
def passed(own_dags, runs):
    """Let the scheduler notice that a run has begun, or has ended; return what it then says."""

    def passed(dag_id, to, conf=None, **run):
        runs.add(dag_id=dag_id, day=4, state=to, **run)
        with create_session() as session:
            row = session.query(DagRun).filter_by(dag_id=dag_id).one()
            row.dag = DBDagBag().get_latest_version_of_dag(dag_id, session=session)
            row.conf = conf or {}
            getattr(listener, f"on_dag_run_{DagRunState(to).value}")(dag_run=row)
            session.flush()
            slots = {ti.task_id: (ti.pool, ti.pool_slots) for ti in row.task_instances}
            left = session.query(XComModel).filter_by(key=UNFIT_POOL).all()
            return row.note, slots, {each.task_id: each.value for each in left}

    return passed


def test_a_triggered_run_and_its_tasks_are_named_by_its_partition(runs):
    triggered = {"triggered_by": DagRunTriggeredByType.TEST, "conf": {"partition": "2013-06-20"}}
    with create_session() as session:
        run = trigger_dag(FLIGHTS, **triggered, session=session)
        name = f"manual__2013-06-20__{run.run_after.isoformat()}"
        assert run.run_id == name
        found = session.query(DagRun.run_id, TaskInstance.run_id).join(DagRun.task_instances).all()
        assert set(found) == {(name, name)}


def test_a_run_says_the_day_that_its_group_will_score(passed):
    note, _, _ = passed(OWN, "running")
    assert note == "2013-06-04"


def test_a_run_says_what_its_group_has_done(passed):
    note, _, _ = passed(OWN, "success", flights_of_load__return_value=LOADED)
    assert note == "2013-06-04 · 960 rows · 2 quarantined"


def test_a_run_says_it_of_each_of_its_groups_and_where_one_failed(passed):
    note, _, _ = passed(
        GROUPS,
        "failed",
        tasks={"second.extract": "failed"},
        first_of_load__return_value=LOADED,
    )
    first = "first: 2013-06-04 · 960 rows · 2 quarantined"
    assert note == f"{first}; second: 2013-06-04 · failed in extract"


def test_a_group_waits_in_the_pool_of_what_its_run_asks_for(passed, pools):
    asked = {"instance_type": "ml.c5.xlarge", "instance_count": 2}
    _, slots, left = passed(OWN, "running", asked)
    assert slots["flights.transform"] == slots["flights.recover"] == ("transform-ml.c5.xlarge", 2)
    assert slots["flights.report"] == ("default_pool", 1)
    assert left == {"flights.report": ""}


def test_a_group_whose_pool_is_missing_goes_without_and_is_told(passed, pools):
    _, slots, left = passed(OWN, "running", {"instance_type": "ml.p3.2xlarge"})
    assert slots["flights.transform"] == ("default_pool", 1)
    assert "There is no pool transform-ml.p3.2xlarge" in left["flights.report"]


def test_what_a_dag_without_our_parameters_means_by_their_names_is_its_own(passed, pools):
    _, slots, _ = passed(FOREIGN, "running", {"instance_type": "ml.c5.xlarge"})
    assert slots["flights.transform"][0] == "transform-ml.m5.large"
