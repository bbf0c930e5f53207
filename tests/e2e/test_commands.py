"""The commands of the README, as processes of their own."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import psutil
import pytest

PROJECT = Path(__file__).parents[2]
MARK = "BATCH_TRANSFORM_TEST_MARK"


class Started:
    """A command of the laptop in a process group of its own, and all that it starts."""

    def __init__(self, *arguments):
        self.mark = uuid.uuid4().hex
        self.process = subprocess.Popen(
            [sys.executable, "-m", "local", *arguments],
            cwd=PROJECT,
            env={**os.environ, "PYTHONPATH": str(PROJECT), MARK: self.mark},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.output = ""
        self.seen = set()

    def read_until(self, text):
        for line in self.process.stdout:
            self.output += line
            if text in line:
                self.seen |= set(psutil.Process(self.process.pid).children(recursive=True))
                return
        raise AssertionError(f"{text!r} never came:\n{self.output}")

    def finish(self):
        self.output += self.process.stdout.read()
        return self.process.wait()

    def family(self):
        """List every process that inherited this command's mark, or was seen below it.

        PostgreSQL and Airflow write titles over the environment of some of their processes.
        """
        family = set()
        for process in [*psutil.process_iter(), *self.seen]:
            try:
                is_ours = process in self.seen or process.environ().get(MARK) == self.mark
                if is_ours and process.status() != psutil.STATUS_ZOMBIE:
                    family.add(process)
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        return family

    def end(self):
        for process in self.family():
            with contextlib.suppress(psutil.NoSuchProcess):  # it ended with its parent
                process.kill()
        self.finish()
        self.process.stdout.close()


@pytest.fixture
def start():
    started = []

    def start(*arguments):
        started.append(Started(*arguments))
        return started[-1]

    yield start
    for each in started:
        each.end()


def test_the_demo_scores_four_days_of_both_pipelines_and_leaves_no_process(start):
    demo = start("demo")
    demo.read_until("  flight_delay")
    assert demo.finish() == 0, demo.output
    rows = re.findall(
        r"^(\w+) +(2013-06-0\d) +(\d+) +(\d+) +0 +0\.\d{4} +(\d+) +[\d.]+$",
        demo.output,
        re.MULTILINE,
    )
    assert [row[:2] for row in rows] == [
        (pipeline, f"2013-06-0{day}")
        for pipeline in ("flight_delay", "support_sentiment")
        for day in (1, 2, 3, 4)
    ]
    assert [int(source) for _, _, source, _, _ in rows[:4]] == [754, 911, 982, 960]
    said = re.findall(r"^\S+ +(\w+) +(2013-06-0\d) · \d+ rows · mean 0", demo.output, re.MULTILINE)
    assert sorted(said) == [row[:2] for row in rows], "each partition once, by its name"
    assert all(source == predictions and jobs == "1" for _, _, source, predictions, jobs in rows)
    auc = re.search(r"AUC (0\.\d+)", demo.output)
    assert float(auc[1]) > 0.65
    assert "Every count agrees." in demo.output
    assert demo.family() == set()


@pytest.mark.slow
@pytest.mark.parametrize("warehouse", ["redshift", "iceberg"])
def test_the_demo_of_a_warehouse_scores_a_day_once(start, warehouse):
    demo = start(f"demo-{warehouse}")
    assert demo.finish() == 0, demo.output
    assert re.search(r"^754 rows in the source, 754 in .*; 1 load, 1 job\.$", demo.output, re.M)
    assert "Every count agrees." in demo.output
    assert demo.family() == set()


@pytest.mark.parametrize(
    "moment",
    [
        "Starting PostgreSQL",
        pytest.param("Loading a year", marks=pytest.mark.slow),
        "Starting Airflow",
        pytest.param("  flight_delay", marks=pytest.mark.slow),
    ],
)
def test_ctrl_c_at_any_point_leaves_no_process_and_the_next_start_works(start, moment):
    demo = start("demo")
    demo.read_until(moment)
    os.killpg(demo.process.pid, signal.SIGINT)
    assert demo.finish() == 130, demo.output
    assert "everything that was started is stopped" in demo.output
    assert "Traceback" not in demo.output
    assert demo.family() == set()
    following = start("demo")
    following.read_until("Loading a year")


def test_what_a_killed_stack_left_is_ended_by_the_next_start(start):
    killed = start("demo")
    killed.read_until("Loading a year")
    killed.process.kill()
    killed.process.wait()
    assert killed.family()
    following = start("demo")
    following.read_until("Loading a year")
    assert killed.family() == set()


def test_two_at_once_are_told_apart(start):
    first = start("demo")
    first.read_until("Starting PostgreSQL")
    second = start("demo")
    assert second.finish() == 1
    assert "Another 'make demo' runs in this folder" in second.output


def test_up_is_ended_while_it_starts(start):
    up = start("up")
    up.read_until("Starting PostgreSQL")
    up.process.send_signal(signal.SIGTERM)
    assert up.finish() == 0, up.output
    assert up.family() == set()


@pytest.mark.slow
def test_up_prints_where_everything_is_and_ends_with_ctrl_c(start):
    up = start("up")
    up.read_until("Ctrl-C stops it all")
    cli = start("airflow", "dags", "list", "--output", "plain")
    assert cli.finish() == 0, cli.output
    assert "flight_delay" in cli.output
    assert re.search(r"Airflow +http://127\.0\.0\.1:\d+ +user admin, password \S+", up.output)
    components = psutil.Process(up.process.pid).children()
    (scheduler,) = [each for each in components if "scheduler" in each.cmdline()]
    scheduler.kill()
    up.read_until("airflow-scheduler ended and was started again")
    up.process.send_signal(signal.SIGTERM)
    assert up.finish() == 0
    assert up.family() == set()


def test_the_command_line_needs_a_stack_that_is_up(start):
    cli = start("airflow", "dags", "list")
    assert cli.finish() == 1
    assert cli.output.strip() == (
        "No stack is up in this folder: start one with make up, in another window"
    )


def test_a_port_in_use_is_one_clear_sentence(start):
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        up = start("up", "--port", str(port))
        assert up.finish() == 1
    assert up.output.strip() == (
        f"Port {port} is in use: choose another with PORT=, or leave it out and a free one is taken"
    )
