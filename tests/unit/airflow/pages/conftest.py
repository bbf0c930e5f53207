"""The pages as Airflow mounts them, over a database of Airflow's with runs put there by hand."""

import json
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from airflow import models, settings
from airflow.api_fastapi import app as airflow_app
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from airflow.configuration import conf
from airflow.models.base import Base
from airflow.models.dag import DagModel
from airflow.models.dagbag import DBDagBag
from airflow.models.dagbundle import DagBundleModel
from airflow.models.dagrun import DagRun
from airflow.models.serialized_dag import SerializedDagModel
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from airflow.sdk import DAG
from airflow.serialization.definitions.dag import SerializedDAG
from airflow.serialization.serialized_objects import LazyDeserializedDAG
from airflow.utils.db import synchronize_log_template
from airflow.utils.session import create_session
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from fastapi import FastAPI
from fastapi.testclient import TestClient

from batch_transform.dag import batch_transform_group, scoring_dag
from batch_transform.report import app as pages
from batch_transform.report.subjects import _dags
from batch_transform.report.views import FASTAPI_APPS
from batch_transform.scoring.deployment import Deployment
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.pipeline import Target
from batch_transform.scoring.pipelines import read_pipeline
from batch_transform.scoring.testing import FakeAws, InMemoryObjects
from batch_transform.scoring.warehouse.files import FilesWarehouse
from batch_transform.upkeep import TAG
from tests.contract.warehouse.loads import a_load, stage_of
from tests.project import PIPELINES

ROOT = S3Uri.parse("s3://bucket/runs")
FLIGHTS, GROUPS, OTHER = "flight_delay", "two_groups", "no_pipeline"
START = datetime(2013, 6, 3, 6, tzinfo=UTC)
READER, NO_LOGS, STRANGER = "reader", "reader without logs", "stranger"
RIGHTS = {
    READER: {FLIGHTS, GROUPS, OTHER, None},
    NO_LOGS: {FLIGHTS, GROUPS, OTHER, None},
    STRANGER: set(),
}


class ByDag(SimpleAuthManager):
    """Airflow's simple login, with rights by DAG."""

    def is_authorized_dag(self, *, method, user, access_entity=None, details=None):
        if access_entity is DagAccessEntity.TASK_LOGS and user.username == NO_LOGS:
            return False
        dag_id = details.id if details else None
        return method == "GET" and dag_id in RIGHTS[user.username]


class Server:
    """Airflow's database and its server, with nothing in it but the pages."""

    def __init__(self, client):
        self.client = client
        self.aws = FakeAws()
        self.warehouse = FilesWarehouse(InMemoryObjects())
        self.lake = Target(conn_id="lake", table="s3://bucket/lake", partition_column="day")
        self.prices = {"ml.m5.large": 0.1}
        self.problem = None

    def get(self, path, user=READER, **asked):
        """Ask for a page as a user, or as nobody in particular."""
        headers = {"Authorization": f"Bearer {token_of(user)}"} if user else {}
        return self.client.get(f"/batch-transform{path}", headers=headers, **asked)

    @contextmanager
    def lend(self, target):
        if self.problem:
            raise self.problem
        yield SimpleNamespace(recent=lambda _, *asked: self.warehouse.recent(self.lake, *asked))

    def holds(self, day, rows=2, **facts):
        """Let the ledger have a load of a partition."""
        numbers = [(number, 0.5) for number in range(rows)]
        load = a_load(self.lake, day, numbers, pipeline=FLIGHTS, digest=f"{day} {rows}")
        load = replace(load, entry=replace(load.entry, profile={}, findings=[]))
        load = replace(load, entry=replace(load.entry, **facts))
        with stage_of(load, numbers) as staged:
            self.warehouse.replace(load, staged)


class Runs:
    """Puts runs into Airflow's database."""

    def add(self, run_id="nightly", dag_id=FLIGHTS, state="success", day=1, tasks=None, **xcoms):
        """Add a run that scores a day of June 2013.

        Args:
            run_id: of the run.
            dag_id: of its DAG.
            state: of the run.
            day: its partition.
            tasks: states by task id, of those that have one.
            xcoms: by task and key, ``__`` between them.
        """
        with create_session() as session:
            dag = DBDagBag().get_latest_version_of_dag(dag_id, session=session)
            run = dag.create_dagrun(
                run_id=run_id,
                logical_date=datetime(2013, 6, day, tzinfo=UTC),
                data_interval=None,
                run_after=START + timedelta(days=day),
                run_type=DagRunType.SCHEDULED,
                triggered_by=DagRunTriggeredByType.TEST,
                state=state,
                session=session,
            )
            for ti in run.task_instances:
                if ti.task_id in (tasks or {}):
                    ti.state, ti.try_number = tasks[ti.task_id], 1
                    ti.start_date, ti.end_date = START, START + timedelta(seconds=90)
                    ti.duration = 90.0
            session.flush()
            for name, value in xcoms.items():
                task_id, _, key = name.partition("__")
                row = XComModel(
                    dag_run_id=run.id, task_id=task_id.replace("_of_", "."), map_index=-1, key=key,
                    value=value, dag_id=dag_id, run_id=run_id,
                )  # fmt: skip
                session.add(row)

    def log(self, task_id, *lines, run_id="nightly", dag_id=FLIGHTS):
        """Leave a log of a task's first try."""
        folder = Path(conf.get("logging", "base_log_folder"))
        place = folder / f"dag_id={dag_id}" / f"run_id={run_id}" / f"task_id={task_id}"
        place.mkdir(parents=True, exist_ok=True)
        text = "".join(f"{json.dumps(line)}\n" for line in lines)
        (place / "attempt=1.log").write_text(text)


def token_of(user):
    manager = airflow_app.get_auth_manager()
    return manager.generate_jwt(SimpleAuthManagerUser(username=user, role="viewer"))


def _dags_of_airflow():
    pipeline = read_pipeline(PIPELINES / FLIGHTS)
    yield scoring_dag(pipeline, Deployment(root=ROOT))
    with DAG(GROUPS, schedule=None, tags={TAG}) as groups:
        batch_transform_group(pipeline, group_id="first")
        batch_transform_group(pipeline, group_id="second")
    yield groups
    yield DAG(OTHER, schedule=None)


@pytest.fixture(scope="session")
def airflow_database():
    """Airflow's tables, and DAGs with a pipeline, with two, and with none."""
    models.import_all_models()
    Base.metadata.create_all(settings.engine)
    with create_session() as session:
        synchronize_log_template(session=session)
        session.add(DagBundleModel(name="dags-folder"))
        session.flush()
        for dag in _dags_of_airflow():
            lazy = LazyDeserializedDAG.from_dag(dag)
            SerializedDAG.bulk_write_to_db("dags-folder", None, [lazy], session=session)
            SerializedDagModel.write_dag(lazy, bundle_name="dags-folder", session=session)
    _dags.cache_clear()


@pytest.fixture
def runs(airflow_database):
    yield Runs()
    with create_session() as session:
        for table in (XComModel, TaskInstance, DagRun):
            session.query(table).delete()


@pytest.fixture
def described(airflow_database):
    """Change what a DAG says of itself, for one test."""
    before = {}

    def change(dag_id, text):
        with create_session() as session:
            dag = session.get(DagModel, dag_id)
            before.setdefault(dag_id, dag.description)
            dag.description = text

    yield change
    for dag_id, text in before.items():
        change(dag_id, text)


@pytest.fixture
def server(airflow_database, monkeypatch):
    monkeypatch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", "of 64 bytes, as its algorithm wants " * 2)
    manager = ByDag()
    manager.init()
    monkeypatch.setattr(airflow_app._AuthManagerState, "instance", manager)
    parent = FastAPI()
    for mounted in FASTAPI_APPS:
        parent.mount(mounted["url_prefix"], mounted["app"])
    with TestClient(parent, raise_server_exceptions=False) as client:
        server = Server(client)
        replacements = {
            pages.deployment: lambda: Deployment(root=ROOT, prices=server.prices),
            pages.aws: lambda: server.aws,
            pages.lend: lambda: server.lend,
        }
        monkeypatch.setattr(pages.app, "dependency_overrides", replacements)
        yield server
