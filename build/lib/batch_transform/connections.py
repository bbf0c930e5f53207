"""Clients and connections of the work, from Airflow connections.

The hooks are imported where they are used: they cost half a second, and every parse of the DAG
file would pay it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook

from batch_transform.scoring.aws.objects import S3Objects
from batch_transform.scoring.errors import ConfigurationError
from batch_transform.scoring.jobs.logs import CloudWatchLogs
from batch_transform.scoring.jobs.look import Services
from batch_transform.scoring.jobs.models import SageMakerModels
from batch_transform.scoring.jobs.service import SageMakerJobs
from batch_transform.scoring.pipeline import Target
from batch_transform.scoring.warehouse.files import FilesWarehouse
from batch_transform.scoring.warehouse.postgres import PostgresWarehouse
from batch_transform.scoring.warehouse.protocol import Warehouse

if TYPE_CHECKING:
    from psycopg import Connection
    from sqlalchemy import Engine


# https://docs.aws.amazon.com/boto3/latest/guide/retries.html
_PATIENT = {
    "connect_timeout": 10,
    "read_timeout": 60,
    "retries": {"mode": "standard", "total_max_attempts": 5},
}
_HURRIED = {
    "connect_timeout": 1,
    "read_timeout": 2,
    "retries": {"mode": "standard", "total_max_attempts": 2},
}


def s3_objects(aws_conn_id: str) -> S3Objects:
    """Open the object store of an AWS connection."""
    from airflow.providers.amazon.aws.hooks.s3 import S3Hook

    return S3Objects(S3Hook(aws_conn_id=aws_conn_id).get_conn())


def transform_jobs(aws_conn_id: str, *, hurried: bool = False) -> SageMakerJobs:
    """Open the transform jobs of an AWS connection.

    Args:
        aws_conn_id: Airflow connection.
        hurried: give up after seconds, for who is being killed.
    """
    patience = _HURRIED if hurried else _PATIENT
    return SageMakerJobs(_client(aws_conn_id, "sagemaker", patience))


def sagemaker_models(aws_conn_id: str) -> SageMakerModels:
    """Open the models of an AWS connection."""
    return SageMakerModels(_client(aws_conn_id, "sagemaker", _PATIENT))


def transform_services(aws_conn_id: str) -> Services:
    """Open all that watching a transform job needs of an AWS connection."""
    return Services(
        jobs=transform_jobs(aws_conn_id),
        objects=S3Objects(_client(aws_conn_id, "s3", _PATIENT)),
        logs=CloudWatchLogs(_client(aws_conn_id, "logs", _PATIENT)),
    )


def _client(aws_conn_id: str, service: str, patience: dict[str, Any]) -> Any:
    from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook
    from botocore.config import Config

    hook = AwsBaseHook(aws_conn_id=aws_conn_id, client_type=service, config=Config(**patience))
    return hook.get_conn()


@contextmanager
def sql_engine(conn_id: str) -> Iterator[Engine]:
    """Lend the SQLAlchemy engine of a SQL connection.

    Raises:
        ConfigurationError: the connection is of another kind.
    """
    from airflow.providers.common.sql.hooks.sql import DbApiHook

    hook = BaseHook.get_hook(conn_id)
    if not isinstance(hook, DbApiHook):
        raise ConfigurationError(
            f"Connection {conn_id!r} is not a SQL database; name one in source.conn_id"
        )
    engine = hook.get_sqlalchemy_engine()
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def postgres_connection(conn_id: str) -> Iterator[Connection[Any]]:
    """Lend a connection to the Postgres warehouse.

    Raises:
        ConfigurationError: the connection is of another kind.
    """
    from airflow.providers.postgres.hooks.postgres import PostgresHook

    hook = BaseHook.get_hook(conn_id)
    if not isinstance(hook, PostgresHook):
        raise ConfigurationError(
            f"Connection {conn_id!r} is not Postgres; name a Postgres connection in target.conn_id"
        )
    connection = hook.get_conn()
    try:
        yield connection  # type: ignore[misc]  # with SQLAlchemy 2 the hook speaks psycopg 3
    finally:
        connection.close()


@contextmanager
def open_warehouse(target: Target) -> Iterator[Warehouse]:
    """Lend the warehouse of a target.

    Raises:
        ConfigurationError: the connection is of another kind than the target.
    """
    if target.in_s3:
        yield FilesWarehouse(s3_objects(target.conn_id))
        return
    with postgres_connection(target.conn_id) as connection:
        yield PostgresWarehouse(connection)
