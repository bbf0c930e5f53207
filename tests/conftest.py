"""What every test uses: an Airflow home of its own, and a real PostgreSQL."""

import functools
import os
import shutil
import tempfile
from pathlib import Path

import botocore.session
import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

PROJECT = Path(__file__).parents[1]
_HOME = tempfile.mkdtemp(prefix="airflow-home-")

# Airflow reads its settings on first import, so they are set before any test module is imported.
for _name in [
    name for name in os.environ if name.startswith(("AIRFLOW", "BATCH_TRANSFORM", "AWS_"))
]:
    del os.environ[_name]
os.environ.update(
    {
        "AIRFLOW_HOME": _HOME,
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{_HOME}/airflow.db",
        "BATCH_TRANSFORM_S3_URI": "s3://test-bucket/runs",
        "PYTHONPATH": str(PROJECT),
        "HYPOTHESIS_STORAGE_DIRECTORY": str(PROJECT / ".cache" / "hypothesis"),
        # Without it each request reads the whole environment, to find a proxy.
        "NO_PROXY": ",".join(filter(None, [os.environ.get("NO_PROXY"), "127.0.0.1,localhost"])),
        # At each login six threads would ask this machine's network which cloud it is in.
        "SNOWFLAKE_DISABLE_PLATFORM_DETECTION": "true",
        # Threads of a model that wait for each other would keep both cores from other tests.
        "OMP_WAIT_POLICY": "PASSIVE",
    }
)

# Every session reads megabytes about AWS, and tests make thousands: they are read once.
botocore.session.create_loader = functools.cache(botocore.session.create_loader)

# The same examples for everyone; HYPOTHESIS_PROFILE=default draws others.
settings.register_profile("suite", derandomize=True, database=None, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    """Keep temporary files in this clone; other runs clean up the machine's default folder."""
    if config.option.basetemp is None:
        state = PROJECT / ".state"
        state.mkdir(exist_ok=True)
        config.option.basetemp = str(state / "pytest")


def _is_of_the_laptop(nodeid):
    """Tell whether a test needs the stack that all but those of the commands share."""
    return nodeid.startswith("tests/e2e/") and "/test_commands.py" not in nodeid


class _Scheduling(LoadScopeScheduling):
    """Keeps together on one worker what shares a file, or the laptop stack."""

    def _split_scope(self, nodeid):
        return "laptop" if _is_of_the_laptop(nodeid) else nodeid.split("::", 1)[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    return _Scheduling(config, log)


def pytest_collection_modifyitems(items):
    """Begin with what takes longest, so that no worker waits for it at the end."""
    items.sort(key=lambda item: not item.nodeid.startswith("tests/e2e/"))


def pytest_unconfigure():
    shutil.rmtree(_HOME, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL server for the whole session; a short path, as a socket's name has 107 bytes."""
    from local.postgres import start_postgres
    from local.processes import Processes

    with tempfile.TemporaryDirectory(prefix="postgres-") as folder:
        processes = Processes(Path(folder))
        try:
            yield start_postgres(processes, thrown_away=True)
        finally:
            processes.stop()


@pytest.fixture(scope="session")
def sagemaker_local_options():
    return {"switches": {"stop_grace_seconds": 0.5}}


@pytest.fixture(scope="module")
def sagemaker_local_of_module(sagemaker_local_server):
    """The session's service, empty at first, for what the tests of a module share."""
    sagemaker_local_server.reset()
    yield sagemaker_local_server
    sagemaker_local_server.reset()


@pytest.fixture(scope="session")
def databases(postgres):
    from tests.databases import Databases

    return Databases(postgres)


@pytest.fixture
def database(databases):
    """The connection string of an empty database, the test's own meanwhile."""
    with databases.lent() as dsn:
        yield dsn
