"""What stops a stack before it starts."""

import shutil
import socket
from collections import namedtuple

import pytest

from local.airflow import Secrets, choose_port
from local.errors import LocalError
from local.stack import StackSettings, running_stack

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


def test_a_free_port_is_found_where_none_is_wanted():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", choose_port(None)))


def test_a_wanted_port_is_taken_or_refused():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(LocalError, match=f"Port {port} is in use"):
            choose_port(port)
    assert choose_port(port) == port


def test_secrets_are_made_once_and_read_by_the_owner_alone(tmp_path):
    first = Secrets.of(tmp_path)
    assert Secrets.of(tmp_path) == first
    assert (tmp_path / "secrets.json").stat().st_mode & 0o077 == 0
    other = tmp_path / "other"
    other.mkdir()
    assert Secrets.of(other).password != first.password
