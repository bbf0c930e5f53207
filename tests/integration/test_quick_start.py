"""docs/quick-start.md from its first line to its last, as somebody types it."""

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import yaml
from airflow.cli.cli_parser import get_parser
from typer.testing import CliRunner

from batch_transform.cli.program import command_line
from batch_transform.scoring.pipelines import read_pipeline
from tests.project import PROJECT

PAGE = (PROJECT / "docs" / "quick-start.md").read_text()
BY_HAND, _, IN_AIRFLOW = PAGE.partition("## The same in Airflow")
MADE = "make setup\nmkdir my\ncd my\nexport PATH=$PWD/../.venv/bin:$PATH\n"  # where this test is
ONCE_MORE = "batch-transform run churn 2013-06-01 --publish --json\n"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def blocks(part):
    return re.findall(r"^```(\w+)\n(.*?)^```", part, re.MULTILINE | re.DOTALL)


def write_files(folder, part):
    for language, text in blocks(part):
        if language != "console":
            name = re.match(r"# (\w+\.\w+)", text)
            (folder / (name[1] if name else "customers.csv")).write_text(text)


def typed(folder):
    """Write the files of the page, and return what is typed, in one script."""
    write_files(folder, BY_HAND)
    commands = [text for language, text in blocks(BY_HAND) if language == "console"]
    assert commands.pop(0) == MADE
    commands[0] += "until grep -q serves aws.log; do sleep 0.1; done\n"  # as long as one reads on
    return "".join([*commands, ONCE_MORE])


@pytest.fixture
def folder():
    """A folder that no other run of pytest cleans up."""
    with tempfile.TemporaryDirectory(prefix="quick-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@pytest.fixture
def page(folder):
    """What the page has made, and what was said; all that it started is ended."""
    script = typed(folder)
    port = free_port()
    for path in folder.iterdir():
        path.write_text(path.read_text().replace("4566", port))
    programs = Path(sys.executable).parent
    environment = {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "HOME": str(folder)}
    for name in ("AIRFLOW_HOME", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"):
        environment |= {name: os.environ[name]} if name in os.environ else {}
    process = subprocess.Popen(
        [shutil.which("bash"), "-eu", "-c", script.replace("4566", port)],
        cwd=folder,
        env={**environment, "PYTHONPATH": str(PROJECT / "plugins")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        said, _ = process.communicate(timeout=240)
        yield process.returncode, said
    finally:
        os.killpg(process.pid, signal.SIGTERM)


def test_a_stranger_scores_their_own_csv_with_their_own_container(page):
    code, said = page
    assert code == 0, said
    assert "1 pipeline, all valid" in said
    assert "3 rows" in said
    assert re.search(r"3 +0\.25\n", said), "what the page reads are the predictions"
    assert '"how": "reused"' in said, "no job is paid again"


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A clone's folder, where somebody has come to the part on Airflow."""
    for name in ("my", "local", "include/pipelines"):
        (tmp_path / name).mkdir(parents=True)
    shutil.copy(PROJECT / "local" / "containers.yaml", tmp_path / "local")
    write_files(tmp_path / "my", BY_HAND)
    monkeypatch.chdir(tmp_path / "my")
    (new,) = re.findall(r"^batch-transform (new .*)$", BY_HAND, re.MULTILINE)
    assert CliRunner().invoke(command_line(), shlex.split(new)).exit_code == 0
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_same_pipeline_goes_to_airflow_and_a_table(clone):
    asked = []
    folder, containers = clone / "include/pipelines/churn", clone / "local/containers.yaml"
    for language, text in blocks(IN_AIRFLOW):
        if text.startswith("target:"):
            file = folder / "pipeline.yaml"
            file.write_text(re.sub(r"^target:.*\n", text, file.read_text(), flags=re.MULTILINE))
        elif language == "yaml":
            containers.write_text(containers.read_text() + text)
        elif text.startswith("cp "):
            subprocess.run(shlex.split(text), check=True)
        else:
            asked += [shlex.split(line) for line in text.splitlines()]
    assert read_pipeline(folder).settings.target.table == "predictions.churn"
    _, program = yaml.safe_load(containers.read_text())["images"]["my/churn:1"]["command"]
    assert Path(program.format(folder=clone / "local")).is_file()
    assert asked.pop(0) == ["make", "up"]
    for make, target, words in asked:
        assert (make, target) == ("make", "airflow")
        assert get_parser().parse_args(shlex.split(words.removeprefix("ARGS="))).dag_id == "churn"
