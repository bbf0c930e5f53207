"""Running a job: provisioning, its instances, and how it ends."""

from __future__ import annotations

import logging
import shutil
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sagemaker_local.objects import NoSuchObjectError
from sagemaker_local.transform import jobs
from sagemaker_local.transform.inputs import Inputs, ManifestError
from sagemaker_local.transform.logs import InstanceLogs
from sagemaker_local.transform.planning import PlanningError, Where, plans, with_ports
from sagemaker_local.transform.process import AgentProcess

if TYPE_CHECKING:
    from collections.abc import Callable

    from sagemaker_local.agent.plan import Plan
    from sagemaker_local.containers import Containers
    from sagemaker_local.transform.clock import Clock
    from sagemaker_local.transform.events import EventLog
    from sagemaker_local.transform.jobs import Job
    from sagemaker_local.transform.ports import Ports

INTERNAL = "InternalServerError: We encountered an internal error.  Please try again."
CAPACITY = (
    "CapacityError: Unable to provision requested ML compute capacity. "
    "Please retry using a different ML instance type."
)
_SEVERITY = ("InternalServerError", "AlgorithmError", "ClientError")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class RunContext:
    """What running a job needs of the service."""

    clock: Clock
    events: EventLog
    containers: Containers
    ports: Ports
    where: Where
    find_inputs: Callable[[Job], Inputs]
    discard: Callable[[Job], None]
    capture: Callable[[Job, Inputs], None]


class Run:
    """One running job. `start` returns at once."""

    def __init__(self, job: Job, context: RunContext) -> None:
        self.job = job
        self._context = context
        self._agents: list[AgentProcess] = []
        self._lock = threading.Lock()
        self._changing = threading.Lock()
        self._released = threading.Event()
        self._thread = threading.Thread(target=self._run, name=job.spec.name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._emit()
        self._thread.start()

    def stop(self) -> bool:
        """Ask the job to stop; False when it is over or stopping already."""
        if not self._move(jobs.STOPPING):
            return False
        self.wake()
        return True

    def release(self) -> None:
        """Let a frozen job go on."""
        self._released.set()
        self.wake()

    def wake(self) -> None:
        """Wake the job up, so that it sees a change of its state or of the clock."""
        self._context.clock.wake()
        with self._lock:
            for agent in self._agents if self.job.stopping else ():
                agent.ask_to_end()

    def join(self, timeout: float) -> None:
        """Wait for the end."""
        if self._thread.ident is not None:  # a job that was brought back over has never run here
            self._thread.join(timeout)

    def _run(self) -> None:
        try:
            reason = self._attempt()
        except Exception:
            _log.exception("job %s", self.job.spec.name)
            reason = INTERNAL
        if not self._move(jobs.FAILED if reason else jobs.COMPLETED, reason):
            if not self.job.spec.switches["keep_outputs_of_stopped_job"]:
                self._context.discard(self.job)
            self._move(jobs.STOPPED)

    def _move(self, status: str, reason: str | None = None) -> bool:
        """Change to a status if that may follow, and emit its event before the next change."""
        with self._changing:
            moved = self.job.move(status, self._context.clock.now(), reason)
            if moved:
                self._emit()
            return moved

    def _record_start(self) -> bool:
        """Record the start, and emit its event; False when the job is no longer in progress."""
        with self._changing:
            started = self.job.start(self._context.clock.now())
            if started:
                self._emit()
            return started

    def _attempt(self) -> str | None:
        """Run the job; the FailureReason, or None."""
        spec, clock = self.job.spec, self._context.clock
        ready = spec.created + spec.switches["provisioning_seconds"]
        clock.wait_until(ready, unless=lambda: self.job.stopping)
        if "capacity-error" in spec.faults:
            return CAPACITY
        if not self._record_start():
            return None
        if "frozen" in spec.faults:
            clock.wait_until(
                float("inf"), unless=lambda: self.job.stopping or self._released.is_set()
            )
        if "internal-server-error" in spec.faults or _captures_without_types(spec.request):
            return INTERNAL
        if "no-output" in spec.faults or self.job.stopping:
            return None
        return self._transform()

    def _transform(self) -> str | None:
        try:
            inputs = self._context.find_inputs(self.job)
            instance_plans = plans(self.job, inputs, self._context.containers, self._context.where)
        except ManifestError as error:
            return f"ClientError: The manifest cannot be read: {error}"
        except NoSuchObjectError as error:
            return f"ClientError: The input is gone: {error}"
        except PlanningError as error:
            return str(error)
        reasons: list[str | None] = [None] * len(instance_plans)
        logs = [self._logs() for _ in instance_plans]
        if inputs.markers:
            texts = [f"{label}: folder marker, not transformed" for label in inputs.markers]
            logs[0].add("data-log", texts)
        threads = [
            threading.Thread(target=self._instance, args=(number, plan, logs[number], reasons))
            for number, plan in enumerate(instance_plans)
        ]
        for thread in threads:
            thread.daemon = True
            thread.start()
        for thread in threads:
            thread.join()
        reason = _worst([reason for reason in reasons if reason])
        return reason or self._capture(inputs)

    def _capture(self, inputs: Inputs) -> str | None:
        try:
            self._context.capture(self.job, inputs)
        except NoSuchObjectError as error:
            return f"ClientError: The data cannot be captured: {error}"
        return None

    def _instance(
        self, number: int, plan: Plan, logs: InstanceLogs, reasons: list[str | None]
    ) -> None:
        reasons[number] = INTERNAL
        folder = Path(plan.folder)
        folder.mkdir()
        try:
            with self._context.ports.reserved(len(plan.containers)) as ports:
                reasons[number] = self._agent(with_ports(plan, ports), logs)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _agent(self, plan: Plan, logs: InstanceLogs) -> str | None:
        """Run one agent to its end; the FailureReason, or None."""
        reason: str | None = INTERNAL
        agent = AgentProcess(plan, self.job.spec.switches["stop_grace_seconds"])
        with self._lock:
            self._agents.append(agent)
        try:
            if self.job.stopping:
                agent.ask_to_end()
            for message in agent.messages():
                if message["kind"] == "done":
                    reason = message["reason"]
                else:
                    self._handle(message, logs)
        finally:
            agent.end()
        return reason

    def _handle(self, message: dict[str, Any], logs: InstanceLogs) -> None:
        if message["kind"] == "log":
            logs.add(message["stream"], message["lines"])
        elif message["kind"] == "stored":
            self.job.stored.append(message["key"])

    def _logs(self) -> InstanceLogs:
        spec = self.job.spec
        return InstanceLogs(spec.region, spec.name, self._context.clock.now())

    def _emit(self) -> None:
        self._context.events.emit(self.job, self._context.clock.now())


def _captures_without_types(request: dict[str, Any]) -> bool:
    """Seen on the service to end in an internal error (aws/sagemaker-python-sdk#5182)."""
    types = request["TransformInput"].get("ContentType"), request["TransformOutput"].get("Accept")
    return "DataCaptureConfig" in request and not all(types)


def _worst(reasons: list[str]) -> str | None:
    for kind in _SEVERITY:
        for reason in reasons:
            if reason.startswith(kind):
                return reason
    return reasons[0] if reasons else None
