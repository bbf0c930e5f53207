"""Two runs of one partition at once: they share a job, and their loads take turns."""

import signal
import threading
import time

from tests.chaos.judge import Reader, judge, unfinished
from tests.chaos.runs import DagRun, RunFailed, sweep
from tests.chaos.traps import HELD, Fault

_SECONDS = 60.0
_LOOK_SECONDS = 0.05
_QUIET_SECONDS = 1.5
_WITHOUT = frozenset({"plan", "report"})


def take_turns(nurseries, day, allowed, point):
    """Hold the load of a run back at a point, let another one come so far, and judge both.

    Args:
        nurseries: two.
        day: the partition.
        allowed: how many jobs there may be.
        point: in the middle of a load.
    """
    world, traps = nurseries[0].lane.world, [each.lane.trap for each in nurseries]
    before = len(world.created)
    first, second = (DagRun(each, day, _WITHOUT) for each in nurseries)
    reader = Reader(world.dsn, day)
    try:
        with reader.reading():
            threads = [_begun(first, Fault(point, HELD))]
            _wait_for(lambda: traps[0].struck)
            threads.append(_begun(second))
            _wait_for(lambda: _is_quiet(traps[1]) or not threads[1].is_alive())
            traps[0].gate.set()
            for thread in threads:
                thread.join(_SECONDS)
        verdict = judge(world, second, reader, world.created[before:], allowed)
        verdict.hold(4, "; ".join(first.said + second.said))
        return verdict
    finally:
        traps[0].gate.clear()
        reader.close()


def _is_quiet(trap):
    """Tell whether a load has begun, and waits for something."""
    before = len(trap.calls)
    time.sleep(_QUIET_SECONDS)
    has_begun = any((each.task, each.front) == ("load", "sql") for each in list(trap.calls))
    return has_begun and len(trap.calls) == before


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


def _begun(run, *faults):
    def go():
        try:
            run.go()
        except RunFailed as error:
            run.said.append(str(error))

    run.nursery.lane.trap.set(*faults)
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
