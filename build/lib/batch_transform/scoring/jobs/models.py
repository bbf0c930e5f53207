"""The SageMaker model of a job: found, checked, and made once where it is a package version.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeModel.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from batch_transform.scoring.aws.codes import translated
from batch_transform.scoring.errors import NameTaken, RequestRefused
from batch_transform.scoring.names import model_name


class Models(Protocol):
    """Models and model packages of one account and region. Every call may raise Transient."""

    def find(self, name: str) -> Mapping[str, Any] | None:
        """Describe a model; None where there is none."""

    def latest_approved(self, group: str) -> str | None:
        """Return the ARN of a package group's latest approved version; None where there is none."""

    def create(self, name: str, package: str, role: str) -> None:
        """Make a model of a package version; one that exists is left alone."""


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """What a request needs to know of a model.

    Attributes:
        name: for the request's ModelName.
        content: its containers, which belong in the digest: a model that was made anew under an
            old name gives other predictions.
        isolated: whether its containers have no network.
    """

    name: str
    content: Any
    isolated: bool


def checked(models: Models, name: str) -> ModelFacts:
    """Describe a model, and check that batch transform can use it.

    Raises:
        RequestRefused: there is no such model, or its artefacts are uncompressed.
    """
    described = models.find(name)
    if described is None:
        raise RequestRefused(
            f"There is no SageMaker model {name!r} in this account and region; create it, or"
            " correct model.name"
        )
    problems = list(_problems(described))
    if problems:
        raise RequestRefused(f"Batch transform cannot use model {name!r}: {'; '.join(problems)}")
    return ModelFacts(
        name=name,
        content=[_content(each) for each in _containers(described)],
        isolated=bool(described.get("EnableNetworkIsolation", False)),
    )


def of_package_group(models: Models, group: str, version: str, role: str) -> ModelFacts:
    """Come by the model of a package version; it is made once, and found again ever after.

    Raises:
        RequestRefused: a model of that name is another, or cannot be used.
    """
    name = model_name(group, version)
    if models.find(name) is None:
        models.create(name, version, role)
    facts = checked(models, name)
    if [each.get("ModelPackageName") for each in facts.content] != [version]:
        raise RequestRefused(
            f"Model {name!r} exists, but is not of the package version {version}; delete it"
        )
    return facts


def latest_version(models: Models, group: str) -> str:
    """Return the ARN of the latest approved version of a model package group.

    Raises:
        RequestRefused: no version is approved.
    """
    version = models.latest_approved(group)
    if version is None:
        raise RequestRefused(
            f"Model package group {group!r} has no approved version in this account and region;"
            " approve one"
        )
    return version


def _containers(described: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    primary = described.get("PrimaryContainer")
    return [primary] if primary else described.get("Containers", [])


def _content(container: Mapping[str, Any]) -> dict[str, Any]:
    names = ("Image", "ModelDataUrl", "Environment", "ModelPackageName")
    return {name: container[name] for name in names if container.get(name)}


def _problems(described: Mapping[str, Any]) -> Iterator[str]:
    # https://docs.aws.amazon.com/sagemaker/latest/dg/large-model-inference-uncompressed.html
    for container in _containers(described):
        source = container.get("ModelDataSource", {}).get("S3DataSource", {})
        if (
            source.get("CompressionType", "Gzip") == "None"
            or source.get("S3DataType") == "S3Prefix"
        ):
            yield "its artefacts are uncompressed; pack them as model.tar.gz"
        elif source:
            yield "it names its artefacts in ModelDataSource; name them in ModelDataUrl"


class SageMakerModels:
    """Models through a boto3 client."""

    def __init__(self, client: Any) -> None:
        """Use a client whose region, endpoint and credentials are set."""
        self._client = client

    def find(self, name: str) -> Mapping[str, Any] | None:
        """Describe a model."""
        try:
            with translated():
                described: Mapping[str, Any] = self._client.describe_model(ModelName=name)
        except RequestRefused as error:
            if "Could not find model" not in str(error):
                raise
            return None
        return described

    def latest_approved(self, group: str) -> str | None:
        """Return the latest approved version."""
        pages = self._client.get_paginator("list_model_packages").paginate(
            ModelPackageGroupName=group,
            ModelApprovalStatus="Approved",
            SortBy="CreationTime",
            SortOrder="Descending",
        )
        with translated():
            for page in pages:  # the service filters a page after it is cut: it may be empty
                for found in page["ModelPackageSummaryList"]:
                    return str(found["ModelPackageArn"])
        return None

    def create(self, name: str, package: str, role: str) -> None:
        """Make a model of a package version."""
        try:
            with translated():
                self._client.create_model(
                    ModelName=name,
                    PrimaryContainer={"ModelPackageName": package},
                    ExecutionRoleArn=role,
                )
        except NameTaken:
            return
