"""A process that has imported the product, and forks from itself each attempt at a task.

It reads a request a line, and answers with two: the attempt's process, and how that ended or was
stopped. An attempt leaves its outcome in a file; one that was killed leaves none.
"""

import asyncio
import functools
import gc
import json
import os
import resource
import signal
import sys
import traceback
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import boto3
import time_machine
from airflow.sdk.bases.operator import ExecutorSafeguard
from airflow.sdk.exceptions import (
    AirflowFailException,
    AirflowRescheduleException,
    AirflowSkipException,
    DownstreamTasksSkipped,
    TaskDeferred,
)
from airflow.sdk.execution_time.supervisor import set_supervisor_comms
from botocore.loaders import JSONFileLoader

from batch_transform import connections
from batch_transform.by_hand.stand_in import Attempt, Run
from batch_transform.by_hand.walk import Walk
from batch_transform.dag import scoring_dag
from batch_transform.following import job_task, trigger
from batch_transform.scoring.deployment import Deployment
from batch_transform.scoring.pipelines import read_all
from batch_transform.upkeep import janitor_dag

_LOOK_SECONDS = 0.1
_AT_FIRST_SECONDS = 0.3
_JUMP = timedelta(hours=1)
_TIMEOUT_SECONDS = 2.0  # until a call that hangs is made again
_IMPORTED_EARLY = (
    "airflow.providers.amazon.aws.hooks.base_aws",
    "airflow.providers.postgres.hooks.postgres",
    "duckdb",
    "isal.isal_zlib",
    "pandas",
    "psycopg",
    "psycopg2",
    "pyarrow",
)


class KeptState(dict):
    """A task's memory in a file, as durable as Airflow's database."""

    def __init__(self, path):
        self._path = Path(path)
        super().__init__(json.loads(self._path.read_text()) if self._path.exists() else {})

    def set(self, key, value):
        self[key] = value
        written = self._path.with_suffix(".new")
        with limited_disk(resource.RLIM_INFINITY):
            written.write_text(json.dumps(self))
        written.replace(self._path)


class Airflow:
    """What a task asks of Airflow: the states of runs and tasks, from a file."""

    def __init__(self, path):
        self._path = Path(path)

    def send(self, message):
        kind, states = type(message).__name__, json.loads(self._path.read_text())
        if kind == "GetTaskStates":
            return SimpleNamespace(
                task_states={run: states.get(run, {}) for run in message.run_ids}
            )
        if kind == "GetDRCount":
            return SimpleNamespace(count=len(set(message.run_ids) & set(states)))
        if kind == "GetTaskBreadcrumbs":
            return SimpleNamespace(breadcrumbs=())
        return None


@contextmanager
def limited_disk(size):
    """Let no file grow beyond a size, in bytes, meanwhile."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def outcome(dags, request):
    """Make one attempt at a task, and say how it ended."""
    dag = dags[request["dag"]]
    run = Run(dag=dag, conf=request["conf"], run_id=request["run"])
    walk = Walk(run=run, tell=lambda _: None, left=request["left"])
    task = dag.get_task(request["task"]).prepare_for_execution()
    attempt = Attempt(
        dag_id=dag.dag_id,
        run_id=run.run_id,
        task_id=task.task_id,
        map_index=-1,
        max_tries=request["max"],
        try_number=request["try"],
        id=request["id"],
    )
    context = run.context(task, attempt)
    context["task_state_store"] = KeptState(request["memory"])
    for name in task.template_fields:
        value = walk._value(getattr(task, name))
        setattr(task, name, task.render_template(value, context))
    ExecutorSafeguard.tracker.set(task)
    signal.signal(signal.SIGTERM, lambda *_: task.on_kill())  # as Airflow's task runner does
    return _executed(task, context, attempt, request.get("woken"))


def event(wait):
    """Be the triggerer for one trigger, and return what it says."""
    path, content = wait
    kind = getattr(trigger, path.rpartition(".")[2])
    return {"how": "fired", "event": asyncio.run(_first_event(kind(**content)))}


async def _first_event(waiting):
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asyncio.current_task().cancel)
    try:
        async for each in waiting.run():
            return each.payload
    except asyncio.CancelledError:  # a person has acted on the task
        await waiting.on_kill()
    return None


def _executed(task, context, attempt, woken):
    try:
        if woken:
            method = getattr(task, woken["method"])
            return {"how": "success", "value": method(context, event=woken["event"])}
        if not hasattr(task, "poke"):
            return {"how": "success", "value": task.execute(context)}
        seen = task.poke(context)
        return {"how": "success", "value": seen.xcom_value} if seen else {"how": "again"}
    except AirflowRescheduleException:
        return {"how": "again"}
    except TaskDeferred as deferred:
        path, content = deferred.trigger.serialize()
        return {"how": "deferred", "wait": [path, content], "method": deferred.method_name}
    except AirflowSkipException:
        return {"how": "skipped"}
    except DownstreamTasksSkipped:
        return {"how": "success", "value": attempt.pushed.get("return_value")}
    except AirflowFailException as error:
        return {"how": "failed", "why": f"{type(error.__cause__).__name__}: {error}"}
    except BaseException as error:
        traceback.print_exc()
        return {"how": "retry", "why": f"{type(error).__name__}: {error}"}


def _be_attempt(dags, request):
    os.setsid()
    log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.environ.update(request["environ"])
    now = datetime.now(UTC) + timedelta(seconds=request.get("clock", 0))
    room = 0 if request.get("is_full") else resource.RLIM_INFINITY
    with (
        time_machine.travel(now) as clock,
        set_supervisor_comms(Airflow(request["states"])),
        limited_disk(room),
    ):
        signal.signal(signal.SIGUSR1, lambda *_: clock.shift(-_JUMP))
        signal.signal(signal.SIGUSR2, lambda *_: clock.shift(_JUMP))
        done = event(request["wait"]) if "wait" in request else outcome(dags, request)
    Path(request["outcomes"], f"{os.getpid()}.json").write_text(json.dumps(done, default=str))
    sys.stdout.flush()
    sys.stderr.flush()


def _reap():
    """Let attempts go that were stopped once, and have ended since."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _warm():
    """Do here, once, what each attempt would spend its time on."""
    for module in _IMPORTED_EARLY:
        __import__(module)
    load = functools.cache(JSONFileLoader().load_file)
    JSONFileLoader.load_file = lambda _, path: load(path)
    for service in ("s3", "sagemaker", "logs"):
        boto3.client(service, region_name="us-east-1")


def _dags(folder):
    deployment = Deployment.from_environ(os.environ)
    pipelines = list(read_all(Path(folder)))
    found = [scoring_dag(pipeline, deployment) for pipeline in pipelines]
    return {dag.dag_id: dag for dag in [*found, janitor_dag(pipelines, deployment)]}


def _described(dags):
    return {
        name: [
            {
                "task": task.task_id,
                "after": sorted(task.upstream_task_ids),
                "rule": str(task.trigger_rule),
                "retries": task.retries or 0,
            }
            for task in dag.topological_sort()
        ]
        for name, dag in dags.items()
    }


def main(folder):
    """Fork an attempt for each line that is read."""
    _warm()
    # Jobs of a few records are over within a second.
    job_task._LOOK_SECONDS, job_task._AT_FIRST_SECONDS = _LOOK_SECONDS, _AT_FIRST_SECONDS
    trigger._SHORTEST_SECONDS = 0.0
    connections._PATIENT["read_timeout"] = _TIMEOUT_SECONDS
    dags = _dags(folder)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    print(json.dumps(_described(dags)), file=answers, flush=True)  # a pipe
    for line in sys.stdin:
        request = json.loads(line)
        _reap()
        gc.freeze()  # else a collection in the child would copy every page
        pid = os.fork()
        if not pid:
            status = 1
            try:
                _be_attempt(dags, request)
                status = 0
            finally:
                os._exit(status)
        print(pid, file=answers, flush=True)
        print(os.waitpid(pid, os.WUNTRACED)[1], file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
