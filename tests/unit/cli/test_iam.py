"""``batch-transform iam``: policies as files, as JSON and as Terraform."""

import json
import shutil

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


@pytest.mark.parametrize("conn_id", ["aws_default", "execution", "bucket", "redshift"])
def test_terraform_says_the_same(iam, conn_id, monkeypatch):
    monkeypatch.setenv("BATCH_TRANSFORM_AWS_CONN_ID", conn_id)
    plain = iam(*ACCOUNT, "--json").json["files"]
    files = iam(*ACCOUNT, "--terraform", "--json").json["files"]
    made = json.loads(files["flight_delay.tf.json"])
    documents = made["data"]["aws_iam_policy_document"]
    for label, file in (
        (f"flight_delay_airflow_{conn_id}", f"airflow-{conn_id}.json"),
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


def pipeline_with(tmp_path, changes):
    """The shipped pipeline, in which texts of its settings are others."""
    folder = tmp_path / "pipelines" / "flight_delay"
    shutil.copytree(PIPELINES / "flight_delay", folder)
    settings = folder / "pipeline.yaml"
    text = settings.read_text()
    for before, after in changes.items():
        assert before in text
        text = text.replace(before, after, 1)
    settings.write_text(text)
    return folder.parent


def changed(tmp_path, unload, copy):
    """The shipped pipeline, which a warehouse unloads and another one loads."""
    return pipeline_with(
        tmp_path,
        {
            "  conn_id: warehouse\n": f"  conn_id: mart\n  unload: {unload}\n",
            "  table: predictions": f"  {copy}\n  table: predictions",
        },
    )


@pytest.fixture
def redshift(tmp_path):
    """A pipeline that Redshift unloads and loads, each by another connection."""
    copy = "redshift: {workgroup: w, database: d}"
    return changed(tmp_path, "{cluster: c, database: d}", copy)


def test_snowflake_is_granted_what_it_needs_and_its_role_uses_the_runs_alone(invoke, tmp_path):
    pipelines = changed(tmp_path, "{stage: public.runs}", "snowflake: {stage: public.runs}")
    where = ("--account", "123456789012", "--region", "eu-central-1", "--pipelines", pipelines)
    files = invoke("iam", "flight_delay", *where, "--json").json["files"]
    role = json.loads(files["snowflake-role.json"])["Statement"]
    assert role[0]["Resource"] == [
        f"arn:aws:s3:::test-bucket/runs/flight_delay/*/{part}/*" for part in ("rows", "unload")
    ]
    assert {"redshift-role.json", "airflow-mart.json"} & set(files) == set()
    assert 'GRANT USAGE ON STAGE public.runs TO ROLE "loader"' in files["grants.sql"]
    assert "USAGE, CREATE TABLE ON SCHEMA predictions" in files["grants.sql"]
    assert "TABLE predictions.batch_transform_turn_flight_delay" in files["grants.sql"]
    terraform = invoke("iam", "flight_delay", *where, "--terraform", "--json").json["files"]
    made = json.loads(terraform["flight_delay.tf.json"])
    assert "flight_delay_snowflake_role" in made["data"]["aws_iam_policy_document"]


def test_redshift_is_asked_by_its_connections_and_its_role_uses_the_runs_alone(invoke, redshift):
    where = ("--account", "123456789012", "--region", "eu-central-1", "--pipelines", redshift)
    files = invoke("iam", "flight_delay", *where, "--json").json["files"]
    mart, warehouse, role = (
        json.loads(files[f"{name}.json"])["Statement"]
        for name in ("airflow-mart", "airflow-warehouse", "redshift-role")
    )
    home = "eu-central-1:123456789012"
    assert {each["Sid"]: each["Resource"] for each in mart} == {
        "RunStatements": [f"arn:aws:redshift:{home}:cluster:c"],
        "FollowStatements": ["*"],
        "BeUser": [f"arn:aws:redshift:{home}:dbname:c/d"],
    }
    assert warehouse[-1]["Action"] == ["redshift-serverless:GetCredentials"]
    assert role[0]["Resource"] == [
        f"arn:aws:s3:::test-bucket/runs/flight_delay/*/{part}/*" for part in ("rows", "unload")
    ]
    assert "redshift-data:ListStatements" in mart[1]["Action"]
    assert 'GRANT TEMPORARY ON DATABASE d TO "loader"' in files["grants.sql"]
    assert "batch_transform_turn_flight_delay" in files["grants.sql"]
    made = json.loads(
        invoke("iam", "flight_delay", *where, "--terraform", "--json").json["files"][
            "flight_delay.tf.json"
        ]
    )
    assert "flight_delay_redshift_role" in made["data"]["aws_iam_policy_document"]


def test_a_table_of_glue_takes_its_three_tables_and_their_files(invoke, tmp_path):
    place = '{catalog: glue, warehouse: "s3://lake/tables", storage_conn_id: files}'
    folder = pipeline_with(
        tmp_path, {"  conn_id: warehouse\n  table": f"  conn_id: glue\n  iceberg: {place}\n  table"}
    )
    where = ("--account", "123456789012", "--region", "eu-central-1", "--pipelines", folder)
    files = invoke("iam", "flight_delay", *where, "--json").json["files"]
    glue, stored = (
        json.loads(files[f"airflow-{name}.json"])["Statement"] for name in ("glue", "files")
    )
    ours = [f"table/predictions/{name}" for name in ("flight_delay", "batch_transform_ledger")]
    named = [
        "catalog",
        "database/predictions",
        *ours,
        "table/predictions/batch_transform_quarantine",
    ]
    home = "arn:aws:glue:eu-central-1:123456789012"
    assert [each["Resource"] for each in glue] == [[f"{home}:{name}" for name in named]]
    assert stored[0]["Resource"] == ["arn:aws:s3:::lake/tables/*"]
    assert "predictions" not in files["grants.sql"]


def test_athena_reads_the_tables_of_the_query_and_writes_below_the_runs(invoke, tmp_path):
    place = "{catalog: AwsDataCatalog, database: lake, workgroup: nightly}"
    folder = pipeline_with(
        tmp_path, {"  conn_id: warehouse\n": f"  conn_id: lake\n  unload: {place}\n"}
    )
    where = ("--account", "123456789012", "--region", "eu-central-1", "--pipelines", folder)
    files = invoke("iam", "flight_delay", *where, "--json").json["files"]
    queries, catalog, rows, *_ = json.loads(files["airflow-lake.json"])["Statement"]
    home = "eu-central-1:123456789012"
    assert queries["Resource"] == [f"arn:aws:athena:{home}:workgroup/nightly"]
    tables = {each.removeprefix(f"arn:aws:glue:{home}:") for each in catalog["Resource"]}
    assert {"catalog", "database/lake", "database/source", "table/source/flights"} <= tables
    assert rows["Resource"] == [
        f"arn:aws:s3:::test-bucket/runs/flight_delay/*/{part}/*"
        for part in ("unload", "unload-results")
    ]
    assert "GRANT SELECT ON source" not in files["grants.sql"]


def test_a_table_of_glue_for_files_is_made_and_given_partitions(invoke, tmp_path):
    glue = "  glue: {database: lake, table: delays}\n"
    folder = pipeline_with(
        tmp_path, {"  table: predictions.flight_delay\n": f"{glue}  table: s3://lake/delays\n"}
    )
    where = ("--account", "123456789012", "--region", "eu-central-1", "--pipelines", folder)
    files = invoke("iam", "flight_delay", *where, "--json").json["files"]
    *_, table = json.loads(files["airflow-warehouse.json"])["Statement"]
    home = "arn:aws:glue:eu-central-1:123456789012"
    assert table["Resource"] == [
        f"{home}:{each}" for each in ("catalog", "database/lake", "table/lake/delays")
    ]
    assert table["Action"] == ["glue:CreatePartition", "glue:CreateTable", "glue:GetTable"]
