"""Catalogs of Iceberg from Airflow connections: who is asked, and as whom files are read.

https://py.iceberg.apache.org/configuration/
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook

from batch_transform.scoring.errors import ConfigurationError, Unreachable

if TYPE_CHECKING:
    import psycopg
    from airflow.sdk import Connection
    from pyiceberg.catalog import Catalog

    from batch_transform.scoring.pipeline import IcebergPlace

    _Lend = Callable[[], AbstractContextManager[psycopg.Connection[Any]]]

_EXTRA = "airflow-batch-transform[iceberg]"


@contextmanager
def iceberg_catalog(
    conn_id: str, place: IcebergPlace, glue: Callable[[], Any], postgres: _Lend
) -> Iterator[Catalog]:
    """Lend the catalog that an Airflow connection leads to.

    Args:
        conn_id: of AWS for Glue, of Postgres for a catalog in it, of any kind with a host for REST.
        place: which kind it is.
        glue: makes a client of Glue from the connection.
        postgres: lends a connection to Postgres from it.

    Raises:
        ConfigurationError: pyiceberg is not installed, or the connection is of another kind.
        Unreachable: there is no answer.
    """
    try:
        import pyiceberg  # noqa: F401 - of an extra
    except ImportError as error:
        raise ConfigurationError(
            f"target.iceberg needs pyiceberg; install {_EXTRA} on the workers"
        ) from error
    openers: dict[str, Callable[[str, IcebergPlace], Catalog]] = {
        "glue": partial(_glue, glue),
        "rest": _rest,
        "sql": partial(_sql, postgres),
    }
    catalog = openers[place.catalog](conn_id, place)
    try:
        yield catalog
    finally:
        catalog.close()


def _glue(glue: Callable[[], Any], conn_id: str, place: IcebergPlace) -> Catalog:
    from pyiceberg.catalog.glue import GlueCatalog

    files = _storage(place.storage_conn_id or conn_id)
    return GlueCatalog(place.name, glue(), **_warehouse(place), **files)


def _rest(conn_id: str, place: IcebergPlace) -> Catalog:
    from pyiceberg.catalog.rest import RestCatalog
    from requests import RequestException

    connection = BaseHook.get_connection(conn_id)
    if not connection.host:
        raise ConfigurationError(
            f"Connection {conn_id!r} has no host; give it the URI of the REST catalog"
        )
    files = _storage(place.storage_conn_id) if place.storage_conn_id else {}
    settings = {**_warehouse(place), **files, **_credential(connection), **_extra(connection)}
    try:
        return RestCatalog(place.name, uri=_uri(connection), **settings)
    except RequestException as error:
        raise Unreachable(
            f"Connection {conn_id!r}: the catalog gives no answer: {error}"
        ) from error


def _sql(postgres: _Lend, conn_id: str, place: IcebergPlace) -> Catalog:
    """Return the catalog in a database, to which the hook's own parameters lead.

    https://www.psycopg.org/psycopg3/docs/api/objects.html#psycopg.ConnectionInfo.dsn
    """
    from pyiceberg.catalog.sql import SqlCatalog
    from sqlalchemy import URL

    with postgres() as known:
        parameters = {**known.info.get_parameters(), "password": known.info.password}
    query = {name: value for name, value in parameters.items() if value}
    uri = URL.create("postgresql+psycopg", query=query).render_as_string(hide_password=False)
    files = _storage(place.storage_conn_id) if place.storage_conn_id else {}
    return SqlCatalog(place.name, uri=uri, **_warehouse(place), **files)


def _warehouse(place: IcebergPlace) -> dict[str, str]:
    return {"warehouse": place.warehouse} if place.warehouse else {}


def _storage(conn_id: str) -> dict[str, str]:
    """Say where S3 is, and as whom it is asked, as pyarrow's own client of it takes that."""
    from airflow.providers.amazon.aws.hooks.s3 import S3Hook

    hook = S3Hook(conn_id)
    credentials = hook.get_credentials()
    known = {
        "s3.endpoint": hook.conn_config.get_service_endpoint_url("s3"),
        "s3.region": hook.region_name or hook.get_session().region_name,
        "s3.access-key-id": credentials.access_key,
        "s3.secret-access-key": credentials.secret_key,
        "s3.session-token": credentials.token,
    }
    return {name: value for name, value in known.items() if value}


def _uri(connection: Connection) -> str:
    host = str(connection.host)
    if "://" in host:
        return host
    port = f":{connection.port}" if connection.port else ""
    return f"{connection.schema or 'https'}://{host}{port}"


def _credential(connection: Connection) -> dict[str, str]:
    if not connection.login:
        return {}
    return {"credential": f"{connection.login}:{connection.password or ''}"}


def _extra(connection: Connection) -> dict[str, str]:
    return {
        name: value for name, value in connection.extra_dejson.items() if isinstance(value, str)
    }
