"""The SageMaker model of a job: found, checked, and made once where it is a package version.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeModel.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from typing_extensions import override

from batch_transform.scoring.aws.codes import translated
from batch_transform.scoring.errors import NameTaken, RequestRefused
from batch_transform.scoring.jobs.memory import JobMemory
from batch_transform.scoring.names import model_name
from batch_transform.scoring.pipeline import Model


class Models(Protocol):
    """Models and model packages of one account and region. Every call may raise Transient."""

    def find(self, name: str) -> Mapping[str, Any] | None:
        """Describe a model; None where there is none."""

    def latest_approved(self, group: str) -> str | None:
        """Return the ARN of a package group's latest approved version; None where there is none."""

    def create(self, name: str, package: str, spec: Model) -> None:
        """Make a model of a package version; one that exists is left alone.

        Args:
            name: of the model.
            package: ARN of the version.
            spec: says role and network.
        """


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """What a request needs to know of a model.

    Attributes:
        name: for the request's ModelName.
        identity: what belongs in the digest. A model that was made anew under an old name may give
            other predictions even where its containers are the same, since tags of images move; a
            package version never changes.
        isolated: whether its containers have no network.
        vpc: its VpcConfig; empty without one.
    """

    name: str
    identity: Any
    isolated: bool
    vpc: Mapping[str, Sequence[str]] = field(default_factory=dict)


def resolve(models: Models, spec: Model, memory: JobMemory) -> ModelFacts:
    """Describe the model that a pipeline names; all tries of a chain use the version of the first.

    Raises:
        RequestRefused: there is no such model, batch transform cannot use it, or its network is not
            the one that the pipeline wants.
    """
    return _in_its_network(_resolved(models, spec, memory), spec)


def _in_its_network(facts: ModelFacts, spec: Model) -> ModelFacts:
    problems = list(_network_problems(facts, spec))
    if problems:
        raise RequestRefused(f"Model {facts.name!r} is not to be used: {'; '.join(problems)}")
    return facts


def _resolved(models: Models, spec: Model, memory: JobMemory) -> ModelFacts:
    if spec.name is not None:
        return checked(models, spec.name)
    group, version = package_of(spec)
    if not version:
        version = memory.pinned("model_version", lambda: latest_version(models, group))
    return of_package_group(models, group, version, spec)


def package_of(spec: Model) -> tuple[str, str]:
    """Return the model package group that a pipeline names, and the version; empty for the latest.

    ``arn:…:model-package/<group>/<number>`` is a version.
    """
    if spec.package_version is not None:
        return spec.package_version.split("/")[-2], spec.package_version
    return str(spec.package_group), ""


def foreseen(models: Models, spec: Model) -> ModelFacts:
    """Say which model a pipeline would use now, and make none.

    Raises:
        RequestRefused: as ``resolve``.
    """
    if spec.name is not None:
        return _in_its_network(checked(models, spec.name), spec)
    group, version = package_of(spec)
    version = version or latest_version(models, group)
    name = model_name(group, version)
    if models.find(name) is not None:
        return _in_its_network(of_package_group(models, group, version, spec), spec)
    vpc = network(spec).get("VpcConfig", {})
    return ModelFacts(name=name, identity=version, isolated=spec.network_isolation, vpc=vpc)


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
    created = described.get("CreationTime")
    containers = [_content(each) for each in _containers(described)]
    return ModelFacts(
        name=name,
        identity=[name, containers, created.isoformat() if created else ""],
        isolated=bool(described.get("EnableNetworkIsolation", False)),
        vpc=described.get("VpcConfig", {}),
    )


def of_package_group(models: Models, group: str, version: str, spec: Model) -> ModelFacts:
    """Return the model of a package version, which is made once.

    Raises:
        RequestRefused: a model of that name is another, or cannot be used.
    """
    name = model_name(group, version)
    if models.find(name) is None:
        models.create(name, version, spec)
    facts = checked(models, name)
    described = models.find(name) or {}
    if [each.get("ModelPackageName") for each in _containers(described)] != [version]:
        raise RequestRefused(
            f"Model {name!r} exists, but is not of the package version {version}; delete it"
        )
    return replace(facts, identity=version)


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


def network(spec: Model) -> dict[str, Any]:
    """Return the fields of CreateModel that say which network the containers have."""
    fields: dict[str, Any] = {"EnableNetworkIsolation": True} if spec.network_isolation else {}
    if spec.vpc is not None:
        subnets, groups = list(spec.vpc.subnets), list(spec.vpc.security_groups)
        fields["VpcConfig"] = {"Subnets": subnets, "SecurityGroupIds": groups}
    return fields


def _network_problems(facts: ModelFacts, spec: Model) -> Iterator[str]:
    wanted = network(spec).get("VpcConfig", {})
    if spec.network_isolation and not facts.isolated:
        yield "model.network_isolation is true, and it has a network; make it anew without one"
    if wanted and {name: set(ids) for name, ids in wanted.items()} != {
        name: set(ids) for name, ids in facts.vpc.items()
    }:
        yield "it is not in the network of model.vpc; make it anew in that one"


class SageMakerModels(Models):
    """Models through a boto3 client whose region, endpoint and credentials are set."""

    def __init__(self, client: Any) -> None:
        """Use a client; it retries each request as it is configured to."""
        self._client = client

    @override
    def find(self, name: str) -> Mapping[str, Any] | None:
        try:
            with translated():
                described: Mapping[str, Any] = self._client.describe_model(ModelName=name)
        except RequestRefused as error:
            if "Could not find model" not in str(error):
                raise
            return None
        return described

    @override
    def latest_approved(self, group: str) -> str | None:
        pages = self._client.get_paginator("list_model_packages").paginate(
            ModelPackageGroupName=group,
            ModelApprovalStatus="Approved",
            SortBy="CreationTime",
            SortOrder="Descending",
        )
        with translated():
            for page in pages:  # the service filters a page after it is cut: it may be empty
                for package in page["ModelPackageSummaryList"]:
                    return str(package["ModelPackageArn"])
        return None

    @override
    def create(self, name: str, package: str, spec: Model) -> None:
        try:
            with translated():
                self._client.create_model(
                    ModelName=name,
                    PrimaryContainer={"ModelPackageName": package},
                    ExecutionRoleArn=spec.role,
                    **network(spec),
                )
        except NameTaken:
            return
