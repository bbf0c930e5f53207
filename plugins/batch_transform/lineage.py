"""What OpenLineage is told of the tasks, where its provider is installed, which asks for it.

https://airflow.apache.org/docs/apache-airflow-providers-openlineage/stable/guides/developer.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_never

from airflow.sdk import BaseHook

from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.pipeline import IcebergPlace, RedshiftPlace, SnowflakePlace, Target

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage


def transformed(manifest: str, output: str) -> OperatorLineage:
    """Say what a transform job read and wrote.

    Args:
        manifest: URI of the manifest.
        output: URI of the prefix of its outputs.
    """
    return _lineage([_object(manifest)], [_object(output)])


def loaded(loaded_json: str, target: Target, rows: int) -> OperatorLineage:
    """Say where the rows of a load have gone.

    Args:
        loaded_json: URI of what the load has left beside the outputs it read.
        target: the table, or the prefix.
        rows: how many.
    """
    from airflow.providers.common.compat.openlineage.facet import (
        OutputDataset,
        OutputStatisticsOutputDatasetFacet,
    )

    attempt = loaded_json.rpartition("/")[0]
    statistics = OutputStatisticsOutputDatasetFacet(rowCount=rows)
    table = OutputDataset(**_place(target), outputFacets={"outputStatistics": statistics})
    return _lineage([_object(attempt)], [table])


def _lineage(inputs: list[Any], outputs: list[Any]) -> OperatorLineage:
    from airflow.providers.openlineage.extractors import OperatorLineage

    return OperatorLineage(inputs=inputs, outputs=outputs)


def _object(uri: str) -> Any:
    from airflow.providers.common.compat.openlineage.facet import Dataset

    return Dataset(**_name(S3Uri.parse(uri)))


def _name(uri: S3Uri) -> dict[str, str]:
    """Name an object, https://openlineage.io/docs/spec/naming."""
    return {"namespace": f"s3://{uri.bucket}", "name": uri.key or "/"}


def _place(target: Target) -> dict[str, str]:
    table = target.table if "." in target.table else f"public.{target.table}"
    match target.place:
        case RedshiftPlace() as redshift:
            where = redshift.workgroup or redshift.cluster
            return {"namespace": f"redshift://{where}", "name": f"{redshift.database}.{table}"}
        case SnowflakePlace():
            return _in_snowflake(target)
        case IcebergPlace() as iceberg:
            catalog = iceberg.warehouse or f"iceberg://{iceberg.name}"
            return {"namespace": catalog, "name": target.table}
        case None if target.in_s3:
            return _name(S3Uri.parse(target.table))
        case None:
            postgres = BaseHook.get_connection(target.conn_id)
            server = f"postgres://{postgres.host}:{postgres.port or 5432}"
            return {"namespace": server, "name": f"{postgres.schema}.{table}"}
        case unknown:
            assert_never(unknown)


def _in_snowflake(target: Target) -> dict[str, str]:
    connection = BaseHook.get_connection(target.conn_id)
    extra = connection.extra_dejson
    schema, _, name = target.table.upper().rpartition(".")
    place = (extra.get("database", ""), schema or connection.schema or "", name)
    return {"namespace": f"snowflake://{extra.get('account', '')}", "name": ".".join(place)}
