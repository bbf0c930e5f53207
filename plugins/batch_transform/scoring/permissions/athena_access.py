"""What a pipeline needs of Athena, of the catalog that it asks, and of S3 to unload there.

Where a query's tables lie is nobody's to say but the catalog's: their files are not in here.
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonathena.html
"""

from __future__ import annotations

from collections.abc import Iterator

from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.permissions.statement import (
    Account,
    Statement,
    encrypting,
    listing,
)
from batch_transform.scoring.permissions.tables import tables_of
from batch_transform.scoring.pipeline import AthenaPlace, Pipeline, Query


def statements(account: Account, runs: S3Uri, pipeline: Pipeline) -> Iterator[Statement]:
    """Yield what the role behind the source's connection needs; nothing where none unloads."""
    source = pipeline.settings.source
    if not isinstance(source, Query) or not isinstance(source.unload, AthenaPlace):
        return
    place = source.unload
    yield Statement(
        sid="RunQueries",
        actions=(
            "athena:BatchGetQueryExecution",
            "athena:GetQueryExecution",
            "athena:GetQueryResults",
            "athena:ListQueryExecutions",
            "athena:StartQueryExecution",
            "athena:StopQueryExecution",
        ),
        resources=(account.arn("athena", f"workgroup/{place.workgroup}"),),
    )
    yield Statement(
        sid="ReadCatalog",
        actions=("glue:GetDatabase", "glue:GetPartitions", "glue:GetTable"),
        resources=tuple(account.arn("glue", each) for each in _catalogued(pipeline, place)),
    )
    parts = ("unload", "unload-results")
    yield Statement(
        sid="UnloadFiles",
        actions=("s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"),
        resources=tuple(account.objects(runs, f"/*/{part}/*") for part in parts),
    )
    yield listing("UnloadListings", account, runs, [f"{runs.key}/*"])
    yield Statement(
        sid="BucketRegion", actions=("s3:GetBucketLocation",), resources=(account.bucket(runs),)
    )
    if place.kms_key is not None:
        yield encrypting("UnloadKey", account, place.kms_key, "s3")


def _catalogued(pipeline: Pipeline, place: AthenaPlace) -> Iterator[str]:
    """Name what the query looks up in the catalog."""
    yield "catalog"
    tables = [
        name if "." in name else f"{place.database}.{name}" for name in tables_of(pipeline.query)
    ]
    databases = dict.fromkeys([place.database, *(each.partition(".")[0] for each in tables)])
    yield from (f"database/{each}" for each in databases)
    yield from (f"table/{each.replace('.', '/')}" for each in tables)
