"""The four operations on transform jobs."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.sagemaker.models import sagemaker_backends

from sagemaker_local.objects import NoSuchObjectError
from sagemaker_local.transform import inputs, jobs, rules, schema, tags
from sagemaker_local.transform.capture import capture
from sagemaker_local.transform.describe import describe
from sagemaker_local.transform.errors import (
    ApiError,
    ResourceInUse,
    ResourceLimitExceeded,
    ResourceNotFound,
    ValidationException,
)
from sagemaker_local.transform.kept_jobs import KeptJob, kept, resumed
from sagemaker_local.transform.listing import page
from sagemaker_local.transform.packages import unpacked
from sagemaker_local.transform.planning import Where, definitions
from sagemaker_local.transform.ports import Ports
from sagemaker_local.transform.runner import Run, RunContext

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sagemaker_local.containers import Containers
    from sagemaker_local.objects import ObjectStore
    from sagemaker_local.settings import Switches
    from sagemaker_local.transform.clock import Clock
    from sagemaker_local.transform.events import EventLog
    from sagemaker_local.transform.faults import Faults
    from sagemaker_local.transform.jobs import Job

_MOST_RUNNING_AT_EXIT = 5.0


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What a service is made of.

    Args:
        settings: the switches.
        clock: the service's clock.
        events: the EventBridge events.
        faults: what goes wrong, on purpose.
        containers: the images that can be started.
        store: the object store.
    """

    settings: Switches
    clock: Clock
    events: EventLog
    faults: Faults
    containers: Containers
    store: ObjectStore


class TransformService:
    """All transform jobs of all regions.

    Args:
        parts: what it is made of.
        endpoint_url: where agents find this process.
    """

    def __init__(self, parts: Parts, endpoint_url: str) -> None:
        self.settings = parts.settings
        self.clock = parts.clock
        self.events = parts.events
        self.faults = parts.faults
        self.limits: dict[str, int] = {}
        self._endpoint_url = endpoint_url
        self.containers = parts.containers
        self._store = parts.store
        self._ports = Ports()
        self._lock = threading.RLock()
        self._runs: dict[tuple[str, str], Run] = {}

    def call(self, operation: str, request: dict[str, Any], region: str) -> dict[str, Any]:
        """Carry out one operation.

        Raises:
            ApiError: it is refused.
        """
        self.faults.before_call(operation)
        checked = schema.check(operation, request)
        handlers = {
            "CreateTransformJob": self._create,
            "DescribeTransformJob": self._describe,
            "ListTransformJobs": self._list,
            "StopTransformJob": self._stop,
        }
        return handlers[operation](checked, region)

    def run_of(self, name: str, region: str | None = None) -> Run | None:
        """The run of a job, in one region or in any."""
        with self._lock:
            for (where, each), run in self._runs.items():
                if each == name and region in {None, where}:
                    return run
        return None

    def stop_all(self) -> None:
        """Stop every job and wait until nothing of them runs."""
        with self._lock:
            runs = list(self._runs.values())
        for run in runs:
            run.stop()
        for run in runs:
            run.join(_MOST_RUNNING_AT_EXIT)

    def kept(self) -> list[KeptJob]:
        """What another process needs to go on with these jobs."""
        with self._lock:
            return kept(self._runs.values())

    def resume(self, jobs_before: Iterable[KeptJob]) -> None:
        """Go on with the jobs of a process before this one."""
        with self._lock:
            for each in jobs_before:
                spec = each.spec
                self._runs[spec.region, spec.name] = resumed(each, self._context())

    def reset(self) -> None:
        """Stop and forget every job, and all that the control API changed."""
        self.stop_all()
        with self._lock:
            self._runs.clear()
            self.limits.clear()
        self.events.reset()
        self.faults.reset()
        self.settings.reset()
        self.containers.unregister_all()
        self.clock.reset()

    def _create(self, request: dict[str, Any], region: str) -> dict[str, Any]:
        model = self._model(request["ModelName"], region)
        rules.check(request, self.settings.all())
        self._check_inputs(request, model, region)
        name = request["TransformJobName"]
        with self._lock:
            self._check_name(name, region)
            self._check_limit(request["TransformResources"], region)
            spec = jobs.Spec(
                name=name,
                arn=_arn("transform-job", name, region),
                region=region,
                created=self.clock.now(),
                request=request,
                model=model,
                switches=self.settings.all(),
                faults=self.faults.for_job(name),
            )
            run = Run(jobs.Job(spec), self._context())
            self._runs[region, name] = run
            run.start()  # under the lock, so that no stop comes first
        tags.attach(region, name, request.get("Tags", []))
        return {"TransformJobArn": spec.arn}

    def _describe(self, request: dict[str, Any], region: str) -> dict[str, Any]:
        name = request["TransformJobName"]
        with self._lock:
            run = self._runs.get((region, name))
        if run is None:
            arn = _arn("transform-job", name, region)
            raise self._unknown(f"Could not find requested job with name: {arn}")
        return describe(run.job)

    def _list(self, request: dict[str, Any], region: str) -> dict[str, Any]:
        with self._lock:
            here = [run.job for (where, _), run in self._runs.items() if where == region]
        return page(here, request)

    def _stop(self, request: dict[str, Any], region: str) -> dict[str, Any]:
        name = request["TransformJobName"]
        with self._lock:
            run = self._runs.get((region, name))
        if run is None:
            raise self._unknown(f"Could not find job to update with name {name}")
        if not run.stop() and run.job.state.status != jobs.STOPPING:
            raise ValidationException(
                "The request was rejected because the transform job is in status "
                f"{run.job.state.status}."
            )
        return {}

    def _unknown(self, text: str) -> ApiError:
        modelled = self.settings["unknown_job"] == "ResourceNotFound"
        return ResourceNotFound(text) if modelled else ValidationException(text)

    def _model(self, name: str, region: str) -> dict[str, Any]:
        try:
            backend = sagemaker_backends[DEFAULT_ACCOUNT_ID][region]
        except KeyError:  # a region that AWS does not have
            backend = None
        model = backend._models.get(name) if backend else None
        if model is None:
            raise ValidationException(f'Could not find model "{_arn("model", name, region)}".')
        document: dict[str, Any] = model.response_object
        if any("ModelDataSource" in each for each in definitions(document)):
            raise ValidationException(
                "SageMaker Batch currently doesn't support Model entity with container "
                "definitions which use ModelDataSource attribute"
            )
        containers = unpacked(definitions(document), backend)
        return {**document, "PrimaryContainer": None, "Containers": containers}

    def _check_inputs(self, request: dict[str, Any], model: dict[str, Any], region: str) -> None:
        source = request["TransformInput"]["DataSource"]["S3DataSource"]
        if self._has_inputs(request):
            return
        bucket = inputs.parse_uri(source["S3Uri"])[0]
        raise ValidationException(
            f'No S3 objects found under S3 URL "{source["S3Uri"]}" given in input data source. '
            f"Please ensure that the bucket exists in the selected region ({region}), that "
            f'objects exist under that S3 prefix, and that the role "{model["ExecutionRoleArn"]}" '
            f'has "s3:ListBucket" permissions on bucket "{bucket}".'
        )

    def _has_inputs(self, request: dict[str, Any]) -> bool:
        switches = self.settings.all()
        try:
            selected = inputs.find(self._store, request, switches)
        except inputs.ManifestError:
            return True  # the job will fail and say why
        except NoSuchObjectError:
            return False
        if request["TransformInput"]["DataSource"]["S3DataSource"]["S3DataType"] != "ManifestFile":
            return bool(selected.objects)
        if not selected.objects:
            return bool(switches["empty_manifest"] == "complete")
        return switches["missing_manifest_key"] == "fail" or self._all_exist(selected)

    def _all_exist(self, selected: inputs.Inputs) -> bool:
        try:
            for item in selected.objects:
                self._store.find(item.bucket, item.key)
        except NoSuchObjectError:
            return False
        return True

    def _check_name(self, name: str, region: str) -> None:
        if (region, name) in self._runs:
            raise ResourceInUse(
                "Job name must be unique within an AWS account and region, and a job with this "
                f"name already exists ({_arn('transform-job', name, region)})"
            )

    def _check_limit(self, resources: dict[str, Any], region: str) -> None:
        kind, delta = resources["InstanceType"], resources["InstanceCount"]
        limit = self.limits.get(kind, self.settings["instance_limit"])
        used = sum(
            _instances(run.job, kind) for (where, _), run in self._runs.items() if where == region
        )
        if used + delta > limit:
            raise ResourceLimitExceeded(
                f"The account-level service limit '{kind} for transform job usage' is {limit} "
                f"Instances, with current utilization of {used} Instances and a request delta of "
                f"{delta} Instances. Please contact AWS support to request an increase for this "
                "limit."
            )

    def _context(self) -> RunContext:
        return RunContext(
            clock=self.clock,
            events=self.events,
            containers=self.containers,
            ports=self._ports,
            where=Where(endpoint_url=self._endpoint_url, folder=self._store.folder),
            find_inputs=lambda job: inputs.find(self._store, job.spec.request, job.spec.switches),
            discard=self._discard,
            capture=lambda job, read: capture(self._store, job, read, self.clock.now()),
        )

    def _discard(self, job: Job) -> None:
        bucket = inputs.parse_uri(job.spec.request["TransformOutput"]["S3OutputPath"])[0]
        for key in job.stored:
            self._store.backend.delete_object(bucket, key)


def _instances(job: Job, kind: str) -> int:
    resources = job.spec.request["TransformResources"]
    if job.state.status in jobs.TERMINAL or resources["InstanceType"] != kind:
        return 0
    return int(resources["InstanceCount"])


def _arn(kind: str, name: str, region: str) -> str:
    return f"arn:aws:sagemaker:{region}:{DEFAULT_ACCOUNT_ID}:{kind}/{name}"
