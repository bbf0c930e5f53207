"""The model, the transform job, and its limits."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from batch_transform.scoring.pipeline.fields import (
    BadRecords,
    Duration,
    Flag,
    Integer,
    Number,
    Place,
    Section,
    Text,
    matching,
    twice,
)
from batch_transform.scoring.pipeline.governance import DataCapture, KmsKey, Tags, Variables, Vpc

_MOST_IN_FLIGHT_MB = 100
AWS_NAME = r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"
_AwsName = Annotated[
    str,
    BeforeValidator(
        matching(
            AWS_NAME,
            "must be a name in SageMaker, of letters, digits and hyphens between them, at most 63",
        )
    ),
]
INSTANCE_TYPE = r"ml\.[a-z0-9-]+\.[a-z0-9]+"
_InstanceType = Annotated[
    str,
    BeforeValidator(matching(INSTANCE_TYPE, "must be an instance type, such as ml.m5.large")),
]
PACKAGE_VERSION = r"arn:aws[a-z-]*:sagemaker:[a-z0-9-]+:\d{12}:model-package/[a-zA-Z0-9-]+/\d+"
_PackageVersion = Annotated[
    str,
    BeforeValidator(
        matching(
            PACKAGE_VERSION,
            "must be the ARN of a version, such as"
            " arn:aws:sagemaker:us-east-1:123456789012:model-package/churn/3",
        )
    ),
]
_Role = Annotated[
    str,
    BeforeValidator(
        matching(
            r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]{1,512}",
            "must be the ARN of a role, such as arn:aws:iam::123456789012:role/scoring",
        )
    ),
]


class Model(Section):
    """The SageMaker model: by its name, or of a model package.

    Attributes:
        name: name of a SageMaker model.
        package_group: instead of a name: the latest approved version of this model package group,
            whose model is made when it is first used.
        package_version: instead of either: the ARN of one version, whose model is made when it is
            first used.
        role: with a package, and for the versions that a run asks for: ARN of the execution role
            of the models that are made.
        vpc: subnets and security groups of the containers: of models that are made; another model
            that has not just these is refused.
        network_isolation: whether the containers have no network: those of models that are made;
            another model that has one is refused.
    """

    name: _AwsName | None = None
    package_group: _AwsName | None = None
    package_version: _PackageVersion | None = None
    role: _Role | None = None
    vpc: Vpc | None = None
    network_isolation: Flag = False

    def broken(self) -> Iterator[tuple[Place, str]]:
        """Tell a name from a package; a role may stand by for the versions that a run asks for."""
        named = [self.name, self.package_group, self.package_version]
        if sum(each is not None for each in named) != 1:
            yield (), "give one of name, package_group and package_version"
        elif self.name is None and self.role is None:
            yield ("role",), "goes with a package: the role of the models that are made of it"

    @property
    def label(self) -> str:
        """Name for people."""
        if self.package_version is not None:
            return "/".join(self.package_version.split("/")[-2:])
        return self.name or f"latest approved of {self.package_group}"


class Transform(Section):
    """Settings of the transform job, in the terms of CreateTransformJob.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html

    Attributes:
        instance_type: such as ``ml.m5.large``.
        instance_types: instead of one: several; where the service has none left of one, the next is
            tried.
        instance_count: 1 to 100, of each job; a partition with fewer records takes fewer.
        jobs: number of jobs that score a partition at once, each the records of some slices of the
            extract: for more than 100 instances, or to start and to lose less at a time.
        strategy: ``MultiRecord`` or ``SingleRecord``.
        max_concurrent_transforms: requests at once on each instance.
        max_payload_mb: bound of one request; times the requests at once at most 100.
        kms_key: KMS key of all that a run keeps in S3: shards, manifests, outputs, quarantine;
            without one the bucket's own default.
        volume_kms_key: KMS key of the instances' volumes; of types with local disks none.
        environment: variables of the model's containers, by name. No place for a secret: whoever
            may describe the job reads them.
        tags: tags of the job, by name.
        data_capture: where a record is kept of which objects a job read and wrote.
        join: ``engine``: SageMaker joins record and prediction; ``line``: the job returns
            predictions alone, and ``load`` gives each to the record of its line.
        overrides: raw CreateTransformJob fields, merged last.
    """

    instance_type: _InstanceType | None = None
    instance_types: Annotated[tuple[_InstanceType, ...], Field(min_length=2)] | None = None
    instance_count: Annotated[Integer, Field(ge=1, le=100)] = 1
    jobs: Annotated[Integer, Field(ge=1, le=100)] = 1
    strategy: Literal["MultiRecord", "SingleRecord"]
    max_concurrent_transforms: Annotated[Integer, Field(ge=1, le=100)] = 1
    max_payload_mb: Annotated[Integer, Field(ge=1, le=100)] = 6
    kms_key: KmsKey | None = None
    volume_kms_key: KmsKey | None = None
    environment: Variables = Field(default_factory=dict)
    tags: Tags = Field(default_factory=dict)
    data_capture: DataCapture | None = None
    join: Literal["engine", "line"] = "engine"
    overrides: dict[str, Any] = Field(default_factory=dict)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Instance types in the order in which they are tried; the next where one is sold out."""
        return self.instance_types or (self.instance_type or "",)

    def requested(self, section: str, field: str, default: str) -> str:
        """Return a field of a section of the request, such as DataProcessing: overrides win."""
        overridden = self.overrides.get(section)
        return str(overridden.get(field, default)) if isinstance(overridden, dict) else default

    def broken(self) -> Iterator[tuple[Place, str]]:
        """Hold the instance types to one setting, and the requests to what the service takes."""
        if (self.instance_type is None) == (self.instance_types is None):
            yield (), "give either instance_type or instance_types"
        for kind in twice(self.instance_types or ()):
            yield ("instance_types",), f"names {kind} more than once"
        in_flight = self.max_concurrent_transforms * self.max_payload_mb
        if in_flight > _MOST_IN_FLIGHT_MB:
            yield (
                ("max_concurrent_transforms",),
                f"max_concurrent_transforms x max_payload_mb is {in_flight}; the service allows"
                f" {_MOST_IN_FLIGHT_MB}",
            )


class Limits(Section):
    """When a run gives up.

    Attributes:
        deadline: how long the jobs of a run may take from the creation of the first: ``90m``,
            ``6h``, at most ``28d``; then the one that runs is stopped. As long again is waited for
            the service to take the job.
        bad_records: how many records may have no fit prediction: a share, ``0.1%`` or ``0.001``, of
            which one record at least; or a count, ``25``, or ``0``; one more fails the run, and
            nothing is loaded.
        max_rounds: how many further jobs a run may start.
        diagnose_jobs: how many of them may still look for the record that is to blame, once more
            are bad than are allowed: nothing is loaded then, but the failure names the record.
        instance_hours: instance hours of a run's jobs, from start to end, after which no other is
            started.
        cost: USD that the jobs of a run may cost, at the prices of ``BATCH_TRANSFORM_PRICES``; what
            is expected is held to it before the first job, and what is used before each further
            one.
        over_cost: where a run is expected to cost more: ``fail``; or ``ask`` a person, in Airflow.
        on_limit: ``fail``; or ``load_rest``: where a limit is hit, load what has a prediction and
            quarantine the rest, but for records that may be good.
    """

    deadline: Duration = timedelta(hours=6)
    bad_records: BadRecords = 0.001
    max_rounds: Annotated[Integer, Field(ge=0, le=20)] = 8
    diagnose_jobs: Annotated[Integer, Field(ge=0, le=20)] = 3
    instance_hours: Annotated[Number, Field(gt=0)] | None = None
    on_limit: Literal["fail", "load_rest"] = "fail"
    cost: Annotated[Number, Field(gt=0)] | None = None
    over_cost: Literal["fail", "ask"] = "fail"

    def allowed(self, records: int) -> int:
        """Return how many of so many records may be bad: of a share above 0 at least one."""
        limit = self.bad_records
        if limit >= 1 or limit == 0:
            return int(limit)
        return max(1, math.floor(limit * records))

    def of_share(self, share: float) -> Limits:
        """Return the limits of a job that is sent a share of the records: its share of the hours.

        Jobs at once do not know what the others use, and keep within the run's hours all the same.
        """
        if self.instance_hours is None or share == 1:
            return self
        return self.model_copy(update={"instance_hours": self.instance_hours * share})


class Recover(Section):
    """What becomes of answers that are there, and wrong.

    Attributes:
        placeholder: what the model answers for a record that it cannot score, such as ``ERROR``.
        unfit: what becomes of a record whose answer cannot be read, is the placeholder, or is not
            as ``predictions`` declares: ``quarantine``; ``resend`` sends it again by itself first;
            ``fail`` fails the run.
        miscounted: what becomes of a shard with more or fewer answers than records: ``resend``
            sends it again with a record to a request; ``fail`` fails the run.
    """

    placeholder: Text | None = None
    unfit: Literal["quarantine", "resend", "fail"] = "quarantine"
    miscounted: Literal["resend", "fail"] = "resend"
