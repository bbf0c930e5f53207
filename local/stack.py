"""The whole stack: PostgreSQL, the local AWS, the demo's data and models, and Airflow."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from local.airflow import PROJECT, Airflow, AirflowSettings, choose_port
from local.airflow_api import AirflowApi
from local.errors import LocalError
from local.interrupts import uninterrupted
from local.pools import create_pools
from local.postgres import Postgres, start_postgres
from local.processes import Command, Processes, Running

BUCKET = "batch-transform"
REGION = "us-east-1"
STATE = PROJECT / ".state"
PIPELINES = PROJECT / "include" / "pipelines"
CONTAINERS = PROJECT / "local" / "containers.yaml"

_AWS_START_SECONDS = 60.0
_DAGS_SECONDS = 120.0
_FREE_BYTES_NEEDED = 1_000_000_000


@dataclass(frozen=True, kw_only=True)
class StackSettings:
    """What differs between two stacks.

    Attributes:
        name: folder below ``state`` that holds all of the stack.
        port: of the Airflow UI.
        fresh: whether to begin with nothing from an earlier start.
        variables: further environment variables of Airflow.
        state: where stacks keep everything, and share the models they have trained.
    """

    name: str
    port: int
    fresh: bool
    variables: Mapping[str, str]
    state: Path = STATE

    @property
    def folder(self) -> Path:
        """Where the stack keeps everything."""
        return self.state / self.name


@dataclass(frozen=True, kw_only=True)
class Stack:
    """A running stack.

    Attributes:
        postgres: databases ``airflow`` and ``warehouse``.
        aws_url: endpoint of the local AWS.
        airflow: the components.
        api: a client of Airflow's API.
        processes: all processes, to look after.
    """

    postgres: Postgres
    aws_url: str
    airflow: Airflow
    api: AirflowApi
    processes: Processes


Say = Callable[[str], None]


@contextmanager
def running_stack(settings: StackSettings, say: Say) -> Iterator[Stack]:
    """Start a stack, yield it, and end all of its processes in any case.

    Raises:
        LocalError: a part did not start; the message says which, and where its log is.
    """
    with _locked(settings):
        processes = Processes(settings.folder)
        processes.end_leftovers()
        _check_disk(settings.state)
        if settings.fresh:
            shutil.rmtree(settings.folder, ignore_errors=True)
        try:
            stack = _start(settings, processes, say)
            with closing(stack.api.client):
                yield stack
        finally:
            with uninterrupted():
                try:
                    say("Stopping what was started")
                finally:  # whoever reads may have gone
                    processes.stop()


def _start(settings: StackSettings, processes: Processes, say: Say) -> Stack:
    say("Starting PostgreSQL and the local AWS")
    aws, ready_file = _start_aws(settings, processes)
    postgres = start_postgres(processes, thrown_away=settings.fresh)
    for database in ("airflow", "warehouse"):
        postgres.create_database(database)
    aws.wait_until(ready_file.exists, _AWS_START_SECONDS, say)
    aws_url: str = json.loads(ready_file.read_text())["endpoint_url"]
    say("Loading a year of flights, training the models, preparing Airflow's database")
    airflow = Airflow(_airflow_settings(settings, postgres, aws_url), postgres, processes)
    migration = airflow.migrate()
    seeding = _start_seeding(settings, postgres, aws_url, processes)
    migration.finish()
    say("Starting Airflow: scheduler, DAG processor, triggerer, API server")
    api = airflow.start(say)
    pipelines = Path(settings.variables.get("BATCH_TRANSFORM_PIPELINES", PIPELINES))
    create_pools(api, pipelines)
    seeding.finish()
    say("Waiting for Airflow to read the pipelines")
    _await_dags(pipelines, api, processes, say)
    return Stack(postgres=postgres, aws_url=aws_url, airflow=airflow, api=api, processes=processes)


def _start_aws(settings: StackSettings, processes: Processes) -> tuple[Running, Path]:
    ready_file = settings.folder / "aws.json"
    ready_file.unlink(missing_ok=True)
    settings.folder.mkdir(parents=True, exist_ok=True)
    command = Command(
        name="aws",
        argv=[
            *(sys.executable, "-m", "sagemaker_local", "--port", str(_aws_port(settings))),
            *("--containers", str(CONTAINERS), "--ready-file", str(ready_file)),
            *("--state", str(settings.folder / "aws")),
        ],
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        grace_seconds=15.0,
        serves_others=True,
    )
    return processes.start(command), ready_file


def _aws_port(settings: StackSettings) -> int:
    """Return the port of the start before, unless another program has taken it."""
    kept = settings.folder / "aws.port"
    with suppress(OSError, ValueError, LocalError):
        return choose_port(int(kept.read_text()))
    port = choose_port(None)
    kept.write_text(str(port))
    return port


def _start_seeding(
    settings: StackSettings, postgres: Postgres, aws_url: str, processes: Processes
) -> Running:
    features = PIPELINES / "flight_delay" / "features.sql"
    arguments = {
        "--warehouse": postgres.dsn("warehouse"),
        "--endpoint": aws_url,
        "--bucket": BUCKET,
        "--features": str(features),
        "--cache": str(settings.state / "models"),
    }
    argv = [part for pair in arguments.items() for part in pair]
    return processes.start(
        Command(
            name="seed",
            argv=[sys.executable, "-m", "local.seed", *argv],
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
        )
    )


def _airflow_settings(settings: StackSettings, postgres: Postgres, aws_url: str) -> AirflowSettings:
    aws_connection = {
        "conn_type": "aws",
        "login": "laptop",
        "password": "not-a-secret",
        "extra": {"endpoint_url": aws_url, "region_name": REGION},
    }
    return AirflowSettings(
        home=settings.folder / "airflow",
        port=settings.port,
        connections={
            "aws_default": aws_connection,
            "warehouse": postgres.airflow_connection("warehouse"),
        },
        variables={
            "BATCH_TRANSFORM_S3_URI": f"s3://{BUCKET}/runs",
            "BATCH_TRANSFORM_POLL_SECONDS": "1",
            "BATCH_TRANSFORM_FOLLOW_LOGS": "true",
            "BATCH_TRANSFORM_POOLS": "true",
            "BATCH_TRANSFORM_PRICES": "ml.m5.large=0.115,ml.m5.xlarge=0.23",
            **settings.variables,
        },
    )


def _await_dags(pipelines: Path, api: AirflowApi, processes: Processes, say: Say) -> None:
    expected = {file.parent.name for file in pipelines.glob("*/pipeline.yaml")}
    processor = next(
        each for each in processes.running if each.command.name == "airflow-dag-processor"
    )

    def parsed() -> bool:
        errors = api.import_errors()
        if errors:
            raise LocalError(f"Airflow cannot read a pipeline: {errors[0]}")
        return expected <= api.dag_ids()

    processor.wait_until(parsed, _DAGS_SECONDS, say)


def _check_disk(folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < _FREE_BYTES_NEEDED:
        raise LocalError(
            f"The disk of {folder} has {free // 1_000_000} MB free, and the stack needs"
            f" {_FREE_BYTES_NEEDED // 1_000_000} MB: make room, then try again"
        )


def is_running(name: str, state: Path) -> bool:
    """Tell whether a stack of that name holds its lock."""
    try:
        with _lock_of(name, state).open("r") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def _lock_of(name: str, state: Path) -> Path:
    return state / f"{name}.lock"


@contextmanager
def _locked(settings: StackSettings) -> Iterator[None]:
    """Hold the stack's lock; the system takes it back however this process ends."""
    settings.state.mkdir(parents=True, exist_ok=True)
    with _lock_of(settings.name, settings.state).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LocalError(
                f"Another 'make {settings.name}' runs in this folder: end it first, or use another"
                " clone"
            ) from None
        yield
