"""The warehouse of a target, from its Airflow connection.

Each kind's modules, and what they import, are read where a target is of that kind.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import TYPE_CHECKING, assert_never

from batch_transform.connections import Aws, data_api, postgres_connection
from batch_transform.scoring.pipeline import IcebergPlace, RedshiftPlace, SnowflakePlace

if TYPE_CHECKING:
    from batch_transform.scoring.pipeline import GluePlace, Target
    from batch_transform.scoring.warehouse.protocol import Warehouse
    from batch_transform.scoring.warehouse.stage import Stage


def open_warehouse(target: Target, stage: Stage | None = None) -> AbstractContextManager[Warehouse]:
    """Lend the warehouse of a target.

    Args:
        target: the target.
        stage: where rows may lie on their way into it; not needed where none go there.

    Raises:
        ConfigurationError: the connection is of another kind than the target.
    """
    match target.place:
        case RedshiftPlace() as redshift:
            return _redshift(target.conn_id, redshift, stage)
        case SnowflakePlace() as snowflake:
            return _snowflake(target.conn_id, snowflake, stage)
        case IcebergPlace() as iceberg:
            return _iceberg(target.conn_id, iceberg)
        case None:
            in_s3 = target.in_s3
            return _files(target.conn_id, target.glue) if in_s3 else _postgres(target.conn_id)
        case unknown:
            assert_never(unknown)


@contextmanager
def _postgres(conn_id: str) -> Iterator[Warehouse]:
    from batch_transform.scoring.warehouse.postgres import PostgresWarehouse

    with postgres_connection(conn_id) as connection:
        yield PostgresWarehouse(connection)


@contextmanager
def _files(conn_id: str, glue: GluePlace | None) -> Iterator[Warehouse]:
    from batch_transform.scoring.warehouse.files import FilesWarehouse
    from batch_transform.scoring.warehouse.glue_table import GlueTable

    aws = Aws(conn_id)
    yield FilesWarehouse(aws.objects, table=GlueTable(aws.client("glue"), glue) if glue else None)


@contextmanager
def _redshift(conn_id: str, place: RedshiftPlace, stage: Stage | None) -> Iterator[Warehouse]:
    from batch_transform.scoring.warehouse.redshift_warehouse import RedshiftWarehouse

    hurried = partial(data_api, conn_id, place, hurried=True)
    yield RedshiftWarehouse(data_api(conn_id, place), place.iam_role, stage, hurried)


@contextmanager
def _snowflake(conn_id: str, place: SnowflakePlace, stage: Stage | None) -> Iterator[Warehouse]:
    from batch_transform.scoring.warehouse.snowflake_warehouse import (
        SnowflakeStage,
        SnowflakeWarehouse,
    )
    from batch_transform.snowflake_connection import snowflake_session

    hurried = partial(snowflake_session, conn_id, hurried=True)
    with snowflake_session(conn_id) as session:
        yield SnowflakeWarehouse(session, SnowflakeStage(name=place.stage, files=stage), hurried)


@contextmanager
def _iceberg(conn_id: str, place: IcebergPlace) -> Iterator[Warehouse]:
    from batch_transform.iceberg_catalogs import iceberg_catalog

    glue = partial(Aws(conn_id).client, "glue")
    postgres = partial(postgres_connection, conn_id)
    with iceberg_catalog(conn_id, place, glue, postgres) as catalog:
        from batch_transform.scoring.warehouse.iceberg.iceberg_warehouse import IcebergWarehouse

        yield IcebergWarehouse(catalog)
