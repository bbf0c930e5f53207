"""What the bucket of a deployment's runs should have: rules against mistakes, and for old objects.

A bucket has one policy and one set of lifecycle rules: these are for all pipelines of a deployment.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.permissions.airflow_role import Deployed
from batch_transform.scoring.permissions.statement import Account, Statement

_ABANDONED_DAYS = 2  # longer than any attempt uploads


def bucket_policy(root: S3Uri, account: Account, pipelines: Iterable[Deployed]) -> list[Statement]:
    """Refuse what is not encrypted on its way, and a pipeline's objects under another key."""
    whole = (account.bucket(root), account.objects(S3Uri(root.bucket)))
    only_tls = Statement(
        sid="OnlyTls",
        effect="Deny",
        actions=("s3:*",),
        resources=whole,
        conditions={"Bool": {"aws:SecureTransport": "false"}},
        principal="*",
    )
    return [only_tls, *(each for deployed in pipelines for each in _only_key(deployed))]


def _only_key(deployed: Deployed) -> Iterator[Statement]:
    kms_key = deployed.pipeline.settings.transform.kms_key
    if kms_key is None or not kms_key.startswith("arn:"):
        return
    header = "s3:x-amz-server-side-encryption-aws-kms-key-id"
    yield Statement(
        sid=f"OnlyKeyOf{deployed.pipeline.name.title().replace('_', '')}",
        effect="Deny",
        actions=("s3:PutObject",),
        resources=(deployed.account.objects(deployed.runs),),
        # The parts of an upload name no key: what it was begun with counts.
        conditions={"StringNotEqualsIfExists": {header: kms_key}},
        principal="*",
    )


def lifecycle(root: S3Uri, keep_days: int) -> dict[str, Any]:
    """Remove what killed workers left half uploaded, and what runs left, after so many days.

    What is removed is scored, and paid, anew where its partition is run again.
    """
    prefix = f"{root.key}/" if root.key else ""
    return {
        "Rules": [
            {
                "ID": "batch-transform-abandoned-uploads",
                "Status": "Enabled",
                "Filter": {"Prefix": prefix},
                "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": _ABANDONED_DAYS},
            },
            {
                "ID": "batch-transform-old-runs",
                "Status": "Enabled",
                "Filter": {"Prefix": prefix},
                "Expiration": {"Days": keep_days},
            },
        ]
    }
