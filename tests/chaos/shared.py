"""Two runs on one job: where a person marks one as failed, the job runs on, and is paid once."""

import signal
import threading
import time

from tests.chaos.judge import Reader, judge, unfinished
from tests.chaos.runs import DagRun, RunFailed, sweep

_SECONDS = 60.0
_LOOK_SECONDS = 0.05
_WITHOUT = frozenset({"plan", "report"})


def share(nurseries, day, allowed):
    """Let two runs want the same job, end one of them, and judge the other."""
    world = nurseries[0].lane.world
    world.aws.faults.freeze()
    before = len(world.created)
    marked, other = (DagRun(each, day, _WITHOUT) for each in nurseries)
    reader = Reader(world.dsn, day)
    try:
        with reader.reading():
            threads = [_begun(marked), _begun(other)]
            _wait_for(lambda: all(_follows(each) for each in nurseries))
            _mark_failed(marked)
            threads[0].join(_SECONDS)
            sweep(nurseries[0])
            for name in unfinished(world, day.pipeline):
                world.aws.release(name)
            threads[1].join(_SECONDS)
        verdict = judge(world, other, reader, world.created[before:], allowed)
        verdict.hold(4, "; ".join(other.said))
        return verdict
    finally:
        world.aws.faults.clear()
        reader.close()


def _begun(run):
    def go():
        try:
            run.go()
        except RunFailed as error:
            run.said.append(str(error))

    run.nursery.lane.trap.set()
    thread = threading.Thread(target=go, daemon=True)
    thread.start()
    return thread


def _follows(nursery):
    """Tell whether the run of a lane has its job, and looks at it."""
    calls = [each.label for each in nursery.lane.trap.calls if each.task.startswith("transform")]
    return "CreateTransformJob" in calls and calls.count("DescribeTransformJob") >= 4


def _mark_failed(run):
    """Do what Airflow does where a person marks a running task as failed."""
    run.is_marked = True
    run.nursery.lane.world.know(run.run_id, {})
    run.nursery.lane.trap.kill(signal.SIGTERM)


def _wait_for(look):
    until = time.monotonic() + _SECONDS
    while not look() and time.monotonic() < until:
        time.sleep(_LOOK_SECONDS)
