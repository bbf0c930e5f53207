"""The source of a pipeline, from its Airflow connection.

Hooks and sources are imported where they are used: every parse of the DAG file would pay for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook

from batch_transform.connections import Aws, postgres_connection, sql_engine
from batch_transform.scoring.pipeline import Files

if TYPE_CHECKING:
    from batch_transform.scoring.aws.objects import ObjectStore
    from batch_transform.scoring.pipeline import Pipeline
    from batch_transform.scoring.sources.protocol import Source, TableFunction
    from batch_transform.scoring.sources.slices import Slice


@contextmanager
def open_source(pipeline: Pipeline, part: Slice | None = None) -> Iterator[Source]:
    """Lend the source that a pipeline names, or a slice of it."""
    conn_id = pipeline.settings.source.conn_id
    reshape = _reshape_of(pipeline)
    if isinstance(pipeline.settings.source, Files):
        from batch_transform.scoring.sources.files.file_source import FileSource

        yield FileSource(Aws(conn_id).objects, reshape, part)
        return
    if _is_postgres(conn_id):
        from batch_transform.scoring.sources.postgres.copy_source import CopySource

        with _copying(conn_id) as connection:
            yield CopySource(connection, pipeline.query, part, reshape)
        return
    from batch_transform.scoring.sources.sql import SqlSource

    with sql_engine(conn_id) as engine:
        yield SqlSource(engine, pipeline.query, part, reshape)


def open_unloaded(
    pipeline: Pipeline, objects: ObjectStore, unloaded: str, part: Slice | None = None
) -> Source:
    """Return what an engine has unloaded as a source, or a slice of it."""
    from batch_transform.scoring.names import S3Uri
    from batch_transform.scoring.sources.unloaded.unloaded_source import UnloadedSource

    return UnloadedSource(objects, S3Uri.parse(unloaded), part, _reshape_of(pipeline))


def _reshape_of(pipeline: Pipeline) -> TableFunction:
    from batch_transform.scoring.sources.protocol import unchanged
    from batch_transform.scoring.sources.reshape import Reshape

    return Reshape(pipeline.reshape) if pipeline.reshape else unchanged


def _is_postgres(conn_id: str) -> bool:
    """Tell whether a connection is to PostgreSQL itself; Redshift has the same hook."""
    from airflow.providers.postgres.hooks.postgres import PostgresHook

    hook = BaseHook.get_hook(conn_id)
    if not isinstance(hook, PostgresHook):
        return False
    extra = BaseHook.get_connection(conn_id).extra_dejson
    return not extra.get("redshift") and not extra.get("redshift-serverless")


@contextmanager
def _copying(conn_id: str) -> Iterator[Any]:
    """Lend a psycopg2 connection, whose COPY is the quickest.

    The hook's own connection is of psycopg 3; both are libpq's, so one's parameters are the
    other's. https://www.psycopg.org/psycopg3/docs/api/objects.html#psycopg.ConnectionInfo.dsn
    """
    import psycopg2

    with postgres_connection(conn_id) as known:
        parameters, password = known.info.dsn, known.info.password
    connection = psycopg2.connect(parameters, password=password or None)
    try:
        yield connection
    finally:
        connection.close()
