"""``batch-transform iam``: policies as files, as JSON and as Terraform."""

import json

import pytest

from tests.project import PIPELINES

ACCOUNT = ("--account", "123456789012", "--region", "eu-central-1", "--pipelines", PIPELINES)


@pytest.fixture
def iam(invoke):
    return lambda *flags, env=None: invoke("iam", "flight_delay", *flags, env=env)


def test_a_file_for_each_policy(iam, tmp_path):
    ran = iam(*ACCOUNT, "--out", tmp_path / "made")
    assert ran.code == 0
    written = {path.name for path in (tmp_path / "made").iterdir()}
    assert {f"wrote {tmp_path}/made/{name}" for name in written} == set(ran.out.splitlines())
    assert written == {
        "airflow-aws_default.json",
        "execution-role.json",
        "execution-role-trust.json",
        "bucket-policy.json",
        "bucket-lifecycle.json",
        "grants.sql",
    }


def test_terraform_says_the_same(iam):
    plain = iam(*ACCOUNT, "--json").json["files"]
    files = iam(*ACCOUNT, "--terraform", "--json").json["files"]
    made = json.loads(files["flight_delay.tf.json"])
    documents = made["data"]["aws_iam_policy_document"]
    for label, file in (
        ("flight_delay_aws_default", "airflow-aws_default.json"),
        ("flight_delay_execution", "execution-role.json"),
        ("flight_delay_bucket", "bucket-policy.json"),
    ):
        statements = [_listed(each) for each in json.loads(plain[file])["Statement"]]
        assert [_as_policy(each) for each in documents[label]["statement"]] == statements
    role = made["resource"]["aws_iam_role"]["flight_delay_execution"]
    assert json.loads(role["assume_role_policy"]) == json.loads(plain["execution-role-trust.json"])
    rules = made["resource"]["aws_s3_bucket_lifecycle_configuration"]["flight_delay_bucket"]
    assert rules["bucket"] == "test-bucket"
    assert [rule["id"] for rule in rules["rule"]] == [
        rule["ID"] for rule in json.loads(plain["bucket-lifecycle.json"])["Rules"]
    ]
    assert files["grants.sql"] == plain["grants.sql"]


def _as_policy(statement):
    """A statement of Terraform's data source as it makes it."""
    made = {
        "Sid": statement["sid"],
        "Effect": statement["effect"],
        "Action": statement["actions"],
        "Resource": statement["resources"],
    }
    if "principals" in statement:
        made["Principal"] = statement["principals"]["identifiers"][0]
    if statement["condition"]:
        made["Condition"] = {}
    for each in statement["condition"]:
        made["Condition"].setdefault(each["test"], {})[each["variable"]] = each["values"]
    return made


def _listed(statement):
    """A statement whose conditions have lists of values, also where there is one."""
    conditions = {
        test: {name: each if isinstance(each, list) else [each] for name, each in names.items()}
        for test, names in statement.get("Condition", {}).items()
    }
    return {**statement, "Condition": conditions} if conditions else statement


def test_what_is_asked_for_can_be_answered(invoke):
    ran = invoke(
        "iam", "flight_delay", "--pipelines", PIPELINES, answers="123456789012\neu-west-1\n"
    )
    assert ran.code == 0
    assert "arn:aws:sagemaker:eu-west-1:123456789012:transform-job/flight-delay-*" in ran.out


def test_a_wrong_archive_and_a_pipeline_that_is_not_there_are_refused(iam, invoke):
    ran = iam(*ACCOUNT, "--model-data", "model.tar.gz")
    assert (ran.code, ran.out) == (3, "")
    assert "--model-data: 'model.tar.gz' is not an S3 URI" in ran.err
    assert invoke("iam", "flights", *ACCOUNT).code == 3


def test_the_archive_and_the_repository_are_the_execution_roles_alone(iam):
    repository = "arn:aws:ecr:eu-central-1:123456789012:repository/trees"
    given = ("--model-data", "s3://models/trees.tar.gz", "--repository", repository)
    files = iam(*ACCOUNT, *given, "--json").json["files"]
    assert "arn:aws:s3:::models/trees.tar.gz" in files["execution-role.json"]
    assert repository in files["execution-role.json"]
    assert "models/trees" not in files["airflow-aws_default.json"]
