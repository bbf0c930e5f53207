"""What the role of Airflow's workers needs for a pipeline, by the connection that it comes by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from batch_transform.scoring.jobs.logs import LOG_GROUP
from batch_transform.scoring.jobs.models import package_of
from batch_transform.scoring.jobs.owners import OWN_PREFIX
from batch_transform.scoring.names import S3Uri, job_name_start, model_name
from batch_transform.scoring.permissions import athena_access, iceberg_access, redshift_access
from batch_transform.scoring.permissions.statement import (
    Account,
    Conditions,
    Statement,
    encrypting,
    listing,
)
from batch_transform.scoring.pipeline import Files, Model, Pipeline
from batch_transform.scoring.pipeline.filepattern import any_day


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """A pipeline in a deployment.

    Attributes:
        pipeline: the pipeline.
        account: where it runs.
        root: below which the deployment's runs keep their objects.
        aws_conn_id: the deployment's AWS connection.
        is_tidied: whether housekeeping deletes what is old.
    """

    pipeline: Pipeline
    account: Account
    root: S3Uri
    aws_conn_id: str = "aws_default"
    is_tidied: bool = False

    @property
    def runs(self) -> S3Uri:
        """Prefix of the objects of the pipeline's runs."""
        return self.root / self.pipeline.name

    @property
    def jobs(self) -> str:
        """ARN of the pipeline's transform jobs."""
        return self.account.arn("sagemaker", f"transform-job/{job_name_start(self.pipeline.name)}*")

    @property
    def models(self) -> tuple[str, ...]:
        """ARNs of the pipeline's models; SageMaker writes the names in ARNs in lower case."""
        model = self.pipeline.settings.model
        name = model.name or model_name(*_versions(model))
        names = dict.fromkeys((name.lower(), name))
        return tuple(self.account.arn("sagemaker", f"model/{each}") for each in names)


def airflow_roles(deployed: Deployed) -> dict[str, list[Statement]]:
    """Return the statements of the role behind each AWS connection of a pipeline."""
    settings = deployed.pipeline.settings
    roles: dict[str, list[Statement]] = defaultdict(list)
    for statements in (_runs, _jobs, _logs, _model):
        roles[deployed.aws_conn_id] += statements(deployed)
    if isinstance(settings.source, Files):
        roles[settings.source.conn_id] += _source(deployed, settings.source)
    if settings.target.in_s3:
        roles[settings.target.conn_id] += _target(deployed)
    account, source = deployed.account, settings.source
    for statement in athena_access.statements(account, deployed.runs, deployed.pipeline):
        roles[source.conn_id].append(statement)
    for conn_id, statement in iceberg_access.asked(account, settings.target):
        roles[conn_id].append(statement)
    for conn_id, places in redshift_access.asked(settings).items():
        roles[conn_id] += redshift_access.statements(account, places)
    return dict(roles)


def _runs(deployed: Deployed) -> Iterator[Statement]:
    account, runs = deployed.account, deployed.runs
    yield Statement(
        sid="RunObjects",
        actions=("s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"),
        resources=(account.objects(runs),),
    )
    yield listing("RunListings", account, runs, [f"{runs.key}/*"])
    yield Statement(
        sid="UnfinishedUploads",
        actions=("s3:ListBucketMultipartUploads",),
        resources=(account.bucket(runs),),
    )
    if deployed.is_tidied:
        yield Statement(
            sid="Housekeeping", actions=("s3:DeleteObject",), resources=(account.objects(runs),)
        )
    kms_key = deployed.pipeline.settings.transform.kms_key
    if kms_key is not None:
        yield encrypting("RunKey", account, kms_key, "s3")


def _jobs(deployed: Deployed) -> Iterator[Statement]:
    account, jobs = deployed.account, deployed.jobs
    tags = [f"{OWN_PREFIX}*", *deployed.pipeline.settings.transform.tags]
    yield Statement(
        sid="StartJobs",
        actions=("sagemaker:CreateTransformJob",),
        resources=(jobs,),
        conditions=_job_conditions(deployed),
    )
    yield Statement(
        sid="FollowJobs",
        actions=("sagemaker:DescribeTransformJob", "sagemaker:StopTransformJob"),
        resources=(jobs,),
    )
    yield Statement(
        sid="OwnJobs",
        actions=("sagemaker:AddTags",),
        resources=(jobs,),
        conditions={"ForAllValues:StringLike": {"aws:TagKeys": tags}},
    )
    yield Statement(
        sid="DisownJobs",
        actions=("sagemaker:DeleteTags",),
        resources=(jobs,),
        conditions={"ForAllValues:StringLike": {"aws:TagKeys": [f"{OWN_PREFIX}*"]}},
    )
    # The janitor asks of each running job whose it is.
    yield Statement(
        sid="FindOwners",
        actions=("sagemaker:ListTags",),
        resources=(account.arn("sagemaker", "transform-job/*"),),
    )
    yield Statement(sid="FindJobs", actions=("sagemaker:ListTransformJobs",), resources=("*",))


def _logs(deployed: Deployed) -> Iterator[Statement]:
    account = deployed.account
    group = f"log-group:{LOG_GROUP}"
    streams = f"{group}:log-stream:{job_name_start(deployed.pipeline.name)}*"
    yield Statement(
        sid="FindLogs",
        actions=("logs:DescribeLogStreams",),
        resources=(account.arn("logs", f"{group}:*"),),
    )
    yield Statement(
        sid="ReadLogs", actions=("logs:GetLogEvents",), resources=(account.arn("logs", streams),)
    )


def _job_conditions(deployed: Deployed) -> Conditions:
    """Hold a job to the pipeline's instance types, model, keys and tags."""
    transform = deployed.pipeline.settings.transform
    keys = {
        "sagemaker:OutputKmsKey": transform.kms_key,
        "sagemaker:VolumeKmsKey": transform.volume_kms_key,
    }
    named = {name: key for name, key in keys.items() if key and key.startswith("arn:")}
    tags = {f"aws:RequestTag/{name}": value for name, value in transform.tags.items()}
    return {
        "ForAllValues:StringEquals": {"sagemaker:InstanceTypes": list(transform.kinds)},
        "ArnLike": {"sagemaker:ModelArn": list(deployed.models)},
        **({"StringEquals": {**named, **tags}} if named or tags else {}),
    }


def _model(deployed: Deployed) -> Iterator[Statement]:
    account, model = deployed.account, deployed.pipeline.settings.model
    yield Statement(sid="SeeModel", actions=("sagemaker:DescribeModel",), resources=deployed.models)
    if model.name is not None:
        return
    if model.package_group is not None:
        versions = account.arn("sagemaker", f"model-package/{model.package_group.lower()}/*")
        yield Statement(
            sid="FindVersions", actions=("sagemaker:ListModelPackages",), resources=(versions,)
        )
    yield Statement(
        sid="MakeModels",
        actions=("sagemaker:CreateModel",),
        resources=deployed.models,
        conditions=_network(deployed),
    )
    yield Statement(
        sid="GiveModelsTheirRole",
        actions=("iam:PassRole",),
        resources=(str(model.role),),
        conditions={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
    )


def _versions(model: Model) -> tuple[str, str]:
    """Return the package group of a model, and the version as its name ends: any, but for one."""
    group, version = package_of(model)
    return group, version or "*"


def _network(deployed: Deployed) -> Conditions:
    model = deployed.pipeline.settings.model
    inside = {}
    if model.vpc is not None:
        inside = {
            "ForAllValues:StringEquals": {
                "sagemaker:VpcSubnets": list(model.vpc.subnets),
                "sagemaker:VpcSecurityGroupIds": list(model.vpc.security_groups),
            }
        }
    isolated = {"Bool": {"sagemaker:NetworkIsolation": "true"}} if model.network_isolation else {}
    return {**inside, **isolated}


def _source(deployed: Deployed, files: Files) -> Iterator[Statement]:
    beside = f"{files.files.rpartition('/')[0]}/**"  # of a list, what it lists
    account, days = deployed.account, any_day(beside if files.is_listed else files.files)
    yield Statement(
        sid="SourceFiles",
        actions=("s3:GetObject",),
        resources=(f"{account.bucket(days.bucket)}/{days.keys}",),
    )
    yield listing("SourceListings", account, days.bucket, [days.start])


def _target(deployed: Deployed) -> Iterator[Statement]:
    account, place = deployed.account, S3Uri.parse(deployed.pipeline.settings.target.table)
    yield Statement(
        sid="TargetFiles",
        actions=("s3:GetObject", "s3:PutObject"),
        resources=(account.objects(place),),
    )
    yield listing("TargetListings", account, place, [f"{place.key}/*"])
    glue = deployed.pipeline.settings.target.glue
    if glue is not None:
        named = (f"database/{glue.database}", f"table/{glue.database}/{glue.table}")
        yield Statement(
            sid="TargetTable",
            actions=("glue:CreatePartition", "glue:CreateTable", "glue:GetTable"),
            resources=tuple(account.arn("glue", each) for each in ("catalog", *named)),
        )
