"""What can be checked of docker-compose.yaml and Dockerfile where there is no Docker engine."""

import importlib.util
import json
import re
import tomllib
from pathlib import Path

import pytest
import yaml
from airflow.cli.cli_parser import get_parser
from cryptography.fernet import Fernet
from packaging.requirements import Requirement

from batch_transform.scoring.deployment import Deployment

PROJECT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((PROJECT / "docker-compose.yaml").read_text())
SERVICES = COMPOSE["services"]
DOCKERFILE = (PROJECT / "Dockerfile").read_text()
AIRFLOW = [
    name for name, service in SERVICES.items() if service.get("command", [""])[0] == "airflow"
]
ENDING = {"migrate", "seed"}  # do their work and end


def defaults(text):
    """Resolve `${NAME:-default}` as compose does with nothing set."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)


def environment(service):
    return {name: defaults(str(value)) for name, value in SERVICES[service]["environment"].items()}


def arguments_of(service):
    return dict(each[2:].split("=", 1) for each in SERVICES[service]["command"][3:])


def test_airflow_runs_in_its_four_parts_after_its_database_is_ready():
    assert set(AIRFLOW) == {"migrate", "api-server", "scheduler", "dag-processor", "triggerer"}
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
    assert kind == "CMD"
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
