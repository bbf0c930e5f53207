"""What people use today works unmodified, given an endpoint."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
VENV = ROOT / ".venv-clients"
LOCK = HERE / "clients.txt"


@pytest.fixture(scope="session")
def clients_python():
    """The interpreter of an environment with the pinned clients, made when it is not there."""
    stamp = VENV / ".installed"
    if not stamp.exists() or stamp.read_text() != LOCK.read_text():
        uv = Path(sys.executable).with_name("uv")
        environment = {**os.environ, "UV_CACHE_DIR": str(ROOT / ".cache" / "uv")}
        python = VENV / "bin" / "python"
        for command in (
            [uv, "venv", "--quiet", "--clear", "--python", sys.executable, VENV],
            [uv, "pip", "install", "--quiet", "--require-hashes", "-r", LOCK, "--python", python],
        ):
            subprocess.run(command, env=environment, check=True)
        stamp.write_text(LOCK.read_text())
    return VENV / "bin" / "python"


@pytest.fixture
def environment(lab, tmp_path):
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AWS_ENDPOINT_URL": lab.aws.endpoint_url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }


@pytest.fixture
def work(lab):
    lab.put(a__csv=b"7,1,2\n8,3,4\n")
    return lab.bucket, lab.model("test/upper:1"), lab.name()


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
def test_clients_of_their_own_environment(clients_python, environment, work, lab, client, output):
    command = [clients_python, HERE / "stock_clients.py", client, lab.aws.endpoint_url, *work]
    assert output_of(command, environment).endswith(output)


@pytest.fixture
def aws_libraries(clients_python, tmp_path):
    """A folder with aiobotocore and the botocore it pins, which deferring needs, and no more."""
    folder = tmp_path / "libraries"
    folder.mkdir()
    (installed,) = VENV.glob("lib/python*/site-packages")
    for name in ("aiobotocore", "aioitertools", "boto3", "botocore", "s3transfer"):
        (folder / name).symlink_to(installed / name)
    return folder


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
    command = [sys.executable, HERE / "stock_airflow.py", mode, *work]
    assert output_of(command, environment).splitlines()[-1] == "Completed"
    assert lab.outputs() == {"a.csv.out"}


def test_boto3_waiter(lab, work):
    _, model, _ = work
    job = lab.start(model=model)
    waiter = lab.sagemaker.get_waiter("transform_job_completed_or_stopped")
    waiter.wait(TransformJobName=job, WaiterConfig={"Delay": 0.05, "MaxAttempts": 400})
    assert lab.describe(job)["TransformJobStatus"] == "Completed"
