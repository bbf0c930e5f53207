"""What stops a stack before it starts."""

import json
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections import namedtuple

import pytest

from local.airflow import Airflow, AirflowSettings, choose_port, command_line
from local.errors import LocalError
from local.postgres import Postgres
from local.processes import Processes
from local.stack import StackSettings, _aws_port, running_stack

Usage = namedtuple("Usage", "total used free")


def test_a_full_disk_is_one_sentence_and_nothing_is_started(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: Usage(10**12, 10**12, 5 * 10**6))
    settings = StackSettings(name="try", port=1, fresh=True, variables={}, state=tmp_path)
    said = []
    with (
        pytest.raises(LocalError, match="has 5 MB free, and the stack needs 1000 MB: make room"),
        running_stack(settings, said.append),
    ):
        pass
    assert said == []


def test_what_was_started_is_stopped_though_nobody_reads_what_is_said(tmp_path, monkeypatch):
    stopped = []

    def say(text):
        raise BrokenPipeError

    monkeypatch.setattr(Processes, "stop", lambda self: stopped.append(self.folder))
    settings = StackSettings(name="try", port=1, fresh=True, variables={}, state=tmp_path)
    with pytest.raises(BrokenPipeError), running_stack(settings, say):
        pass
    assert stopped == [settings.folder]


def test_nothing_interrupts_the_stopping_and_anything_what_comes_after(tmp_path, monkeypatch):
    """What is ignored for good is ignored by every process that is started later, too."""

    def handlers():
        return [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]

    def say(text):
        if text.startswith("Starting"):
            raise LocalError("there is no PostgreSQL")

    meanwhile, before = [], handlers()
    monkeypatch.setattr(Processes, "stop", lambda self: meanwhile.extend(handlers()))
    settings = StackSettings(name="try", port=1, fresh=True, variables={}, state=tmp_path)
    with pytest.raises(LocalError), running_stack(settings, say):
        pass
    assert meanwhile == [signal.SIG_IGN] * 3
    assert handlers() == before
    assert before[1] != signal.SIG_IGN, "or this test would hold nothing"


def test_a_free_port_is_chosen_where_none_is_given():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", choose_port(None)))


def test_a_given_port_is_taken_or_refused():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(LocalError, match=f"Port {port} is in use"):
            choose_port(port)
    assert choose_port(port) == port


def test_the_local_aws_keeps_its_port_unless_another_program_has_taken_it(tmp_path):
    settings = StackSettings(name="try", port=1, fresh=False, variables={}, state=tmp_path)
    settings.folder.mkdir()
    port = _aws_port(settings)
    assert _aws_port(settings) == port
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        other = _aws_port(settings)
    assert other != port
    assert _aws_port(settings) == other


def test_passwords_can_be_read_by_their_owner_alone(tmp_path):
    settings = AirflowSettings(home=tmp_path / "airflow", port=1, connections={}, variables={})
    Airflow(settings, Postgres(socket_folder=tmp_path), Processes(tmp_path))
    assert (settings.home / "passwords.json").stat().st_mode & 0o077 == 0


def test_a_command_of_airflow_does_not_warn_of_graphviz(tmp_path):
    (tmp_path / "environment.json").write_text(json.dumps({"HOME": str(tmp_path)}))
    _, env = command_line(tmp_path, ["dags", "list"])
    warns = "import warnings as w; w.warn('Could not import graphviz. Run'); w.warn('other')"
    told = subprocess.run([sys.executable, "-c", warns], env=env, stderr=subprocess.PIPE, text=True)
    said = re.findall("UserWarning: (.*)", told.stderr)
    assert said == ["other"]
