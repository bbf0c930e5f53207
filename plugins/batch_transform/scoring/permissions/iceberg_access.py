"""What a load needs of Glue, and of the S3 in which the files of Iceberg tables lie.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsglue.html
"""

from __future__ import annotations

from collections.abc import Iterator

from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.permissions.statement import Account, Statement, listing
from batch_transform.scoring.pipeline import Target
from batch_transform.scoring.warehouse.ledger import ledger_of, quarantine_of


def asked(account: Account, target: Target) -> Iterator[tuple[str, Statement]]:
    """Yield what a load needs, each with the connection by which it comes."""
    place = target.iceberg
    if place is None:
        return
    if place.catalog == "glue":
        yield target.conn_id, _tables(account, target)
    storage = place.storage_conn_id or (target.conn_id if place.catalog == "glue" else None)
    if storage is not None and place.catalog != "rest":
        for statement in _files(account, S3Uri.parse(str(place.warehouse))):
            yield storage, statement


def _tables(account: Account, target: Target) -> Statement:
    database = target.table.rpartition(".")[0]
    tables = (target.table, ledger_of(target.table), quarantine_of(target.table))
    named = [f"table/{table.replace('.', '/')}" for table in tables]
    return Statement(
        sid="CatalogTables",
        actions=("glue:CreateTable", "glue:GetDatabase", "glue:GetTable", "glue:UpdateTable"),
        resources=tuple(
            account.arn("glue", each) for each in ("catalog", f"database/{database}", *named)
        ),
    )


def _files(account: Account, warehouse: S3Uri) -> Iterator[Statement]:
    """Yield what reads and writes tables; what a commit that was refused leaves is deleted."""
    yield Statement(
        sid="TableFiles",
        actions=(
            "s3:AbortMultipartUpload",
            "s3:DeleteObject",
            "s3:GetObject",
            "s3:PutObject",
        ),
        resources=(account.objects(warehouse),),
    )
    yield listing("TableListings", account, warehouse, [f"{warehouse.key}/*"])
