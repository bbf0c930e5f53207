"""Grants of databases for the roles behind a pipeline's connections."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from batch_transform.scoring.permissions.tables import tables_of
from batch_transform.scoring.pipeline import (
    AthenaPlace,
    IcebergPlace,
    Pipeline,
    Query,
    RedshiftPlace,
    SnowflakePlace,
    Target,
)
from batch_transform.scoring.warehouse.ledger import ledger_of, quarantine_of, turn_of

_RIGHTS_BY_SWAP = {
    "rows": "SELECT, INSERT, DELETE",
    "upsert": "SELECT, INSERT, UPDATE, DELETE",
}


def grants(pipeline: Pipeline, role: str) -> str:
    """Write the grants of a role that both reads the source and loads the target."""
    lines = [*_source(pipeline, role), *_target(pipeline.settings.target, role)]
    return "\n".join(lines) + "\n" if lines else ""


def _source(pipeline: Pipeline, role: str) -> Iterator[str]:
    source = pipeline.settings.source
    if not isinstance(source, Query):
        return
    match source.unload:
        case AthenaPlace():
            return  # Lake Formation grants, or IAM
        case None | RedshiftPlace() | SnowflakePlace():
            pass
        case unknown:
            assert_never(unknown)
    tables = tables_of(pipeline.query)
    schemas = dict.fromkeys(each.rpartition(".")[0] for each in tables if "." in each)
    yield f"-- The source: connection {source.conn_id}."
    for schema in schemas:
        yield f"GRANT USAGE ON SCHEMA {schema} TO {_quoted(role)};"
    if tables:
        yield f"GRANT SELECT ON {', '.join(tables)} TO {_quoted(role)};"


def _target(target: Target, role: str) -> Iterator[str]:
    match target.place:
        case RedshiftPlace() as redshift:
            granted = _of_schema(target, role, redshift)
        case SnowflakePlace() as snowflake:
            granted = _snowflake(target, snowflake, role)
        case IcebergPlace():
            return  # a catalog has grants of its own, if any
        case None:
            granted = iter(()) if target.in_s3 else _of_schema(target, role)
        case unknown:
            assert_never(unknown)
    if not target.in_s3:
        yield f"-- The target, its ledger and its quarantine: connection {target.conn_id}."
    yield from granted


def _of_schema(target: Target, role: str, redshift: RedshiftPlace | None = None) -> Iterator[str]:
    """Yield grants of PostgreSQL, and of Redshift, which keeps a table of turns beside."""
    schema, to = target.table.rpartition(".")[0] or "public", _quoted(role)
    yield f"GRANT USAGE ON SCHEMA {schema} TO {to};"
    if redshift is not None:
        yield f"GRANT TEMPORARY ON DATABASE {redshift.database} TO {to};"
    yield "-- Until the first load has made the tables, which belong to the role from then on."
    yield f"GRANT CREATE ON SCHEMA {schema} TO {to};"
    if target.swap not in _RIGHTS_BY_SWAP:
        yield "-- Each load makes a table and attaches it: the role must own the target, and keeps"
        yield "-- CREATE."
        return
    rights = _RIGHTS_BY_SWAP[target.swap]
    yield "-- Instead, where the tables are there and belong to another role:"
    yield f"-- GRANT {rights} ON {target.table} TO {to};"
    yield f"-- GRANT SELECT, INSERT, UPDATE (snapshot_at) ON {ledger_of(target.table)} TO {to};"
    yield f"-- GRANT SELECT, INSERT, DELETE ON {quarantine_of(target.table)} TO {to};"
    if redshift is not None:
        yield f"-- GRANT SELECT, UPDATE ON {turn_of(target.table)} TO {to};"


def _snowflake(target: Target, place: SnowflakePlace, role: str) -> Iterator[str]:
    """Yield grants of Snowflake: whoever makes a table owns it, temporary ones too."""
    schema, to = target.table.rpartition(".")[0], f"ROLE {_quoted(role)}"
    if schema:
        yield f"GRANT USAGE, CREATE TABLE ON SCHEMA {schema} TO {to};"
    yield f"GRANT USAGE ON STAGE {place.stage} TO {to};"
    yield "-- Where the tables are there and belong to another role, CREATE TABLE is still needed"
    yield "-- for temporary ones, and:"
    ours = (of(target.table) for of in (ledger_of, quarantine_of, turn_of))
    for table in (target.table, *ours):
        yield f"-- GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE {table} TO {to};"


def _quoted(role: str) -> str:
    return '"' + role.replace('"', '""') + '"'
