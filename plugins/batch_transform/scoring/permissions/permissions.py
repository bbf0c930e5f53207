"""Everything that a pipeline needs to be allowed, in one record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.permissions import redshift_access, snowflake_access
from batch_transform.scoring.permissions.airflow_role import Deployed, airflow_roles
from batch_transform.scoring.permissions.bucket import bucket_policy, lifecycle
from batch_transform.scoring.permissions.execution_role import execution_role, trust
from batch_transform.scoring.permissions.grants import grants
from batch_transform.scoring.permissions.statement import Statement, policy

_ROLES = {"redshift": redshift_access.role, "snowflake": snowflake_access.role}


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a pipeline does not say of its surroundings.

    Attributes:
        artefacts: the model's archive; None where it has none, or nobody says.
        repository: ARN of the image's repository in ECR; None where nobody says.
        database_role: that reads the source and loads the target.
        keep_days: after which a run's objects are removed.
    """

    artefacts: S3Uri | None = None
    repository: str | None = None
    database_role: str = "loader"
    keep_days: int = 90


@dataclass(frozen=True, kw_only=True)
class Permissions:
    """What a pipeline needs to be allowed.

    Attributes:
        airflow: statements of the role behind each AWS connection.
        execution: statements of SageMaker's execution role.
        warehouses: statements of the role by which each warehouse uses S3; those that do not are
            left out.
        trust: who may take the execution role.
        bucket: statements of the runs' bucket, for all pipelines of the deployment.
        lifecycle: rules of the runs' bucket.
        grants: SQL for the databases; empty where there is none.
    """

    airflow: Mapping[str, Sequence[Statement]]
    execution: Sequence[Statement]
    warehouses: Mapping[str, Sequence[Statement]]
    trust: Mapping[str, Any]
    bucket: Sequence[Statement]
    lifecycle: Mapping[str, Any]
    grants: str

    def documents(self) -> dict[str, Any]:
        """Return the policies as AWS has them, by the name of a file for each."""
        return {
            **{f"airflow-{conn_id}": policy(each) for conn_id, each in self.airflow.items()},
            **{f"{name}-role": policy(each) for name, each in self.warehouses.items()},
            "execution-role": policy(self.execution),
            "execution-role-trust": dict(self.trust),
            "bucket-policy": policy(self.bucket),
            "bucket-lifecycle": dict(self.lifecycle),
        }


def permissions(deployed: Deployed, others: Sequence[Deployed], facts: Facts) -> Permissions:
    """Return what a pipeline needs to be allowed.

    Args:
        deployed: the pipeline.
        others: the other pipelines of the deployment, whose objects lie in the same bucket.
        facts: of its surroundings.
    """
    files = deployed.account, deployed.runs, deployed.pipeline.settings
    roles = {name: role(*files) for name, role in _ROLES.items()}
    return Permissions(
        airflow=airflow_roles(deployed),
        execution=execution_role(deployed, facts.artefacts, facts.repository),
        warehouses={name: each for name, each in roles.items() if each},
        trust=trust(deployed),
        bucket=bucket_policy(deployed.root, deployed.account, [deployed, *others]),
        lifecycle=lifecycle(deployed.root, facts.keep_days),
        grants=grants(deployed.pipeline, facts.database_role),
    )
