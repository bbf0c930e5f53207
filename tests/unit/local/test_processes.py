"""Processes of the laptop stack, with small programs in place of Airflow."""

import os
import shutil
import signal
import subprocess
import sys

import psutil
import pytest

from local.errors import Interrupted, ProcessFailed
from local.interrupts import interruptible
from local.processes import Command, Processes

SLEEPS = "import time; print('ready', flush=True); time.sleep(600)"
STARTS_A_CHILD = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
"""
STARTS_A_CHILD_AND_WAITS = STARTS_A_CHILD + "time.sleep(600)"
IGNORES_TERMINATION = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(600)
"""


@pytest.fixture
def processes(tmp_path):
    started = Processes(tmp_path / "stack")
    yield started
    started.stop()


@pytest.fixture
def start(processes):
    def start(program, **changes):
        settings = {"name": "program", "env": os.environ, "grace_seconds": 0.2}
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
    running = start(STARTS_A_CHILD_AND_WAITS)
    child = psutil.Process(int(printed(running)))
    processes.stop()
    assert not child.is_running()
    assert not psutil.pid_exists(running.process.pid)


def test_stopping_ends_what_ignores_termination(processes, start):
    running = start(IGNORES_TERMINATION)
    printed(running)
    processes.stop()
    assert not psutil.pid_exists(running.process.pid)


def test_those_that_serve_others_end_last(processes, start):
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
    assert (processes.workplace / "ended").read_text().split() == ["client", "database"]


def test_the_next_start_ends_what_a_killed_one_left(processes, start):
    running = start(SLEEPS)
    Processes(processes.folder).end_leftovers()
    assert not psutil.pid_exists(running.process.pid)


def test_leftovers_are_ended_though_their_folder_was_deleted(processes, start):
    running = start(SLEEPS)
    printed(running)
    shutil.rmtree(processes.folder)
    Processes(processes.folder).end_leftovers()
    assert not psutil.pid_exists(running.process.pid)


def test_a_shell_that_a_person_left_in_the_folder_is_no_leftover(processes):
    processes.workplace.mkdir(parents=True)
    with subprocess.Popen(
        ["/bin/sh", "-c", "read until_end"], cwd=processes.workplace, stdin=subprocess.PIPE
    ) as shell:
        processes.end_leftovers()
        assert shell.poll() is None
        shell.stdin.close()


def test_what_works_elsewhere_is_no_leftover(processes, start):
    running = start(SLEEPS)
    Processes(processes.folder.with_name("sta")).end_leftovers()
    assert running.process.poll() is None


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
Processes(folder).start(Command(name="program", argv=argv, env=os.environ))
"""


def test_a_process_is_a_leftover_however_early_its_starter_is_killed(processes):
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


INTERRUPTED_AS_SOON_AS_IT_HAS_STARTED_A_PROCESS = """
import os, pathlib, signal, subprocess, sys
import local.up
from local.__main__ import main
from local.processes import Command, Processes
class Popen(subprocess.Popen):
    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        print(self.pid, flush=True)
        os.kill(os.getpid(), signal.SIGINT)
def keep_up(port, say):
    subprocess.Popen = Popen
    argv = [sys.executable, "-c", "import time; time.sleep(600)"]
    Processes(folder).start(Command(name="program", argv=argv, env=os.environ))
folder = pathlib.Path(sys.argv.pop())
local.up.keep_up = keep_up
sys.exit(main())
"""


def test_an_interrupt_while_a_process_is_started_leaves_no_process(processes):
    interrupted = subprocess.run(
        [
            *(sys.executable, "-c", INTERRUPTED_AS_SOON_AS_IT_HAS_STARTED_A_PROCESS),
            *("up", processes.folder),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert interrupted.stderr == "Interrupted; everything that was started is stopped.\n"
    assert not psutil.pid_exists(int(interrupted.stdout))


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


ENDS_THE_FIRST_TIME = """
import pathlib, time
was_here = pathlib.Path("was-here")
if not was_here.exists():
    was_here.touch()
    raise SystemExit("database is gone")
time.sleep(600)
"""


def test_what_has_ended_by_itself_is_started_again(processes, start):
    first = start(ENDS_THE_FIRST_TIME, restarts=True)
    assert first.process.wait() == 1
    (second,) = processes.restart_ended()
    assert processes.running == [second]
    assert second.command == first.command
    assert processes.restart_ended() == []


def test_what_ends_whenever_it_is_started_is_given_up(processes, start):
    running = start("raise SystemExit('no database')", restarts=True)
    for _ in range(4):
        running.process.wait()
        (running,) = processes.restart_ended()
    running.process.wait()
    with pytest.raises(ProcessFailed, match="program ended with exit code 1. It said: no database"):
        processes.restart_ended()


def test_what_cannot_be_started_again_ends_the_stack(processes, start):
    start("raise SystemExit(3)").process.wait()
    with pytest.raises(ProcessFailed, match="program ended with exit code 3"):
        processes.restart_ended()


def test_children_of_what_ended_are_ended_before_it_is_started_again(processes, start):
    running = start(STARTS_A_CHILD, restarts=True)
    child = psutil.Process(int(printed(running)))
    running.process.wait()
    processes.restart_ended()
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_a_long_wait_gives_signs_of_life(start, monkeypatch):
    monkeypatch.setattr("local.processes._SIGN_OF_LIFE_SECONDS", 0.0)
    said = []
    start(SLEEPS).wait_until(lambda: len(said) == 2, 30, said.append)
    assert said == ["  waiting for program"] * 2
