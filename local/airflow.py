"""Real Airflow on a laptop: scheduler, DAG processor, triggerer and API server."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from local.airflow_api import AirflowApi
from local.errors import LocalError
from local.postgres import Postgres
from local.processes import Command, Processes, Running

PROJECT = Path(__file__).parents[1]
USER = "admin"

# The log servers listen on every address at fixed ports; on one machine the API server reads the
# files themselves.
_COMPONENTS = {
    "api-server": (),
    "scheduler": ("--skip-serve-logs",),
    "dag-processor": (),
    "triggerer": ("--skip-serve-logs",),
}
_START_SECONDS = 120.0
_PORTS = range(10_000, 12_000)
_HOST = "127.0.0.1"
_LOCAL_SETTINGS = "airflow_local_settings.py"
_ENVIRONMENT = "environment.json"
# What every command of Airflow's warns of, and a reader can do nothing about.
_UNWARNED = "ignore:Could not import graphviz,ignore:GitWildMatchPattern"


@dataclass(frozen=True, kw_only=True)
class AirflowSettings:
    """What differs between two laptop stacks.

    Attributes:
        home: Airflow's own folder.
        port: of the UI and API.
        connections: Airflow connections by id.
        variables: further environment variables of every component.
    """

    home: Path
    port: int
    connections: Mapping[str, Mapping[str, Any]]
    variables: Mapping[str, str]

    @property
    def url(self) -> str:
        """Address of the UI and API."""
        return f"http://{_HOST}:{self.port}"


class Airflow:
    """The components of one Airflow, as processes of a stack.

    They are started one by one, since `airflow standalone` mixes their logs, goes on when one of
    them ends, and serves logs on every address.
    """

    def __init__(self, settings: AirflowSettings, postgres: Postgres, processes: Processes) -> None:
        """Prepare the home folder; nothing is started yet."""
        self.settings = settings
        self._processes = processes
        settings.home.mkdir(parents=True, exist_ok=True)
        self._passwords = settings.home / "passwords.json"
        self._passwords.touch(mode=0o600)
        self._env = _environment(settings, postgres, self._passwords)
        _keep(self._env, settings.home)
        config = settings.home / "config"
        config.mkdir(exist_ok=True)
        shutil.copy(Path(__file__).with_name(_LOCAL_SETTINGS), config)

    @property
    def password(self) -> str:
        """Password of the user; Airflow makes it when the API server starts first."""
        password: str = json.loads(self._passwords.read_text())[USER]
        return password

    def migrate(self) -> Running:
        """Start to make, or bring up to date, Airflow's keys and the tables of its database."""
        return self.run("airflow-migrate", "db", "migrate")

    def start(self, say: Callable[[str], None]) -> AirflowApi:
        """Start the components, and return once all are healthy.

        Raises:
            ProcessFailed: a component ended, or was not healthy in time.
        """
        running = {
            name: self.run(f"airflow-{name}", name, *arguments, restarts=True)
            for name, arguments in _COMPONENTS.items()
        }
        with httpx.Client(base_url=self.settings.url) as client:
            running["api-server"].wait_until(partial(_answers, client), _START_SECONDS, say)
        api = AirflowApi.log_in(self.settings.url, USER, self.password)
        for name in ("scheduler", "dag-processor", "triggerer"):
            is_healthy = partial(api.is_healthy, name.replace("-", "_"))
            running[name].wait_until(is_healthy, _START_SECONDS, say)
        return api

    def run(self, name: str, *arguments: str, restarts: bool = False) -> Running:
        """Start an ``airflow`` command."""
        argv = _argv(arguments)
        return self._processes.start(
            Command(name=name, argv=argv, env=self._env, restarts=restarts)
        )


def _answers(server: httpx.Client) -> bool:
    try:
        return server.get("/api/v2/version").is_success
    except httpx.TransportError:
        return False


def command_line(home: Path, words: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Return an ``airflow`` command of a stack, and the environment of its components."""
    kept = json.loads((home / _ENVIRONMENT).read_text())
    return _argv(words), {"PYTHONWARNINGS": _UNWARNED, **kept}


def _argv(words: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "airflow", *words]


def _keep(environment: Mapping[str, str], home: Path) -> None:
    """Keep what the command line needs, for this user's eyes only: it has Airflow's keys."""
    kept = home / _ENVIRONMENT
    kept.touch(mode=0o600)
    kept.write_text(json.dumps(environment))


def choose_port(port: int | None) -> int:
    """Return the port if it is free, or any free one where none is given.

    Any free one is drawn at random, below those that the system gives to outgoing connections, so
    that two stacks that start together do not meet.

    Raises:
        LocalError: the port is taken.
    """
    candidates = _PORTS if port is None else (port,)
    for candidate in secrets.SystemRandom().sample(candidates, len(candidates)):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((_HOST, candidate))
            return candidate
    raise LocalError(
        f"Port {port or _PORTS} is in use: choose another with PORT=, or leave it out and a free"
        " one is taken"
    )


def _environment(settings: AirflowSettings, postgres: Postgres, passwords: Path) -> dict[str, str]:
    """Compose the environment of every component: this process's, and Airflow's settings.

    Airflow makes its other keys itself and keeps them in its home; its key for tokens is too short
    for the algorithm it uses, of which every process would warn.
    https://airflow.apache.org/docs/apache-airflow/stable/configurations-ref.html
    """
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")
    }
    return {
        **inherited,
        "AIRFLOW_HOME": str(settings.home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "4",
        # Meant for one run at a time: the next task starts at once, and its end is seen at once.
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.3",
        "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{settings.url}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": postgres.sqlalchemy_url("airflow"),
        "AIRFLOW__API__HOST": _HOST,
        "AIRFLOW__API__PORT": str(settings.port),
        "AIRFLOW__API__BASE_URL": settings.url,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_urlsafe(48),
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        **{
            f"AIRFLOW_CONN_{conn_id.upper()}": json.dumps(connection)
            for conn_id, connection in settings.connections.items()
        },
        **settings.variables,
    }
