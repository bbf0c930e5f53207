"""What IAM would say: calls of AWS as actions on resources, and policies that allow them or not.

https://docs.aws.amazon.com/service-authorization/latest/reference/reference.html
https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations.html says which rights a call needs.
"""

import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from botocore.client import BaseClient

REGION, ACCOUNT = "us-east-1", "123456789012"


@dataclass(frozen=True)
class Asked:
    """One thing that a call asks of IAM."""

    action: str
    resource: str
    context: dict = field(default_factory=dict, hash=False, compare=False)


@contextmanager
def recording():
    """Record what is asked of AWS in this process; give a list that grows."""
    asked, plain = [], BaseClient._make_api_call

    def record(client, operation, parameters):
        asked.extend(of_call(client.meta.service_model.service_name, operation, parameters))
        return plain(client, operation, parameters)

    BaseClient._make_api_call = record
    try:
        yield asked
    finally:
        BaseClient._make_api_call = plain


def of_call(service, operation, parameters):
    """What a call asks."""
    return {"s3": _s3, "sagemaker": _sagemaker, "logs": _logs}[service](operation, parameters)


_OBJECT = {
    "GetObject": "GetObject",
    "HeadObject": "GetObject",
    "PutObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "CopyObject": "PutObject",
    "AbortMultipartUpload": "AbortMultipartUpload",
}


def _s3(operation, parameters):
    bucket = f"arn:aws:s3:::{parameters['Bucket']}"
    if operation == "ListObjectsV2":
        yield Asked("s3:ListBucket", bucket, {"s3:prefix": parameters.get("Prefix", "")})
        return
    if operation == "ListMultipartUploads":
        yield Asked("s3:ListBucketMultipartUploads", bucket)
        return
    if operation == "DeleteObjects":
        for each in parameters["Delete"]["Objects"]:
            yield Asked("s3:DeleteObject", f"{bucket}/{each['Key']}")
        return
    key = parameters.get("SSEKMSKeyId")
    yield Asked(f"s3:{_OBJECT[operation]}", f"{bucket}/{parameters['Key']}")
    if operation == "CopyObject":
        source = parameters["CopySource"]
        yield Asked("s3:GetObject", f"arn:aws:s3:::{source['Bucket']}/{source['Key']}")
    if key:  # and to read what was stored so, by whomever
        via = {"kms:ViaService": f"s3.{REGION}.amazonaws.com"}
        yield Asked("kms:GenerateDataKey", key, via)
        yield Asked("kms:Decrypt", key, via)


def _arn(kind, name):
    return f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{kind}/{name}"


def _sagemaker(operation, parameters):
    action = f"sagemaker:{operation}"
    if operation == "ListTransformJobs":
        yield Asked(action, "*")
    elif operation == "ListModelPackages":
        yield Asked(action, _arn("model-package", f"{parameters['ModelPackageGroupName']}/*"))
    elif operation in ("AddTags", "ListTags", "DeleteTags"):
        keys = parameters.get("TagKeys") or [tag["Key"] for tag in parameters.get("Tags", [])]
        yield Asked(action, parameters["ResourceArn"], {"aws:TagKeys": keys})
    elif operation in ("DescribeModel", "CreateModel"):
        yield Asked(action, _arn("model", parameters["ModelName"].lower()), _model(parameters))
        if operation == "CreateModel":
            passed = {"iam:PassedToService": "sagemaker.amazonaws.com"}
            yield Asked("iam:PassRole", parameters["ExecutionRoleArn"], passed)
    else:
        arn = _arn("transform-job", parameters["TransformJobName"].lower())
        yield Asked(action, arn, _job(parameters) if operation == "CreateTransformJob" else {})
        if "Tags" in parameters:
            keys = [tag["Key"] for tag in parameters["Tags"]]
            yield Asked("sagemaker:AddTags", arn, {"aws:TagKeys": keys})


def _job(request):
    tags = {f"aws:RequestTag/{tag['Key']}": tag["Value"] for tag in request["Tags"]}
    keys = {
        "sagemaker:OutputKmsKey": request["TransformOutput"].get("KmsKeyId"),
        "sagemaker:VolumeKmsKey": request["TransformResources"].get("VolumeKmsKeyId"),
    }
    return {
        **tags,
        **{name: key for name, key in keys.items() if key},
        "sagemaker:InstanceTypes": [request["TransformResources"]["InstanceType"]],
        "sagemaker:ModelArn": _arn("model", request["ModelName"].lower()),
        "aws:TagKeys": [tag["Key"] for tag in request["Tags"]],
    }


def _model(request):
    network = request.get("VpcConfig", {})
    return {
        "sagemaker:VpcSubnets": network.get("Subnets", []),
        "sagemaker:VpcSecurityGroupIds": network.get("SecurityGroupIds", []),
        "sagemaker:NetworkIsolation": str(request.get("EnableNetworkIsolation", False)).lower(),
    }


def _logs(operation, parameters):
    group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{parameters['logGroupName']}"
    stream = parameters.get("logStreamName", "")
    yield Asked(f"logs:{operation}", f"{group}:log-stream:{stream}")


def grants_of(policy):
    """Each action on each resource that a policy allows, as a policy of its own."""
    for statement in policy["Statement"]:
        for action in statement["Action"]:
            for resource in statement["Resource"]:
                yield {**statement, "Action": [action], "Resource": [resource]}


def allows(statement, asked):
    """Whether a statement allows what is asked."""
    return (
        statement["Effect"] == "Allow"
        and any(fnmatchcase(asked.action, each) for each in statement["Action"])
        and any(_matches(asked.resource, each) for each in statement["Resource"])
        and _holds(statement.get("Condition", {}), asked.context)
    )


def _holds(conditions, context):
    return all(
        _condition(test, context.get(name), wanted)
        for test, names in conditions.items()
        for name, wanted in names.items()
    )


def _condition(test, value, wanted):
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html"""
    wanted = wanted if isinstance(wanted, list) else [wanted]
    quantity, _, operator = test.rpartition(":")
    match = {"StringLike": _matches, "ArnLike": _matches}.get(operator, str.__eq__)
    values = value if isinstance(value, list) else [value]
    if quantity == "ForAllValues":
        return value is None or all(any(match(v, w) for w in wanted) for v in values)
    return value is not None and any(match(v, w) for v in values for w in wanted)


def _matches(text, pattern):
    """``*`` and ``?`` as IAM has them, which pass slashes."""
    parts = (re.escape(part) for part in re.split(r"([*?])", pattern))
    regex = "".join(parts).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(regex, text) is not None
