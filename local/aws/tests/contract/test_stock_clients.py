"""What people use today works unmodified, given an endpoint."""

import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from sagemaker_lab import environments

CLIENTS = Path(__file__).parents[1] / "clients"
LOCK = CLIENTS / "clients.txt"


@pytest.fixture(scope="session")
def clients(pytestconfig):
    """A virtual environment with the pinned clients, kept in pytest's cache for the next time."""
    venv = pytestconfig.cache.mkdir("clients")
    stamp = venv / ".installed"
    if not stamp.exists() or stamp.read_text() != LOCK.read_text():
        environments.make(venv, "--require-hashes", "--requirement", LOCK)
        stamp.write_text(LOCK.read_text())
    return venv


@pytest.fixture
def environment(lab, tmp_path):
    return {"PATH": os.environ["PATH"], "HOME": str(tmp_path), **lab.aws.environment}


@pytest.fixture
def work(lab):
    lab.put(a__csv=b"7,1,2\n8,3,4\n")
    return lab.bucket, lab.model("test/upper:1"), lab.name()


def has_airflow():
    """Whether it is installed; importing it would write to the home directory."""
    try:
        metadata.distribution("apache-airflow-providers-amazon")
    except metadata.PackageNotFoundError:
        return False
    return True


def output_of(command, environment):
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


@pytest.mark.parametrize(
    ("client", "output"),
    [
        ("cli", "Completed\n1,2\n3,4\n"),
        ("aiobotocore", "Completed\n7,1,2\n8,3,4\n\n"),
        ("sdk", "Completed\n7,2\n8,4\n\n"),
    ],
)
def test_clients_of_their_own_environment(clients, environment, work, lab, client, output):
    python, program = clients / "bin" / "python", CLIENTS / "stock_clients.py"
    command = [python, program, client, lab.aws.endpoint_url, *work]
    assert output_of(command, environment).endswith(output)


@pytest.fixture
def aws_libraries(clients, tmp_path):
    """A folder with aiobotocore and the botocore it pins, which deferring needs, and no more."""
    folder = tmp_path / "libraries"
    folder.mkdir()
    (installed,) = clients.glob("lib/python*/site-packages")
    for name in ("aiobotocore", "aioitertools", "boto3", "botocore", "s3transfer"):
        (folder / name).symlink_to(installed / name)
    return folder


@pytest.mark.skipif(not has_airflow(), reason="needs apache-airflow-providers-amazon")
@pytest.mark.parametrize("mode", ["waiting", "deferrable", "sensor"])
def test_airflow(environment, aws_libraries, work, lab, mode, tmp_path):
    if mode == "deferrable":
        environment["PYTHONPATH"] = str(aws_libraries)
    connection = f"aws://test:test@/?region_name=us-east-1&endpoint_url={lab.aws.endpoint_url}"
    environment |= {
        "AIRFLOW_CONN_AWS_DEFAULT": connection.replace(":", "%3A").replace(
            "aws%3A//test%3A", "aws://test:"
        ),
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
    }
    command = [sys.executable, CLIENTS / "stock_airflow.py", mode, *work]
    assert output_of(command, environment).splitlines()[-1] == "Completed"
    assert lab.outputs() == {"a.csv.out"}


def test_boto3_waiter(lab, work):
    _, model, _ = work
    job = lab.start(model=model)
    waiter = lab.sagemaker.get_waiter("transform_job_completed_or_stopped")
    waiter.wait(TransformJobName=job, WaiterConfig={"Delay": 0.05, "MaxAttempts": 400})
    assert lab.describe(job)["TransformJobStatus"] == "Completed"
