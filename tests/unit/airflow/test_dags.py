"""The DAGs as Airflow parses them: that they are there, how they are wired, and house policy."""

import copy
import itertools
import json
import os
import shutil
import subprocess
import sys
from datetime import timedelta

import pytest
import yaml
from airflow.dag_processing.dagbag import DagBag
from airflow.providers.amazon.aws.operators.sagemaker import SageMakerTransformOperator
from airflow.providers.amazon.aws.sensors.sagemaker import SageMakerTransformSensor
from airflow.sdk import DAG
from airflow.sdk.definitions._internal.dag_parsing_context import _airflow_parsing_context_manager
from airflow.sdk.exceptions import ParamValidationError
from airflow.serialization.serialized_objects import DagSerialization
from airflow.timetables.base import TimeRestriction

from batch_transform import dag as module
from batch_transform.pools import place_of
from batch_transform.scoring.deployment import Deployment
from batch_transform.scoring.errors import PipelineInvalid
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.pipelines import read_pipeline
from batch_transform.tasks import tasks_of
from batch_transform.timetable import PartitionTimetable
from batch_transform.upkeep import JANITOR
from tests.fuzz import mutated
from tests.project import PIPELINES, readme_block

EVERY = {"flight_delay", "support_sentiment", "again", JANITOR}

DAGS = os.environ["AIRFLOW__CORE__DAGS_FOLDER"]
DAG_FILE = f"{DAGS}/batch_transform.py"
TASKS, SLICED_TASKS = ([task.task_id for task in tasks_of(slices)] for slices in (1, 3))


def parse(file=DAGS):
    return DagBag(file, bundle_path=DAGS, bundle_name="dags-folder")


@pytest.fixture(scope="module")
def dags():
    bag = parse()
    assert bag.import_errors == {}
    return bag.dags


@pytest.fixture(params=["flight_delay", "support_sentiment"])
def dag(dags, request):
    return dags[request.param]


def test_each_pipeline_folder_is_one_dag(dags):
    assert set(dags) == {JANITOR, *(folder.name for folder in PIPELINES.iterdir())}


def test_the_tasks_follow_each_other(dag):
    assert [task.task_id for task in dag.topological_sort()] == TASKS
    for upstream, downstream in itertools.pairwise(TASKS):
        assert downstream in dag.get_task(upstream).downstream_task_ids


def test_transform_and_wait_are_the_providers(dag):
    transform, wait = dag.get_task("transform"), dag.get_task("wait")
    assert isinstance(transform, SageMakerTransformOperator)
    assert isinstance(wait, SageMakerTransformSensor)
    assert transform.retry_policy is not None
    assert transform.config["DataProcessing"]["JoinSource"] == "Input"
    assert transform.config["TransformInput"]["SplitType"] == "Line"
    assert transform.deferrable
    assert wait.job_name.operator is transform, "the job it has, whatever it is called"


def test_transform_takes_a_slot_for_each_instance_where_pools_are_used(monkeypatch):
    assert parse().dags["flight_delay"].get_task("transform").pool == "default_pool"
    monkeypatch.setenv("BATCH_TRANSFORM_POOLS", "true")
    dag = parse().dags["flight_delay"]
    transform, recover = dag.get_task("transform"), dag.get_task("recover")
    for task in (transform, recover):
        assert (task.pool, task.pool_slots) == ("transform-ml.m5.large", 2)
    assert recover.weight_rule == "absolute"
    assert recover.priority_weight > len(dag.tasks), "a run that is nearly done goes first"


def test_a_run_may_force_a_new_job(dag):
    force = copy.deepcopy(dag.params.get_param("force_rerun"))
    assert force.resolve() is False
    with pytest.raises(ParamValidationError):
        force.resolve("often")


def test_a_partition_without_records_still_reaches_load(dag):
    assert dag.get_task("load").trigger_rule == "none_failed"


def test_a_run_takes_a_partition_or_nothing(dag):
    partition = copy.deepcopy(dag.params.get_param("partition"))
    assert partition.resolve() is None
    assert partition.resolve("2013-06-01") == "2013-06-01"
    with pytest.raises(ParamValidationError, match="yesterday"):
        partition.resolve("yesterday")


@pytest.fixture
def with_settings(tmp_path, monkeypatch):
    """A function that returns the DAG of a pipeline with further settings."""

    def with_settings(**more):
        shutil.copytree(PIPELINES / "flight_delay", tmp_path / "flight_delay")
        file = tmp_path / "flight_delay" / "pipeline.yaml"
        settings = yaml.safe_load(file.read_text())
        file.write_text(yaml.safe_dump({**settings, **more}))
        monkeypatch.setenv("BATCH_TRANSFORM_PIPELINES", str(tmp_path))
        bag = parse()
        assert bag.import_errors == {}
        return bag.dags["flight_delay"]

    return with_settings


@pytest.fixture(params=[{"slices": 3}, {"ranges": [10, 20]}], ids=str)
def sliced(request, with_settings):
    """The DAG of a pipeline whose extract is cut into three slices."""
    return with_settings(extract=request.param)


def test_slices_are_mapped_tasks_and_one_joins_them(sliced):
    assert [task.task_id for task in sliced.topological_sort()] == SLICED_TASKS
    for upstream, downstream in itertools.pairwise(SLICED_TASKS):
        assert downstream in sliced.get_task(upstream).downstream_task_ids
    extract = sliced.get_task("extract")
    assert extract.is_mapped
    assert extract.expand_input.value == {"slice_number": [0, 1, 2]}
    assert sliced.get_task("join_slices").indexes.operator is extract
    for reader in ("build_manifest", "transform", "wait", "load"):
        assert sliced.get_task(reader).index.operator.task_id == "join_slices"


def test_a_slice_has_its_number_and_says_which_ids_it_has(sliced):
    third = sliced.get_task("extract").unmap({"slice_number": 2})
    assert third.part.number == 2
    assert third.part.label in ("ids that are 2 modulo 3", "ids from 20 on")


def test_what_airflow_keeps_of_a_mapped_task_is_short(sliced):
    (kept,) = (
        task["__var"]["partial_kwargs"]
        for task in DagSerialization.to_dict(sliced)["dag"]["tasks"]
        if task["__var"]["task_id"] == "extract"
    )
    assert kept["pipeline"] == "flight_delay"


@pytest.mark.parametrize(("slices", "at_once"), [(40, 40), (2, 16)])
def test_as_many_tasks_may_run_at_once_as_there_are_slices(with_settings, slices, at_once):
    assert with_settings(extract={"slices": slices}).max_active_tasks == at_once


JOBS = ("build_manifest", "transform", "wait", "recover")


@pytest.fixture
def shared(with_settings):
    """The DAG of a pipeline whose records three jobs share."""
    transform = {"instance_type": "ml.m5.large", "strategy": "MultiRecord", "jobs": 3}
    return with_settings(extract={"slices": 7}, transform=transform)


def test_several_jobs_are_mapped_tasks_under_the_names_of_one(shared):
    assert [task.task_id for task in shared.topological_sort()] == SLICED_TASKS
    for upstream, downstream in itertools.pairwise(SLICED_TASKS):
        assert downstream in shared.get_task(upstream).downstream_task_ids
    kept = DagSerialization.from_dict(DagSerialization.to_dict(shared))
    counts = {task_id: kept.get_task(task_id).get_parse_time_mapped_ti_count() for task_id in JOBS}
    assert counts == dict.fromkeys(JOBS, 3), "known before a run, for the pools of each"
    for task_id in JOBS:
        index = shared.get_task(task_id).index
        assert (index.operator.task_id, index.key) == ("join_slices", "indexes")
    load = shared.get_task("load")
    assert load.index.key == "index"
    assert load.get_closest_mapped_task_group() is None


def test_each_of_several_jobs_takes_its_own_slots(with_settings, monkeypatch):
    monkeypatch.setenv("BATCH_TRANSFORM_POOLS", "true")
    transform = {"instance_type": "ml.m5.large", "strategy": "MultiRecord", "jobs": 3}
    task = with_settings(extract={"slices": 7}, transform=transform).get_task("transform")
    assert (task.pool, task.pool_slots) == ("transform-ml.m5.large", 1)


def test_several_jobs_in_a_dag_of_ones_own_keep_the_groups_names(with_settings, tmp_path):
    with_settings(
        extract={"slices": 2},
        transform={"instance_type": "ml.m5.large", "strategy": "MultiRecord", "jobs": 2},
    )
    with DAG("own", schedule=None) as dag:
        module.batch_transform_group(tmp_path / "flight_delay", group_id="flights")
    assert [task.task_id for task in dag.topological_sort()] == [
        f"flights.{task_id}" for task_id in SLICED_TASKS
    ]
    assert {task.owner for task in dag.tasks} == {"data-science"}
    assert len({task.execution_timeout for task in dag.tasks}) == 1


WORKERS = {"queue": "scoring", "pool": "nightly", "executor_config": {"memory": "1GB"}}
OF_SLICES = {"pool": "slices", "executor_config": {"memory": "4GB"}}


def test_tasks_run_where_the_pipeline_says(with_settings, monkeypatch):
    monkeypatch.setenv("BATCH_TRANSFORM_POOLS", "true")
    extract = {"slices": 3, "workers": OF_SLICES}
    dag = with_settings(workers=WORKERS, extract=extract)
    placed = {task.task_id: {name: getattr(task, name) for name in WORKERS} for task in dag.tasks}
    assert placed.pop("extract") == {**WORKERS, **OF_SLICES}
    jobs = {**WORKERS, "pool": "transform-ml.m5.large"}
    assert (placed.pop("transform"), placed.pop("recover")) == (jobs, jobs)
    assert set(placed) == {"plan", "join_slices", "build_manifest", "wait", "load", "report"}
    assert all(each == WORKERS for each in placed.values())


def test_one_task_that_extracts_runs_where_slices_would(with_settings):
    assert with_settings(extract={"workers": OF_SLICES}).get_task("extract").pool == "slices"


def test_without_a_word_tasks_run_where_airflow_has_them(dag):
    assert {(task.queue, task.pool) for task in dag.tasks} == {("default", "default_pool")}
    assert not any(task.executor_config for task in dag.tasks)


def test_without_slices_there_is_nothing_to_join(dag):
    assert not dag.get_task("extract").is_mapped
    assert "join_slices" not in dag.doc_md


def test_groups_prove_outputs_and_one_task_publishes_them(with_settings):
    dag = with_settings(load={"groups": 20})
    names = [task.task_id for task in dag.topological_sort()]
    assert names == [task.task_id for task in tasks_of(1, groups=20)]
    assert place_of("transform") in names, "else the scheduler ends as it says what a pool lacks"
    reconcile, publish = dag.get_task("reconcile"), dag.get_task("publish")
    assert reconcile.expand_input.value == {"group": list(range(20))}
    assert publish.proven.operator is reconcile
    assert reconcile.unmap({"group": 7}).group == 7
    assert [asset.name for asset in publish.outlets] == ["predictions.flight_delay"]
    assert dag.get_task("report").loaded.operator is publish
    assert dag.max_active_tasks == 20
    assert "each of its 20 tasks" in dag.doc_md


def test_house_policy(dag):
    check_policy(dag)


def test_house_policy_of_a_sliced_pipeline(sliced):
    check_policy(sliced)


def check_policy(dag):
    assert isinstance(dag.timetable, PartitionTimetable)
    assert dag.catchup is False
    assert dag.start_date.isoformat().endswith("T00:00:00+00:00")
    assert "batch-transform" in dag.tags
    assert dag.description
    for task in dag.tasks:
        assert task.owner not in ("", "airflow")
        assert task.execution_timeout >= timedelta(hours=1)
        assert f"`{task.task_id}`" in dag.doc_md, "the runbook says what to do when a task fails"
        assert task.retries == (8 if task.task_id in ("transform", "recover") else 2)


def test_an_invalid_pipeline_is_an_import_error_and_the_others_run(tmp_path, monkeypatch):
    shutil.copytree(PIPELINES, tmp_path, dirs_exist_ok=True)
    for name in ("broken", "worse"):
        shutil.copytree(tmp_path / "flight_delay", tmp_path / name)
    text = (tmp_path / "broken" / "pipeline.yaml").read_text()
    (tmp_path / "broken" / "pipeline.yaml").write_text(
        text.replace("instance_count: 2", "count: 2")
    )
    (tmp_path / "worse" / "pipeline.yaml").write_text("")
    monkeypatch.setenv("BATCH_TRANSFORM_PIPELINES", str(tmp_path))
    bag = parse()
    assert set(bag.dags) == {JANITOR, "flight_delay", "support_sentiment"}
    ((file, error),) = bag.import_errors.items()
    assert file == "batch_transform_invalid.py", "an error stops every DAG of its file"
    assert "Pipeline 'broken' is not valid:\n  pipeline.yaml:" in error
    assert "transform.count: is not a setting of a pipeline" in error
    assert "Pipeline 'worse' is not valid:\n  pipeline.yaml: is empty" in error


def one_bad_apple(tmp_path, monkeypatch):
    """Use the shipped pipelines and another, whose DAG cannot be made."""
    another(tmp_path, monkeypatch, "bad_apple")
    made = module.scoring_dag

    def broken(pipeline, deployment):
        dag = made(pipeline, deployment)
        if pipeline.name == "bad_apple":
            raise ZeroDivisionError("when it was half made")
        return dag

    monkeypatch.setattr(module, "scoring_dag", broken)


def another(tmp_path, monkeypatch, *names):
    """Use the shipped pipelines and copies of one under other names."""
    shutil.copytree(PIPELINES, tmp_path, dirs_exist_ok=True)
    for name in names:
        shutil.copytree(tmp_path / "flight_delay", tmp_path / name)
        settings = tmp_path / name / "pipeline.yaml"
        text = settings.read_text().replace("predictions.flight_delay", f"predictions.{name}")
        settings.write_text(text)
    monkeypatch.setenv("BATCH_TRANSFORM_PIPELINES", str(tmp_path))


def test_a_dag_that_cannot_be_made_is_an_import_error_and_the_others_run(tmp_path, monkeypatch):
    one_bad_apple(tmp_path, monkeypatch)
    bag = parse()
    assert set(bag.dags) == {"flight_delay", "support_sentiment", JANITOR}
    ((file, error),) = bag.import_errors.items()
    assert file == "batch_transform_invalid.py"
    assert "Pipeline 'bad_apple' is not valid:\n  pipeline.yaml:1: the file: no DAG can be" in error


@pytest.mark.parametrize(
    "name", ["request", "time", "globals", "declare", "path", "invalid_pipelines", "dag", "os"]
)
def test_a_pipeline_may_have_any_name_that_is_not_the_packages_own(tmp_path, monkeypatch, name):
    another(tmp_path, monkeypatch, name)
    bag = parse()
    assert bag.import_errors == {}
    assert set(bag.dags) == {"flight_delay", "support_sentiment", name, JANITOR}


def test_two_pipelines_with_one_target_are_refused_and_a_third_runs(tmp_path, monkeypatch):
    another(tmp_path, monkeypatch, "again")
    settings = tmp_path / "again" / "pipeline.yaml"
    settings.write_text(settings.read_text().replace(".again", ".flight_delay"))
    bag = parse()
    assert set(bag.dags) == {"support_sentiment", JANITOR}
    (error,) = bag.import_errors.values()
    assert "target.table: is the target of flight_delay, too" in error
    assert "target.table: is the target of again, too" in error


@pytest.mark.parametrize(
    ("task_of", "names"),
    [("again", {"again"}), (JANITOR, EVERY), ("of_ones_own", EVERY)],
)
def test_a_worker_makes_the_dag_of_its_task_alone(tmp_path, monkeypatch, task_of, names):
    another(tmp_path, monkeypatch, "again")
    with _airflow_parsing_context_manager(dag_id=task_of, task_id="load"):
        bag = parse()
    assert set(bag.dags) == names


def test_every_file_that_is_a_pipeline_is_a_dag_that_airflow_can_keep(tmp_path):
    """Of mutated files some are valid still: Airflow must be able to write and read their DAGs."""
    shutil.copytree(PIPELINES, tmp_path, dirs_exist_ok=True)
    deployment = Deployment(root=S3Uri.parse("s3://bucket/runs"))
    kept = 0
    for seed in range(250):
        name, text = mutated(seed)
        (tmp_path / name / "pipeline.yaml").write_bytes(text.encode())
        try:
            dag = module.scoring_dag(read_pipeline(tmp_path / name), deployment)
        except PipelineInvalid:
            continue
        dag.validate()
        written = json.loads(json.dumps(DagSerialization.to_dict(dag)))
        assert DagSerialization.from_dict(written).dag_id == name
        next_run = dag.timetable.next_dagrun_info(
            last_automated_data_interval=None,
            restriction=TimeRestriction(earliest=dag.start_date, latest=None, catchup=True),
        )
        assert next_run.logical_date == dag.start_date, text
        kept += 1
    assert kept >= 10


@pytest.fixture
def own_dag(tmp_path):
    """The README's DAG of one's own, with a pipeline as a group of its tasks."""
    text = readme_block("batch_transform_group")
    (tmp_path / "nightly.py").write_text(text.replace("/opt/airflow/pipelines", str(PIPELINES)))
    bag = DagBag(tmp_path, bundle_path=tmp_path, bundle_name="own")
    assert bag.import_errors == {}
    return bag.dags["nightly"]


def test_a_pipeline_is_a_task_group_in_a_dag_of_ones_own(own_dag):
    group = [f"flight_delay.{task_id}" for task_id in TASKS]
    assert [task.task_id for task in own_dag.topological_sort()] == [*group, "tell"]
    assert own_dag.get_task("tell").upstream_task_ids == {group[-1]}
    transform = own_dag.get_task("flight_delay.transform")
    assert (transform.owner, transform.retries) == ("data-science", 8)
    assert own_dag.get_task("flight_delay.load").index.operator.task_id == group[1]


def test_airflow_can_keep_a_dag_with_the_group(own_dag):
    written = json.loads(json.dumps(DagSerialization.to_dict(own_dag)))
    kept = DagSerialization.from_dict(written)
    assert "flight_delay" in kept.task_group_dict
    assert len(kept.tasks) == len(TASKS) + 1


def test_a_missing_setting_is_an_import_error_that_names_it(monkeypatch):
    monkeypatch.delenv("BATCH_TRANSFORM_S3_URI")
    bag = parse()
    assert bag.dags == {}
    assert "BATCH_TRANSFORM_S3_URI" in "".join(bag.import_errors.values())


def test_parsing_brings_in_no_data_library_and_no_command_line():
    program = (
        "import runpy, sys, batch_transform.plugin; runpy.run_path(sys.argv[1]);"
        "print({'pandas', 'sklearn', 'moto', 'numpy', 'batch_transform.cli'} & set(sys.modules))"
    )
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    found = subprocess.run(
        [sys.executable, "-c", program, DAG_FILE],
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip().splitlines()[-1] == "set()"
