"""What a pipeline needs of Redshift's Data API, and what Redshift's own role needs of S3.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonredshiftdataapi.html
https://docs.aws.amazon.com/redshift/latest/mgmt/data-api-access.html
"""

from __future__ import annotations

from collections.abc import Iterator

from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.permissions.statement import Account, Statement, listing
from batch_transform.scoring.pipeline import PipelineFile, Query, RedshiftPlace


def asked(settings: PipelineFile) -> dict[str, list[RedshiftPlace]]:
    """Return the Redshifts that a pipeline asks, by the connection through which it does."""
    found: dict[str, list[RedshiftPlace]] = {}
    source = settings.source
    if isinstance(source, Query) and isinstance(source.unload, RedshiftPlace):
        found[source.conn_id] = [source.unload]
    if settings.target.redshift is not None:
        places = found.setdefault(settings.target.conn_id, [])
        if settings.target.redshift not in places:
            places.append(settings.target.redshift)
    return found


def statements(account: Account, places: list[RedshiftPlace]) -> Iterator[Statement]:
    """Yield what the role behind a connection needs.

    Statements are looked at and stopped by whichever worker has the next try, and workers are other
    sessions of the role: so no condition holds a statement to the session that began it.
    """
    yield Statement(
        sid="RunStatements",
        actions=("redshift-data:BatchExecuteStatement", "redshift-data:ExecuteStatement"),
        resources=tuple(_arn(account, place) for place in places),
    )
    yield Statement(
        sid="FollowStatements",
        actions=(
            "redshift-data:CancelStatement",
            "redshift-data:DescribeStatement",
            "redshift-data:GetStatementResult",
            "redshift-data:ListStatements",
        ),
        resources=("*",),
    )
    for number, place in enumerate(places):
        action, resources = _credentials(account, place)
        yield Statement(sid=f"BeUser{number or ''}", actions=(action,), resources=resources)


def role(account: Account, runs: S3Uri, settings: PipelineFile) -> list[Statement]:
    """Return the statements of the role by which Redshift uses S3; none where it is not asked."""
    return files_between(account, runs) if asked(settings) else []


def files_between(account: Account, runs: S3Uri) -> list[Statement]:
    """Return what a warehouse needs that unloads to S3, and copies from it."""
    return [
        Statement(
            sid="RunFiles",
            actions=("s3:GetObject", "s3:PutObject"),
            resources=tuple(account.objects(runs, f"/*/{part}/*") for part in ("rows", "unload")),
        ),
        listing("RunListings", account, runs, [f"{runs.key}/*"]),
        Statement(
            sid="BucketRegion", actions=("s3:GetBucketLocation",), resources=(account.bucket(runs),)
        ),
    ]


def _arn(account: Account, place: RedshiftPlace) -> str:
    """Name the cluster; the ARN of a workgroup has a number that nobody but AWS knows."""
    if place.cluster is None:
        return account.arn("redshift-serverless", "workgroup/*")
    return account.arn("redshift", f"cluster:{place.cluster}")


def _credentials(account: Account, place: RedshiftPlace) -> tuple[str, tuple[str, ...]]:
    database = account.arn("redshift", f"dbname:{place.cluster}/{place.database}")
    if place.secret is not None:
        return "secretsmanager:GetSecretValue", (place.secret,)
    if place.cluster is None:
        return "redshift-serverless:GetCredentials", (_arn(account, place),)
    if place.db_user is None:
        return "redshift:GetClusterCredentialsWithIAM", (database,)
    user = account.arn("redshift", f"dbuser:{place.cluster}/{place.db_user}")
    return "redshift:GetClusterCredentials", (database, user)
