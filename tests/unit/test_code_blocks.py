"""Every code block of README and docs is run, or read by what it is for; none is only shown.

A block is told by its language and its first words. One that nothing here knows fails the test, so
that a new one comes with a way to try it.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass

import psycopg
import pytest
import sqlglot
import yaml
from airflow.cli.cli_parser import get_parser
from airflow.models import Connection
from airflow.sdk._shared.module_loading import import_string

from batch_transform.params import run_params
from batch_transform.scoring.deployment import Deployment
from batch_transform.scoring.kinds import KINDS
from batch_transform.scoring.pipelines import read_pipeline
from batch_transform.scoring.sources.unloaded.engine import Unloaded
from tests.project import PIPELINES, PROJECT

PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]
WHEEL = "airflow_batch_transform-0.1.0-py3-none-any.whl"


@dataclass(frozen=True)
class Block:
    """A block, where it stands."""

    place: str
    language: str
    text: str


def blocks():
    for page in PAGES:
        text = page.read_text()
        for found in re.finditer(r"^```(\w*)[^\n]*\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
            line = text[: found.start()].count("\n") + 1
            yield Block(f"{page.name}:{line}", found[1], found[2])


BLOCKS = list(blocks())
# Run elsewhere, as the test that is named says.
ELSEWHERE = {
    ("console", r"make (demo|test)\n$"): "tests/unit/test_readme.py",
    ("python", r"# dags/batch_transform"): "tests/integration/test_wheel.py",
    ("python", r"from airflow.sdk import DAG, task\nfrom batch"): "tests/unit/airflow/test_dags.py",
    ("python", r"# dags/late_flights"): "tests/unit/airflow/test_downstream_docs.py",
    ("python", r"import json\nfrom hashlib"): "tests/unit/airflow/test_spark_docs.py",
    ("python", r"from batch_transform.preload"): "tests/unit/airflow/test_preload.py",
    ("sql", r"SELECT pg_advisory_lock"): "tests/contract/warehouse/test_postgres_page.py",
    ("yaml", r"notify:"): "tests/unit/airflow/test_downstream_docs.py",
    ("mermaid", r"flowchart LR\n    N\[plan\]"): "tests/unit/test_readme.py",
    ("", r"(batch-transform .*\n)+$"): "tests/unit/test_docs.py",
}
# What a program prints, or sends, and a drawing: nothing that a reader would run.
SHOWN = {
    ("text", r""),
    ("mermaid", r"flowchart TB"),
    ("sql", r"(SET timezone TO|LOCK|-- <deployment,) "),
    ("sql", r"(DESC STAGE|ALTER SESSION SET) "),  # of tests/golden: test_snowflake_statements.py
}


def is_known(block, kinds):
    if block.place.startswith("quick-start.md:"):
        return kinds is ELSEWHERE  # all of the page: tests/integration/test_quick_start.py
    return any(block.language == kind and re.match(start, block.text) for kind, start in kinds)


def of(language, start):
    return [b for b in BLOCKS if b.language == language and re.match(start, b.text)]


def named(found):
    return pytest.mark.parametrize("block", found, ids=[block.place for block in found])


# By what each other kind of block is tried below.
SHELL = of("sh", r"")
AIRFLOW = of("", r"(airflow |echo '\{\"transform-)")
EXPORTS = of("", r"export ")
VARIABLES = of("", r"AIRFLOW__")
SETTINGS = of("yaml", r"(source|target|workers):")
CONTRACTS = of("yaml", r"\w+: integer\n")
GRANTS = of("sql", r"GRANT")
SNOWFLAKE = of("sql", r"(CREATE STORAGE|USE ROLE)")
LISTS = of("json", r'{\n "rows"')
SERVED = [*SHELL, *AIRFLOW, *EXPORTS, *VARIABLES]
TRIED = [*SERVED, *SETTINGS, *CONTRACTS, *GRANTS, *SNOWFLAKE, *LISTS]


def test_every_block_is_tried():
    unknown = [
        block.place
        for block in BLOCKS
        if block not in TRIED and not is_known(block, ELSEWHERE) and not is_known(block, SHOWN)
    ]
    assert unknown == []
    assert all((PROJECT / path).is_file() for path in ELSEWHERE.values())
    for kind in ELSEWHERE:
        same = [block for block in BLOCKS if block.language == kind[0]]
        assert any(re.match(kind[1], each.text) for each in same), f"no block is {kind} any more"


# As the programs of these names do what the recipes ask; not every machine has them.
ZIP = """
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w") as archive:
    for name in sys.argv[2:]:
        archive.write(name)
"""
UNZIP = """
import fnmatch, sys, zipfile
assert sys.argv[1] == "-p"
with zipfile.ZipFile(sys.argv[2]) as archive:
    for name in fnmatch.filter(archive.namelist(), sys.argv[3]):
        sys.stdout.write(archive.read(name).decode())
"""


@pytest.fixture
def shell(tmp_path):
    """Run a script where what needs a network, or Docker, is recorded in place of being done."""
    calls, programs = tmp_path / "calls", tmp_path / "bin"
    programs.mkdir()
    for name in ("pip", "aws", "docker", "helm", "airflow", "spark-submit"):
        stand_in = programs / name
        stand_in.write_text(f'#!/bin/sh\nprintf "%s\\n" "{name} $*" >> {calls}\ncat > /dev/null\n')
        stand_in.chmod(0o755)
    for name, body in (("zip", ZIP), ("unzip", UNZIP)):
        archiver = programs / name
        archiver.write_text(f"#!{sys.executable}\n{body}")
        archiver.chmod(0o755)

    def run(script):
        path = f"{programs}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=tmp_path,
            env={"PATH": path, "HOME": str(tmp_path)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return calls.read_text().splitlines() if calls.exists() else []

    return run


@pytest.fixture
def files(tmp_path):
    """What the recipes of an installation find: the wheel, the plugins, pipelines."""
    with zipfile.ZipFile(tmp_path / WHEEL, "w") as wheel:
        needs = "Requires-Dist: boto3>=1.38\nRequires-Dist: pyspark; extra == 'spark'\n"
        wheel.writestr("airflow_batch_transform-0.1.0.dist-info/METADATA", f"Name: x\n{needs}")
    (tmp_path / "plugins").mkdir()
    shutil.copy(PROJECT / "plugins" / ".airflowignore", tmp_path / "plugins")
    shutil.copy(PROJECT / ".env", tmp_path)
    for folder in ("include/pipelines", "my-astro-project/plugins", "my-astro-project/include"):
        (tmp_path / folder).mkdir(parents=True)
    return tmp_path


@named(SHELL)
def test_a_recipe_of_an_installation_does_what_it_says(block, shell, files):
    calls = shell(block.text)
    if "plugins.zip" in block.text:
        assert zipfile.ZipFile(files / "plugins.zip").namelist() == [WHEEL]
        assert (files / "requirements.txt").read_text().endswith(f"{WHEEL}\n")
        assert calls == ["aws s3 sync pipelines s3://my-mwaa-bucket/dags/pipelines"]
    elif "astro" in block.text:
        project = files / "my-astro-project"
        assert (project / "plugins" / ".airflowignore").is_file()
        assert (project / "requirements.txt").read_text() == "boto3>=1.38\n"
        assert (project / ".env").read_text().startswith("BATCH_TRANSFORM_S3_URI=s3://")
    elif "compose" in block.text:
        assert (files / "production.env").read_text() == (PROJECT / ".env").read_text()
        named = re.findall(r"-f (\S+)", " ".join(calls))
        assert all((PROJECT / name).is_file() for name in named)
        assert [call.split()[-2:] for call in calls] == [["config", "-q"], ["up", "-d"]]
    elif "helm" in block.text:
        assert [call.split()[:2] for call in calls] == [["docker", "build"], ["helm", "upgrade"]]
    elif "spark-submit" in block.text:
        job = (PROJECT / "docs" / "spark" / "extract_job.py").read_text()
        (call,) = calls
        assert all(f'"{option}"' in job for option in re.findall(r"--\w+", call))
    else:
        assert calls == [f"pip install {WHEEL}"]


def lines_of(text):
    """The lines of a script; those that go on are one."""
    return [line for line in text.replace("\\\n", " ").splitlines() if line.strip()]


@named(AIRFLOW)
def test_airflow_knows_the_commands_and_the_package_what_they_ask(block, tmp_path, shell):
    if block.text.startswith("echo"):
        assert shell(block.text) == ["airflow pools import pools.json"]
        (pool,) = json.loads((tmp_path / "pools.json").read_text()).values()
        assert pool["include_deferred"]
        return
    for line in lines_of(block.text):
        words = shlex.split(line)
        assert words[0] == "airflow"
        parsed = get_parser().parse_args(words[1:])
        conf = getattr(parsed, "conf", None) or getattr(parsed, "dag_run_conf", None)
        asked = json.loads(conf)
        assert asked
        assert asked.keys() <= run_params().keys()


@named(EXPORTS)
def test_variables_can_be_read_by_what_they_are_for(block, monkeypatch):
    pairs = [shlex.split(line)[1].split("=", 1) for line in lines_of(block.text)]
    environ = {"BATCH_TRANSFORM_S3_URI": "s3://my-bucket/runs", **dict(pairs)}
    assert Deployment.from_environ(environ).root.bucket == "my-bucket"
    for name, value in pairs:
        if name.startswith("AIRFLOW_CONN_"):
            monkeypatch.setenv(name, value)
            assert Connection.from_json(value) if value.startswith("{") else Connection(uri=value)


@named(VARIABLES)
def test_airflows_own_settings_name_what_there_is(block):
    pairs = dict(line.split("=", 1) for line in lines_of(block.text))
    backend = import_string(pairs["AIRFLOW__SECRETS__BACKEND"])
    assert backend(**json.loads(pairs["AIRFLOW__SECRETS__BACKEND_KWARGS"]))


@named(SETTINGS)
def test_settings_make_a_valid_pipeline_of_a_shipped_one(block, tmp_path):
    folder = tmp_path / "flight_delay"
    shutil.copytree(PIPELINES / "flight_delay", folder)
    path = folder / "pipeline.yaml"
    changes = yaml.safe_load(block.text)
    if "files" in changes.get("source", {}):
        (folder / "features.sql").unlink()
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **changes}))
    read = read_pipeline(folder)
    assert read.name == "flight_delay"


@named(CONTRACTS)
def test_a_contract_says_a_kind_of_each_column(block):
    assert set(yaml.safe_load(block.text).values()) <= set(KINDS)


@named(SNOWFLAKE)
def test_what_an_administrator_does_is_sql_that_snowflake_takes(block):
    for statement in sqlglot.parse(block.text, dialect="snowflake"):
        assert statement.sql(dialect="snowflake")


@named(LISTS)
def test_a_list_of_slices_is_read(block):
    listed = Unloaded.model_validate_json(block.text)
    assert listed.rows == sum(file.rows for file in listed.files)


@named(GRANTS)
def test_grants_are_sql_that_postgres_takes(block, database):
    schemas = {"predictions": ["flight_delay"], "source": ["flights"]}
    with psycopg.connect(database) as connection:
        for schema, tables in schemas.items():
            connection.execute(f"CREATE SCHEMA {schema}")
            for table in (*tables, "batch_transform_ledger", "batch_transform_quarantine"):
                connection.execute(f"CREATE TABLE {schema}.{table} (id int)")
        connection.execute("CREATE ROLE loader")
        database_name = connection.info.dbname
        connection.execute(block.text.replace("DATABASE dev", f'DATABASE "{database_name}"'))
        connection.rollback()
