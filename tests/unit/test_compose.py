"""What can be checked of docker-compose.yaml and Dockerfile where there is no Docker engine."""

import importlib.util
import json
import re
import tomllib

import jsonschema
import pytest
from airflow.cli.cli_parser import get_parser
from cryptography.fernet import Fernet
from packaging.requirements import Requirement

from batch_transform.scoring.deployment import Deployment
from tests.compose import environment_of, load
from tests.project import PROJECT

ENVIRONMENT = environment_of(PROJECT / ".env")
LAPTOP = PROJECT / "docker-compose.yaml"
OVERRIDE = PROJECT / "docker-compose.production.yaml"
COMPOSE = load(LAPTOP, environment=ENVIRONMENT)
PRODUCTION = load(LAPTOP, OVERRIDE, environment=ENVIRONMENT)
SERVICES = COMPOSE["services"]
DOCKERFILE = (PROJECT / "Dockerfile").read_text()
AIRFLOW = [
    name for name, service in SERVICES.items() if service.get("command", [""])[0] == "airflow"
]
ENDING = {"migrate", "seed"}  # do their work and end


def environment(service):
    return {name: str(value) for name, value in SERVICES[service]["environment"].items()}


def arguments_of(service):
    return dict(each[2:].split("=", 1) for each in SERVICES[service]["command"][3:])


PARTS = {"migrate", "api-server", "scheduler", "dag-processor", "triggerer", "worker"}
SCHEMA = json.loads((PROJECT / "tests" / "golden" / "compose.schema.json").read_text())


@pytest.mark.parametrize("content", [COMPOSE, PRODUCTION], ids=["laptop", "production"])
def test_the_files_are_what_the_specification_of_compose_says(content):
    """The schema is that of https://github.com/compose-spec/compose-spec."""
    jsonschema.Draft7Validator(SCHEMA).validate(content)
    wrong = {**content, "services": {"x": {"image": "y", "comand": []}}}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft7Validator(SCHEMA).validate(wrong)


def test_what_must_be_set_is_set_and_nothing_else():
    asked = set(re.findall(r"\$\{(\w+)", LAPTOP.read_text() + OVERRIDE.read_text()))
    assert asked == ENVIRONMENT.keys()
    for name in asked:
        without = {each: value for each, value in ENVIRONMENT.items() if each != name}
        with pytest.raises(KeyError, match=name):
            load(LAPTOP, OVERRIDE, environment=without)


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_runs_as_root(name):
    user = SERVICES[name]["user"].partition(":")[0]
    assert user not in ("", "0", "root")
    if user.isdigit():
        assert f"--uid {user}" in DOCKERFILE


def test_workers_take_tasks_from_redis_and_leave_their_results_in_airflows_database():
    found = environment("worker")
    assert found["AIRFLOW__CORE__EXECUTOR"] == "CeleryExecutor"
    assert found["AIRFLOW__CELERY__BROKER_URL"] == "redis://redis:6379/0"
    result = found["AIRFLOW__CELERY__RESULT_BACKEND"]
    assert result == f"db+{found['AIRFLOW__DATABASE__SQL_ALCHEMY_CONN']}"


def test_production_is_without_the_stand_ins():
    services = PRODUCTION["services"]
    assert set(services) == (PARTS | {"redis"})
    for name in PARTS:
        service = services[name]
        assert "build" not in service, "an image that somebody has looked at"
        assert set(service["depends_on"]) <= services.keys()
        assert service["environment"]["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS"] == "False"
        assert Deployment.from_environ(service["environment"]).keep.keys() == {
            "inputs",
            "outputs",
            "quarantine",
        }
        assert service["command"] == SERVICES[name]["command"]
        assert service["restart"] == ("no" if name == "migrate" else "always")
    assert services["api-server"]["ports"] == ["127.0.0.1:8080:8080"]


def test_airflow_runs_in_its_parts_after_its_database_is_ready():
    assert set(AIRFLOW) == PARTS
    for name in set(AIRFLOW) - {"migrate"}:
        assert SERVICES[name]["depends_on"]["migrate"] == {
            "condition": "service_completed_successfully"
        }


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_depends_on_services_that_can_meet_the_condition(name):
    for other, need in SERVICES[name].get("depends_on", {}).items():
        assert other in SERVICES
        if need["condition"] == "service_healthy":
            assert "healthcheck" in SERVICES[other]


@pytest.mark.parametrize("name", SERVICES)
def test_the_modules_that_a_service_runs_exist(name):
    command = SERVICES[name].get("command", [])
    if command[:2] == ["python", "-m"]:
        assert importlib.util.find_spec(command[2])


@pytest.mark.parametrize("name", [each for each in SERVICES if each not in ENDING])
def test_a_service_that_stays_says_whether_it_is_well(name):
    kind, *command = SERVICES[name]["healthcheck"]["test"]
    assert kind in ("CMD", "CMD-SHELL")
    if command[0] == "airflow":
        get_parser().parse_args(command[1:])  # ends the process where Airflow knows no such word
    if command[:2] == ["python", "-c"]:
        compile(command[2], name, "exec")


def test_only_the_ui_is_published_and_only_to_this_machine():
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"api-server": ["127.0.0.1:8080:8080"]}


def test_airflow_and_the_package_get_settings_they_can_read():
    found = environment("scheduler")
    assert all(environment(name) == found for name in AIRFLOW)
    Fernet(found["AIRFLOW__CORE__FERNET_KEY"])
    assert len(found["AIRFLOW__API_AUTH__JWT_SECRET"]) >= 64
    assert Deployment.from_environ(found).root.bucket == "batch-transform"
    aws = json.loads(found["AIRFLOW_CONN_AWS_DEFAULT"])
    port = arguments_of("aws")["port"]
    assert aws["extra"]["endpoint_url"] == f"http://aws:{port}"
    assert json.loads(found["AIRFLOW_CONN_WAREHOUSE"])["host"] in SERVICES


def test_seeding_uses_the_bucket_and_the_database_of_airflow():
    arguments = arguments_of("seed")
    assert arguments["bucket"] == "batch-transform"
    assert "dbname=warehouse" in arguments["warehouse"]
    assert "CREATE DATABASE warehouse" in COMPOSE["configs"]["warehouse"]["content"]
    assert (PROJECT / arguments["features"]).is_file()
    assert (PROJECT / arguments_of("aws")["containers"]).is_file()


def test_the_image_holds_what_runs_and_installs_the_pinned_versions():
    kept = re.findall(r"^!(\S+)", (PROJECT / ".dockerignore").read_text(), re.MULTILINE)
    assert all((PROJECT / name).exists() for name in kept)
    assert {"dags", "plugins", "include", "local", "requirements.txt"} == set(kept)
    pattern = re.search(r"grep -o '([^']+)' requirements.txt", DOCKERFILE)[1]
    pinned = re.findall(pattern, (PROJECT / "requirements.txt").read_text(), re.MULTILINE)
    assert len(pinned) == 1
    assert "uv pip sync --system --no-cache requirements.txt" in DOCKERFILE
    assert "uv pip install --system --no-cache --no-deps ./local/aws" in DOCKERFILE


def test_the_pinned_versions_are_ones_that_the_local_aws_takes():
    """It is installed without its dependencies, which nothing else would check."""
    project = tomllib.loads((PROJECT / "local" / "aws" / "pyproject.toml").read_text())["project"]
    lock = (PROJECT / "requirements.txt").read_text()
    pinned = dict(re.findall(r"^([\w.-]+)==([\w.]+)", lock, re.MULTILINE))
    needed = [Requirement(each) for each in project["dependencies"]]
    assert needed
    assert [each for each in needed if not each.specifier.contains(pinned[each.name])] == []
