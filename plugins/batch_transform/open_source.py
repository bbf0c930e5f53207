"""The source of a pipeline, from its Airflow connection.

Hooks and sources are imported where they are used: every parse of the DAG file would pay for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook

from batch_transform.connections import Aws, postgres_connection, sql_engine
from batch_transform.open_warehouse import open_warehouse
from batch_transform.scoring.pipeline import Files

if TYPE_CHECKING:
    from datetime import date

    from batch_transform.scoring.asked import Asked
    from batch_transform.scoring.aws.objects import ObjectStore
    from batch_transform.scoring.pipeline import Pipeline
    from batch_transform.scoring.sources.protocol import Source, TableFunction
    from batch_transform.scoring.sources.slices import Slice


@dataclass(frozen=True, kw_only=True)
class AskedSource:
    """What a run reads, of what its pipeline names.

    Attributes:
        asked: what was asked of the run.
        day: the partition.
        objects: where records that are kept in quarantine lie.
        part: the slice to read; None for all rows.
        unloaded: URI of the list of what an engine has unloaded; empty where none has.
    """

    asked: Asked
    day: date
    objects: ObjectStore
    part: Slice | None = None
    unloaded: str = ""


@contextmanager
def open_asked(pipeline: Pipeline, run: AskedSource) -> Iterator[Source]:
    """Lend the pipeline's source, or a sample; or what the partition keeps in quarantine."""
    from batch_transform.scoring.publish.quarantine_source import QuarantineSource
    from batch_transform.scoring.sources.sample import Sample, share_of

    if run.asked.resubmit:
        target = pipeline.settings.target
        with open_warehouse(target) as warehouse:
            entry = warehouse.in_force(target, run.day)
        yield QuarantineSource(entry, run.objects, run.part)
        return
    records = run.asked.sample
    with _opened(pipeline, run) as source:
        yield source if records is None else Sample(source, share_of(records, run.part))


@contextmanager
def _opened(pipeline: Pipeline, run: AskedSource) -> Iterator[Source]:
    """Lend the pipeline's source: where an engine unloads, what it has unloaded by now."""
    if not pipeline.settings.unloads:
        with open_source(pipeline, run.part) as source:
            yield source
        return
    from batch_transform.scoring.names import S3Uri
    from batch_transform.scoring.sources.unloaded.unloaded_source import ToUnload, UnloadedSource

    if run.unloaded:
        place, reshape = S3Uri.parse(run.unloaded), _reshape_of(pipeline)
        yield UnloadedSource(run.objects, place, run.part, reshape)
    else:
        yield ToUnload()


@contextmanager
def open_source(pipeline: Pipeline, part: Slice | None = None) -> Iterator[Source]:
    """Lend the source that a pipeline names, or a slice of it."""
    conn_id = pipeline.settings.source.conn_id
    reshape = _reshape_of(pipeline)
    settings = pipeline.settings.source
    if isinstance(settings, Files) and settings.is_listed:
        from batch_transform.scoring.sources.unloaded.written_source import WrittenSource

        yield WrittenSource(Aws(conn_id).objects, reshape, part)
        return
    if isinstance(settings, Files):
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
