"""Clients and connections of the work, from Airflow connections.

The hooks are imported where they are used: they cost half a second, and every parse of the DAG
file would pay it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from airflow.sdk import BaseHook

from batch_transform.scoring.aws.objects import ObjectStore, S3Objects
from batch_transform.scoring.errors import ConfigurationError, Unreachable
from batch_transform.scoring.jobs.logs import CloudWatchLogs, JobLogs
from batch_transform.scoring.jobs.models import Models, SageMakerModels
from batch_transform.scoring.jobs.service import SageMakerJobs, TransformJobs
from batch_transform.task_log import tidy

if TYPE_CHECKING:
    from psycopg import Connection
    from sqlalchemy import Engine

    from batch_transform.one_session import OneSession
    from batch_transform.scoring.aws.athena_api import AthenaApi, AthenaSettings
    from batch_transform.scoring.aws.data_api import DataApi
    from batch_transform.scoring.deployment import Deployment
    from batch_transform.scoring.pipeline import Pipeline, RedshiftPlace


# https://docs.aws.amazon.com/boto3/latest/guide/retries.html
_PATIENT = {
    "connect_timeout": 10,
    "read_timeout": 60,
    "retries": {"mode": "standard", "total_max_attempts": 8},
}
# Short timeouts, for a worker being killed.
_HURRIED = {
    "connect_timeout": 1,
    "read_timeout": 2,
    "retries": {"mode": "standard", "total_max_attempts": 2},
}
# Seconds; a load balancer forgets a connection that is silent for minutes, as in a long DELETE. The
# connection's own extra wins.
# https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-KEEPALIVES
_POSTGRES = {"connect_timeout": 30, "keepalives_idle": 60, "keepalives_interval": 15}


class AwsServices(Protocol):
    """What tasks need of AWS: one set of clients for each execution."""

    @property
    def objects(self) -> ObjectStore:
        """S3."""

    @property
    def jobs(self) -> TransformJobs:
        """SageMaker's transform jobs."""

    @property
    def models(self) -> Models:
        """SageMaker's models."""

    @property
    def logs(self) -> JobLogs:
        """CloudWatch's logs of jobs."""

    def encrypting(self, kms_key: str | None) -> AwsServices:
        """Return the same, which stores objects under a KMS key; None: as the bucket has it."""

    def hurried(self) -> AwsServices:
        """Return clients that give up after seconds, for who is being killed."""


Connect = Callable[[str], AwsServices]  # makes them from the id of an Airflow connection


class OfPipeline(Protocol):
    """A task of a pipeline's run."""

    connect: Connect
    pipeline: Pipeline
    deployment: Deployment


def services(task: OfPipeline) -> AwsServices:
    """Connect to AWS as a task of a pipeline: what it stores is under the pipeline's key."""
    connected = task.connect(task.deployment.aws_conn_id)
    return connected.encrypting(task.pipeline.settings.transform.kms_key)


class Aws(AwsServices):
    """The clients of an AWS connection, each made when it is first used."""

    def __init__(
        self,
        conn_id: str,
        patience: dict[str, Any] = _PATIENT,
        kms_key: str | None = None,
        session: OneSession | None = None,
    ) -> None:
        """Use an Airflow connection, and the session of others with the same one."""
        self._conn_id = conn_id
        self._patience = patience
        self._kms_key = kms_key
        self._shared = session

    @cached_property
    def objects(self) -> ObjectStore:
        """S3."""
        return S3Objects(self.client("s3"), self._kms_key)

    @cached_property
    def jobs(self) -> TransformJobs:
        """SageMaker's transform jobs."""
        return SageMakerJobs(self._sagemaker)

    @cached_property
    def models(self) -> Models:
        """SageMaker's models."""
        return SageMakerModels(self._sagemaker)

    @cached_property
    def _sagemaker(self) -> Any:
        return self.client("sagemaker")

    @cached_property
    def logs(self) -> JobLogs:
        """CloudWatch's logs of jobs."""
        return CloudWatchLogs(self.client("logs"))

    def encrypting(self, kms_key: str | None) -> Aws:
        """Return clients that store objects under a KMS key."""
        return Aws(self._conn_id, self._patience, kms_key, self._session)

    def hurried(self) -> Aws:
        """Return clients that give up after seconds."""
        return Aws(self._conn_id, _HURRIED, self._kms_key, self._session)

    def client(self, service: str) -> Any:
        """Return a boto3 client of a service."""
        from botocore.config import Config

        return self._session.client(service, Config(**self._patience))

    @cached_property
    def _session(self) -> OneSession:
        from batch_transform.one_session import OneSession

        tidy()
        return self._shared or OneSession(self._conn_id)


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
        Unreachable: the database refuses it, or does not answer.
    """
    from airflow.providers.postgres.hooks.postgres import PostgresHook
    from psycopg import OperationalError

    hook = BaseHook.get_hook(conn_id)
    if not isinstance(hook, PostgresHook):
        raise ConfigurationError(
            f"Connection {conn_id!r} is not Postgres; name a Postgres connection in target.conn_id"
        )
    mine = hook.connection
    mine.extra = json.dumps({**_POSTGRES, **mine.extra_dejson})
    try:
        connection = hook.get_conn()
    except OperationalError as error:
        raise Unreachable(f"Connection {conn_id!r}: the database refuses: {error}") from error
    try:
        yield connection  # type: ignore[misc]  # with SQLAlchemy 2 the hook speaks psycopg 3
    finally:
        connection.close()


def data_api(conn_id: str, place: RedshiftPlace, *, hurried: bool = False) -> DataApi:
    """Return the Data API of a Redshift; ``hurried`` for who is being killed."""
    from batch_transform.scoring.aws.data_api import DataApi

    aws = Aws(conn_id)
    client = (aws.hurried() if hurried else aws).client("redshift-data")
    return DataApi(client, place.parameters)


def athena_api(conn_id: str, settings: AthenaSettings, *, hurried: bool = False) -> AthenaApi:
    """Return the queries of a workgroup of Athena; ``hurried`` for who is being killed."""
    from batch_transform.scoring.aws.athena_api import AthenaApi

    aws = Aws(conn_id)
    return AthenaApi((aws.hurried() if hurried else aws).client("athena"), settings)
