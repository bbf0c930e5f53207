"""What the execution role of a pipeline's model needs: that of SageMaker's instances.

https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html#sagemaker-roles-createmodel-perms
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from batch_transform.scoring.jobs.logs import LOG_GROUP
from batch_transform.scoring.names import S3Uri, job_name_start
from batch_transform.scoring.permissions.airflow_role import Deployed
from batch_transform.scoring.permissions.statement import Statement, encrypting, listing

# Any request may name any of these: EC2 does not know which a container will need.
_NETWORK = (
    *("ec2:CreateNetworkInterface", "ec2:CreateNetworkInterfacePermission"),
    *("ec2:DeleteNetworkInterface", "ec2:DeleteNetworkInterfacePermission"),
    *("ec2:DescribeDhcpOptions", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups"),
    *("ec2:DescribeSubnets", "ec2:DescribeVpcs"),
)


def execution_role(
    deployed: Deployed, artefacts: S3Uri | None, repository: str | None
) -> list[Statement]:
    """Return the statements of the execution role.

    Args:
        deployed: the pipeline, where it runs.
        artefacts: the model's archive; None where it has none, or nobody says.
        repository: ARN of the image's repository in ECR; None where nobody says.
    """
    statements = [*_data(deployed), *_telling(deployed), *_keys(deployed)]
    account = deployed.account
    if artefacts is not None:
        statements.append(
            Statement(
                sid="ModelArchive",
                actions=("s3:GetObject",),
                resources=(account.objects(artefacts, ""),),
            )
        )
    if repository is not None:
        statements += _image(repository)
    if deployed.pipeline.settings.model.vpc is not None:
        statements.append(Statement(sid="Network", actions=_NETWORK, resources=("*",)))
    return statements


def trust(deployed: Deployed) -> dict[str, Any]:
    """Return the policy that lets SageMaker, for this account alone, take the role."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "sagemaker.amazonaws.com"},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"aws:SourceAccount": deployed.account.number}},
            }
        ],
    }


def _data(deployed: Deployed) -> Iterator[Statement]:
    account, runs = deployed.account, deployed.runs
    capture = deployed.pipeline.settings.transform.data_capture
    yield Statement(
        sid="Shards",
        actions=("s3:GetObject",),
        resources=(account.objects(runs, "/*/manifest.json"), account.objects(runs, "/*/input/*")),
    )
    yield listing("ShardListings", account, runs, [f"{runs.key}/*"])
    yield Statement(
        sid="Outputs",
        actions=("s3:PutObject", "s3:AbortMultipartUpload"),
        resources=(account.objects(runs, "/*/output/*"),),
    )
    if capture is not None:
        yield Statement(
            sid="Captured",
            actions=("s3:PutObject",),
            resources=(account.objects(S3Uri.parse(capture.destination)),),
        )


def _telling(deployed: Deployed) -> Iterator[Statement]:
    account, group = deployed.account, f"log-group:{LOG_GROUP}"
    streams = f"{group}:log-stream:{job_name_start(deployed.pipeline.name)}*"
    yield Statement(
        sid="LogGroup",
        actions=("logs:CreateLogGroup", "logs:DescribeLogStreams"),
        resources=(account.arn("logs", f"{group}:*"),),
    )
    yield Statement(
        sid="Logs",
        actions=("logs:CreateLogStream", "logs:PutLogEvents"),
        resources=(account.arn("logs", streams),),
    )
    yield Statement(
        sid="Metrics",
        actions=("cloudwatch:PutMetricData",),
        resources=("*",),
        conditions={"StringEquals": {"cloudwatch:namespace": LOG_GROUP}},
    )


def _keys(deployed: Deployed) -> Iterator[Statement]:
    account, transform = deployed.account, deployed.pipeline.settings.transform
    if transform.kms_key is not None:
        yield encrypting("RunKey", account, transform.kms_key, "s3")
    if transform.data_capture is not None and transform.data_capture.kms_key is not None:
        yield encrypting("CaptureKey", account, transform.data_capture.kms_key, "s3")
    if transform.volume_kms_key is not None:
        yield Statement(
            sid="VolumeKey",
            actions=("kms:CreateGrant",),
            resources=(account.key(transform.volume_kms_key),),
            conditions={"Bool": {"kms:GrantIsForAWSResource": "true"}},
        )


def _image(repository: str) -> Iterator[Statement]:
    yield Statement(
        sid="Image",
        actions=(
            *("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage"),
            "ecr:GetDownloadUrlForLayer",
        ),
        resources=(repository,),
    )
    yield Statement(sid="Registry", actions=("ecr:GetAuthorizationToken",), resources=("*",))
