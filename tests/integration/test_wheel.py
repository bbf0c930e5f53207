"""The package as others install it: a wheel beside Airflow alone, or a plugins folder."""

import email
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from functools import partial
from pathlib import Path

import pytest

from sagemaker_local.testing import running
from tests.project import PIPELINES, PROJECT, readme_block

PACKAGE = PROJECT / "plugins" / "batch_transform"
UV = Path(sys.executable).with_name("uv")
# But for the room of Iceberg, which needs the extra of that name.
IMPORT_ALL = """
import pkgutil, importlib, batch_transform
for module in pkgutil.walk_packages(batch_transform.__path__, "batch_transform."):
    if ".warehouse.iceberg." not in module.name:
        importlib.import_module(module.name)
print(batch_transform.__file__)
"""


def run(*command, environment=None, ends=0, **settings):
    """Run a command as somebody would who never saw this repository; return what it prints."""
    foreign = ("AIRFLOW", "BATCH_TRANSFORM", "AWS_", "PYTHON")
    inherited = {name: os.environ[name] for name in os.environ if not name.startswith(foreign)}
    cache = {"UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR", str(PROJECT / ".cache" / "uv"))}
    done = subprocess.run(
        list(map(str, command)),
        env={**inherited, **cache, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
        **settings,
    )
    assert done.returncode == ends, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from what belongs to it alone."""
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"):
        shutil.copy(PROJECT / name, source)
    shutil.copytree(PACKAGE, source / "plugins" / "batch_transform")
    run(UV, "build", "--quiet", "--wheel", "--out-dir", source / "dist", source, cwd=source)
    (built,) = (source / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """A Python that has the wheel and what it requires, in the versions of this repository."""
    folder = tmp_path_factory.mktemp("fresh") / "venv"
    run(UV, "venv", "--quiet", "--python", sys.executable, folder)
    python = folder / "bin" / "python"
    pins = PROJECT / "requirements.txt"
    run(UV, "pip", "install", "--quiet", "--python", python, "--constraints", pins, wheel)
    return python


@pytest.fixture(scope="module")
def pipelines(tmp_path_factory):
    """A folder of pipelines that lies nowhere near the package; one of them is invalid."""
    root = tmp_path_factory.mktemp("elsewhere") / "pipelines"
    shutil.copytree(PIPELINES, root)
    (root / "broken").mkdir()
    (root / "broken" / "pipeline.yaml").write_text("owner: me\n")
    return root


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """A database as Airflow makes it, without which its commands do nothing."""
    home = tmp_path_factory.mktemp("home")
    run(sys.executable, "-m", "airflow", "db", "migrate", environment={"AIRFLOW_HOME": str(home)})
    return f"sqlite:///{home}/airflow.db"


@pytest.fixture
def airflow(database, tmp_path):
    """A function that runs an Airflow command, and returns what it prints as JSON."""

    def call(python, *arguments, ends=0):
        environment = {
            "AIRFLOW_HOME": str(tmp_path),
            "AIRFLOW__CORE__DAGS_FOLDER": str(tmp_path / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(tmp_path / "plugins"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database,
            "BATCH_TRANSFORM_S3_URI": "s3://bucket/runs",
        }
        command = (python, "-m", "airflow", *arguments, "--output", "json")
        printed = run(*command, environment=environment, ends=ends, cwd=tmp_path)
        return json.loads(printed[printed.index("\n[") if "\n[" in printed else 0 :])

    return call


def of_wheel(wheel, name):
    with zipfile.ZipFile(wheel) as archive:
        (path,) = (path for path in archive.namelist() if path.endswith(name))
        return archive.read(path).decode()


def test_the_wheel_has_every_file_of_the_package_and_no_other(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    files = {
        f"batch_transform/{path.relative_to(PACKAGE)}"
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert names == files


def test_the_wheel_requires_nothing_of_the_laptop_or_the_workshop(wheel):
    metadata = email.message_from_string(of_wheel(wheel, ".dist-info/METADATA"))
    required = {
        re.split(r"[\[><=; ]", each)[0]: each
        for each in metadata.get_all("Requires-Dist")
        if "extra ==" not in each
    }
    needed, laptop, workshop = (
        set(re.findall(r"^([a-z][\w-]*)", part, re.MULTILINE))
        for part in (PROJECT / "requirements.in").read_text().split("\n\n")
    )
    assert not required.keys() & (laptop | workshop)
    assert required.keys() - needed <= {"typing-extensions"}
    assert all(">=" in each for each in required.values()), "a version nobody has tried"
    assert "<4" in required["apache-airflow"]


def test_the_version_is_that_of_the_package(wheel):
    import batch_transform

    assert wheel.name.startswith(f"airflow_batch_transform-{batch_transform.__version__}-")


def test_every_module_can_be_imported_with_what_the_wheel_requires(installed, tmp_path):
    where = run(
        installed, "-c", IMPORT_ALL, cwd=tmp_path, environment={"AIRFLOW_HOME": str(tmp_path)}
    )
    assert str(installed.parents[1]) in where, "not this repository's"


def test_the_readmes_three_lines_beside_the_wheel_are_a_dag_for_each_pipeline(
    installed, pipelines, airflow, tmp_path
):
    dags = tmp_path / "dags"
    dags.mkdir()
    for name in ("batch_transform.py", "batch_transform_invalid.py"):
        text = readme_block(f"# dags/{name}")
        assert len(text.split("\n")) <= 5, "three lines, and a blank one"
        (dags / name).write_text(text.replace("/opt/airflow/pipelines", str(pipelines)))
    check(partial(airflow, installed))


def test_a_plugins_folder_does_without_the_wheel(pipelines, airflow, tmp_path):
    """As on MWAA: folders beside each other, and nothing on the path."""
    for name in ("dags", "plugins"):
        shutil.copytree(PROJECT / name, tmp_path / name)
    shutil.copytree(pipelines, tmp_path / "include" / "pipelines")
    check(partial(airflow, sys.executable))


def test_a_stranger_scores_a_hundred_records_with_the_wheel_alone(installed, tmp_path):
    command = installed.with_name("batch-transform")
    with running() as aws:
        aws.containers.register("half:1", [sys.executable, "-c", HALF])
        call = partial(run, command, environment=of_a_stranger(aws, tmp_path), cwd=tmp_path)
        source = ("--file", "apples.csv", "--files", "s3://lake/apples/{{ partition }}.csv")
        target = ("--target", "s3://mart/apples", "--target-conn-id", "aws_default")
        day = ("--start-date", "2013-06-01", "--owner", "me")
        call("new", "apples", *source, *target, *day, "--model", "half", "--id", "apple_id")
        assert "1 pipeline, all valid" in call("check")
        left = json.loads(call("run", "apples", "2013-06-01", "--limit", "100", "--json"))
    assert (left["load"]["rows"], left["load"]["published"]) == (100, False)
    assert left["transform"]["how"] == "started"


HALF = """
from sagemaker_local.container import ModelHandler, serve

class Model(ModelHandler):
    def answer(self, body):
        return b"0.5\\n" * body.count(b"\\n")

serve(Model)
"""


def of_a_stranger(aws, folder):
    """A file of apples here and in S3, a model, and the environment that knows where they are."""
    apples = "apple_id,weight\n" + "".join(f"{each},{each / 2}\n" for each in range(150))
    (folder / "apples.csv").write_text(apples)
    for bucket in ("runs", "lake", "mart"):
        aws.client("s3").create_bucket(Bucket=bucket)
    aws.client("s3").put_object(Bucket="lake", Key="apples/2013-06-01.csv", Body=apples.encode())
    aws.client("sagemaker").create_model(
        ModelName="half",
        ExecutionRoleArn="arn:aws:iam::123456789012:role/scoring",
        PrimaryContainer={"Image": "half:1"},
    )
    extra = {"endpoint_url": aws.endpoint_url, "region_name": "us-east-1"}
    connection = {"conn_type": "aws", "login": "test", "password": "secret", "extra": extra}
    return {
        "AIRFLOW_HOME": str(folder / "airflow"),
        "AIRFLOW_CONN_AWS_DEFAULT": json.dumps(connection),
        "BATCH_TRANSFORM_S3_URI": "s3://runs/nightly",
    }


def check(call):
    """Hold an installation to its DAGs, its plugin and the report of what is invalid."""
    assert {each["dag_id"] for each in call("dags", "list", "--local")} == {
        "flight_delay",
        "support_sentiment",
        "batch_transform_janitor",
    }
    assert "batch_transform" in {each["name"] for each in call("plugins")}
    (error,) = call("dags", "list-import-errors", "--local", ends=1)
    assert error["filepath"].endswith("batch_transform_invalid.py")
    assert "Pipeline 'broken' is not valid" in error["error"]
