"""``batch-transform iam``: what a pipeline needs to be allowed, and no more."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from batch_transform.cli.asking import asked
from batch_transform.cli.command import Flags
from batch_transform.cli.found import pipeline_named
from batch_transform.cli.options import DEFAULT_ROOT, PipelineName, Root
from batch_transform.cli.result import Outcome
from batch_transform.scoring.deployment import Deployment
from batch_transform.scoring.errors import ConfigurationError, PipelineInvalid
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.permissions.airflow_role import Deployed
from batch_transform.scoring.permissions.permissions import Facts, Permissions, permissions
from batch_transform.scoring.permissions.statement import Account
from batch_transform.scoring.permissions.terraform import terraform
from batch_transform.scoring.pipeline import Pipeline
from batch_transform.scoring.pipelines import read_all


@dataclass(frozen=True, kw_only=True)
class IamFlags(Flags):
    """For which pipeline, and where it runs.

    The fields are what ``--help`` says of them.
    """

    pipeline: PipelineName
    account: Annotated[str | None, typer.Option(help="Number of the AWS account.")] = None
    region: Annotated[
        str | None, typer.Option(envvar="AWS_DEFAULT_REGION", help="Such as eu-central-1.")
    ] = None
    partition: Annotated[str, typer.Option(help="aws, aws-cn or aws-us-gov.")] = "aws"
    model_data: Annotated[
        str | None, typer.Option(help="The model's archive: s3://bucket/model.tar.gz.")
    ] = None
    repository: Annotated[
        str | None, typer.Option(help="ARN of the ECR repository of the model's image.")
    ] = None
    database_role: Annotated[
        str, typer.Option(help="Database role that reads the source and loads the target.")
    ] = "loader"
    keep_days: Annotated[
        int, typer.Option(min=1, help="Days after which a run's objects are removed.")
    ] = 90
    terraform: Annotated[bool, typer.Option("--terraform", help="Write Terraform's JSON.")] = False
    out: Annotated[
        Path | None, typer.Option(help="Write a file for each policy into this folder.")
    ] = None
    root: Root = DEFAULT_ROOT


def iam(flags: IamFlags) -> Outcome:
    """Write the policies and grants that a pipeline needs, and no more.

    Without a network: roles of Airflow and of SageMaker, rules of the bucket, SQL for databases.
    """
    pipeline = pipeline_named(flags.pipeline, flags.root)
    deployment = Deployment.from_environ(os.environ)
    account = Account(
        number=asked(flags.account, "Number of the AWS account", "--account"),
        region=asked(flags.region, "Region of the AWS account", "--region"),
        partition=flags.partition,
    )
    beside = [_deployed(each, deployment, account) for each in _others(pipeline, flags.root)]
    made = permissions(_deployed(pipeline, deployment, account), beside, _facts(flags))
    texts = _texts(made, pipeline.name, deployment.root.bucket, as_terraform=flags.terraform)
    if flags.out is not None:
        return _written(texts, flags.out)
    shown = "\n".join(f"# {name}\n{text}" for name, text in texts.items())
    return Outcome(text=shown.rstrip(), content={"files": texts})


def _deployed(pipeline: Pipeline, deployment: Deployment, account: Account) -> Deployed:
    return Deployed(
        pipeline=pipeline,
        account=account,
        root=deployment.root,
        aws_conn_id=deployment.aws_conn_id,
        is_tidied=bool(deployment.keep),
    )


def _others(pipeline: Pipeline, root: Path) -> list[Pipeline]:
    if not root.is_dir():
        return []
    read = [each for each in read_all(root) if not isinstance(each, PipelineInvalid)]
    return [each for each in read if each.name != pipeline.name]


def _facts(flags: IamFlags) -> Facts:
    try:
        artefacts = S3Uri.parse(flags.model_data) if flags.model_data else None
    except ValueError as error:
        raise ConfigurationError(f"--model-data: {error}") from error
    return Facts(
        artefacts=artefacts,
        repository=flags.repository,
        database_role=flags.database_role,
        keep_days=flags.keep_days,
    )


def _texts(made: Permissions, name: str, bucket: str, *, as_terraform: bool) -> dict[str, str]:
    if as_terraform:
        documents = {f"{name}.tf.json": terraform(made, name, bucket)}
    else:
        documents = {f"{file}.json": each for file, each in made.documents().items()}
    texts = {file: f"{json.dumps(each, indent=2)}\n" for file, each in documents.items()}
    return {**texts, **({"grants.sql": made.grants} if made.grants else {})}


def _written(texts: Mapping[str, str], folder: Path) -> Outcome:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    paths = [str(folder / name) for name in texts]
    return Outcome(text="\n".join(f"wrote {path}" for path in paths), content={"written": paths})
