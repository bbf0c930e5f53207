"""The same permissions as Terraform's JSON, in resources of the AWS provider.

https://developer.hashicorp.com/terraform/language/syntax/json
https://registry.terraform.io/providers/hashicorp/aws/latest/docs/data-sources/iam_policy_document
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from batch_transform.scoring.permissions.permissions import Permissions
from batch_transform.scoring.permissions.statement import Conditions, Statement


def terraform(made: Permissions, pipeline: str, bucket: str) -> dict[str, Any]:
    """Return the configuration of a pipeline: its policies, and the execution role with its own.

    Policies of Airflow's roles, and of warehouses', are made, not attached: the roles are yours.
    The bucket's policy is a document alone, to be merged into what the bucket has.
    """
    roles = {
        **{_label(pipeline, f"airflow_{name}"): each for name, each in made.airflow.items()},
        **{_label(pipeline, f"{name}_role"): each for name, each in made.warehouses.items()},
    }
    execution, whole_bucket = _label(pipeline, "execution"), _label(pipeline, "bucket")
    statements = {**roles, execution: made.execution, whole_bucket: made.bucket}
    documents: dict[str, Any] = {name: _document(each) for name, each in statements.items()}
    return {
        "data": {"aws_iam_policy_document": documents},
        "resource": {
            "aws_iam_policy": {
                name: {"name": name.replace("_", "-"), "policy": _json_of(name)} for name in roles
            },
            "aws_iam_role": {
                execution: {
                    "name": execution.replace("_", "-"),
                    "assume_role_policy": json.dumps(made.trust),
                }
            },
            "aws_iam_role_policy": {
                execution: {
                    "role": "${aws_iam_role." + execution + ".id}",
                    "policy": _json_of(execution),
                }
            },
            "aws_s3_bucket_lifecycle_configuration": {
                whole_bucket: {"bucket": bucket, "rule": [*_rules(made.lifecycle)]}
            },
        },
    }


def _label(pipeline: str, of: str) -> str:
    return re.sub(r"\W", "_", f"{pipeline}_{of}")


def _json_of(document: str) -> str:
    return "${data.aws_iam_policy_document." + document + ".json}"


def _document(statements: Iterable[Statement]) -> dict[str, Any]:
    return {"statement": [_statement(each) for each in statements]}


def _statement(statement: Statement) -> dict[str, Any]:
    stated: dict[str, Any] = {
        "sid": statement.sid,
        "effect": statement.effect,
        "actions": sorted(statement.actions),
        "resources": list(dict.fromkeys(statement.resources)),
        "condition": list(_conditions(statement.conditions)),
    }
    if statement.principal:
        stated["principals"] = {"type": "*", "identifiers": [statement.principal]}
    return stated


def _conditions(conditions: Conditions) -> Iterable[dict[str, Any]]:
    for test, wanted in conditions.items():
        for variable, values in wanted.items():
            listed = list(values) if isinstance(values, (list, tuple)) else [values]
            yield {"test": test, "variable": variable, "values": listed}


def _rules(lifecycle: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    for rule in lifecycle["Rules"]:
        made = {"id": rule["ID"], "status": rule["Status"]}
        made["filter"] = {"prefix": rule["Filter"]["Prefix"]}
        if "Expiration" in rule:
            made["expiration"] = {"days": rule["Expiration"]["Days"]}
        if "AbortIncompleteMultipartUpload" in rule:
            days = rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"]
            made["abort_incomplete_multipart_upload"] = {"days_after_initiation": days}
        yield made
