"""The order in which changes of a job are emitted."""

import threading

from sagemaker_lab.samples import DEFAULTS
from sagemaker_local.transform import jobs
from sagemaker_local.transform.clock import Clock
from sagemaker_local.transform.inputs import ManifestError
from sagemaker_local.transform.runner import Run, RunContext


class SlowEvents:
    """Tells of a stop only when the job had the time to end."""

    def __init__(self):
        self.emitted = []
        self.go = threading.Event()
        self.run = None

    def emit(self, job, _now):
        if job.state.status == jobs.STOPPING:
            self.go.set()
            self.run.join(0.2)
        self.emitted.append(job.state.status)


def test_a_stop_is_told_before_the_end_that_it_races_with():
    events, started = SlowEvents(), threading.Event()

    def find_inputs(_job):
        started.set()
        events.go.wait(30)
        raise ManifestError("gone")

    request = {"TransformInput": {}, "TransformOutput": {}}
    spec = jobs.Spec(
        name="j",
        arn="a",
        region="us-east-1",
        created=0.0,
        request=request,
        model={},
        switches=DEFAULTS,
    )
    context = RunContext(
        clock=Clock(),
        events=events,
        containers=None,
        ports=None,
        where=None,
        find_inputs=find_inputs,
        discard=None,
        capture=None,
    )
    events.run = run = Run(jobs.Job(spec), context)
    run.start()
    assert started.wait(30)
    assert run.stop()
    run.join(30)
    assert events.emitted == ["InProgress", "InProgress", "Stopping", "Stopped"]
