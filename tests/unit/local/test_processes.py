"""Processes of the laptop stack, with small programs in place of Airflow."""

import os
import signal
import subprocess
import sys

import psutil
import pytest

from local.errors import Interrupted, ProcessFailed
from local.interrupts import interruptible, uninterrupted
from local.processes import Command, Processes

STARTS_A_CHILD_THAT_LEAVES_THE_FAMILY = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
time.sleep(600)
"""
IGNORES_TERMINATION = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(600)
"""


@pytest.fixture
def processes(tmp_path):
    started = Processes(tmp_path / "logs")
    yield started
    started.stop()


@pytest.fixture
def start(processes, tmp_path):
    def start(program, **changes):
        settings = {"name": "program", "env": os.environ, "cwd": tmp_path, "grace_seconds": 0.2}
        return processes.start(
            Command(**{**settings, **changes}, argv=[sys.executable, "-c", program])
        )

    return start


def printed(running):
    """Wait for the first line that a process prints."""
    running.wait_until(lambda: running.log.read_text().endswith("\n"), 30)
    return running.log.read_text().strip()


def test_a_process_that_ends_early_is_named_with_its_last_words_and_its_log(start):
    running = start("print('the port is taken'); raise SystemExit(3)")
    with pytest.raises(ProcessFailed) as failure:
        running.wait_until(lambda: False, 30)
    assert "program ended with exit code 3. It said: the port is taken" in str(failure.value)
    assert str(running.log) in str(failure.value)


def test_a_process_that_is_never_ready_is_named(start):
    running = start("import time; time.sleep(600)")
    with pytest.raises(ProcessFailed, match="program was not ready after 0 s"):
        running.wait_until(lambda: False, 0.2)


def test_a_look_at_all_finds_the_one_that_died(processes, start):
    start("import time; time.sleep(600)", name="healthy")
    processes.check()
    start("raise SystemExit('out of disk')", name="sick").process.wait()
    with pytest.raises(ProcessFailed, match="sick ended with exit code 1. It said: out of disk"):
        processes.check()


def test_a_task_that_came_to_its_end_is_no_failure(processes, start):
    start("pass").finish()
    processes.check()


def test_stopping_ends_children_too(processes, start):
    running = start(STARTS_A_CHILD_THAT_LEAVES_THE_FAMILY)
    child = psutil.Process(int(printed(running)))
    processes.stop()
    assert not child.is_running()
    assert not psutil.pid_exists(running.process.pid)


def test_stopping_ends_what_ignores_termination(processes, start):
    running = start(IGNORES_TERMINATION)
    printed(running)
    processes.stop()
    assert not psutil.pid_exists(running.process.pid)


def test_those_that_serve_others_end_last(processes, start, tmp_path):
    say_when_ended = """
import pathlib, signal, sys
def end(*_):
    with open("ended", "a") as stream: stream.write(sys.argv[1])
    sys.exit()
signal.signal(signal.SIGTERM, end)
print("ready", flush=True)
signal.pause()
"""
    for name, serves_others in (("database", True), ("client", False)):
        program = say_when_ended.replace("sys.argv[1]", repr(name + "\n"))
        printed(start(program, name=name, serves_others=serves_others, grace_seconds=30))
    processes.stop()
    assert (tmp_path / "ended").read_text().split() == ["client", "database"]


def test_the_next_start_ends_what_a_killed_one_left(processes, start):
    running = start("import time; time.sleep(600)")
    Processes(processes.folder).end_leftovers()
    assert not psutil.pid_exists(running.process.pid)


def test_a_stranger_with_the_same_process_id_is_left_alone(processes, start):
    running = start("import time; print('ready', flush=True); time.sleep(600)")
    printed(running)
    (record,) = (processes.folder / "running").iterdir()
    os.utime(record, (1.0, 1.0))
    Processes(processes.folder).end_leftovers()
    assert running.process.poll() is None
    assert not record.exists()


DIES_AS_SOON_AS_IT_HAS_STARTED_A_PROCESS = """
import os, pathlib, subprocess, sys
from local.processes import Command, Processes
class Popen(subprocess.Popen):
    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        print(self.pid, flush=True)
        os._exit(9)
subprocess.Popen = Popen
folder = pathlib.Path(sys.argv[1])
argv = [sys.executable, "-c", "import time; time.sleep(600)"]
Processes(folder).start(Command(name="program", argv=argv, env=os.environ, cwd=folder.parent))
"""


def test_a_process_is_on_record_however_early_its_starter_is_killed(processes):
    killed = subprocess.run(
        [sys.executable, "-c", DIES_AS_SOON_AS_IT_HAS_STARTED_A_PROCESS, processes.folder],
        stdout=subprocess.PIPE,
        check=False,
    )
    assert killed.returncode == 9
    left = psutil.Process(int(killed.stdout))
    assert left.is_running()
    Processes(processes.folder).end_leftovers()
    assert not left.is_running()


def test_an_interrupt_waits_until_a_started_process_is_known():
    known = []

    def start():
        with interruptible(), uninterrupted():
            os.kill(os.getpid(), signal.SIGINT)
            known.append("process")

    with pytest.raises(Interrupted):
        start()
    assert known == ["process"]


def test_an_interrupt_comes_once():
    cleaned_up = []

    def work():
        with interruptible():
            try:
                os.kill(os.getpid(), signal.SIGTERM)
            finally:
                os.kill(os.getpid(), signal.SIGINT)
                cleaned_up.append(True)

    with pytest.raises(Interrupted):
        work()
    assert cleaned_up == [True]
