"""Real Airflow on a laptop: scheduler, DAG processor, triggerer and API server."""

from __future__ import annotations

import json
import os
import secrets
import socket
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx
from cryptography.fernet import Fernet

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


@dataclass(frozen=True, kw_only=True)
class Secrets:
    """Keys of one Airflow, made on first start and kept in its home."""

    fernet_key: str
    jwt_secret: str
    api_secret_key: str
    password: str

    @classmethod
    def of(cls, home: Path) -> Secrets:
        """Read the secrets of an Airflow, or make them."""
        path = home / "secrets.json"
        if path.exists():
            return cls(**json.loads(path.read_text()))
        made = cls(
            fernet_key=Fernet.generate_key().decode(),
            jwt_secret=secrets.token_urlsafe(48),
            api_secret_key=secrets.token_urlsafe(48),
            password=secrets.token_urlsafe(9),
        )
        path.touch(mode=0o600)
        path.write_text(json.dumps(asdict(made)))
        return made


class Airflow:
    """The components of one Airflow, as processes of a stack."""

    def __init__(self, settings: AirflowSettings, postgres: Postgres, processes: Processes) -> None:
        """Prepare the home folder; nothing is started yet."""
        self.settings = settings
        self._processes = processes
        settings.home.mkdir(parents=True, exist_ok=True)
        keys = Secrets.of(settings.home)
        self.password = keys.password
        passwords = settings.home / "passwords.json"
        passwords.touch(mode=0o600)
        passwords.write_text(json.dumps({USER: keys.password}))
        self._env = _environment(settings, keys, postgres, passwords)

    def migrate(self) -> Running:
        """Start to make, or bring up to date, the tables of Airflow's database."""
        return self._start("airflow-migrate", "db", "migrate")

    def start(self) -> AirflowApi:
        """Start the components, and return once all are healthy.

        Raises:
            ProcessFailed: a component ended, or was not healthy in time.
        """
        running = {
            name: self._start(f"airflow-{name}", name, *arguments)
            for name, arguments in _COMPONENTS.items()
        }
        api_server = running["api-server"]
        api_server.wait_until(self._answers, _START_SECONDS)
        api = AirflowApi.log_in(self.settings.url, USER, self.password)
        for name in ("scheduler", "dag-processor", "triggerer"):
            component = name.replace("-", "_")
            running[name].wait_until(lambda key=component: api.is_healthy(key), _START_SECONDS)  # type: ignore[misc]
        return api

    def start_command(self, name: str, *arguments: str) -> Running:
        """Start an ``airflow`` command."""
        return self._start(name, *arguments)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.settings.url}/api/v2/version", timeout=5).is_success
        except httpx.TransportError:
            return False

    def _start(self, name: str, *arguments: str) -> Running:
        return self._processes.start(
            Command(
                name=name,
                argv=[sys.executable, "-m", "airflow", *arguments],
                env=self._env,
                cwd=self.settings.home,
            )
        )


def choose_port(wanted: int | None) -> int:
    """Return the wanted port, or a free one where none is wanted.

    A free one is drawn at random, below those that the system gives to outgoing connections, so
    that two stacks that start together do not meet.

    Raises:
        LocalError: the wanted port is taken, or there is no free one.
    """
    if wanted is not None:
        if not _is_free(wanted):
            raise LocalError(
                f"Port {wanted} is in use: choose another with PORT=, or leave it out and a free"
                " one is taken"
            )
        return wanted
    for port in secrets.SystemRandom().sample(_PORTS, len(_PORTS)):
        if _is_free(port):
            return port
    raise LocalError(f"No port from {_PORTS[0]} to {_PORTS[-1]} is free: choose one with PORT=")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError:
            return False
    return True


def _environment(
    settings: AirflowSettings, keys: Secrets, postgres: Postgres, passwords: Path
) -> dict[str, str]:
    """Compose the environment of every component: this process's, and Airflow's settings.

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
        "AIRFLOW__CORE__FERNET_KEY": keys.fernet_key,
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{settings.url}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": postgres.sqlalchemy_url("airflow"),
        "AIRFLOW__API__HOST": _HOST,
        "AIRFLOW__API__PORT": str(settings.port),
        "AIRFLOW__API__BASE_URL": settings.url,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__SECRET_KEY": keys.api_secret_key,
        "AIRFLOW__API_AUTH__JWT_SECRET": keys.jwt_secret,
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        **{
            f"AIRFLOW_CONN_{conn_id.upper()}": json.dumps(connection)
            for conn_id, connection in settings.connections.items()
        },
        **settings.variables,
    }
