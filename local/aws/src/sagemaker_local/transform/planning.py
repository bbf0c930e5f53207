"""From a job to the plans of its instances."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sagemaker_local.agent.plan import ContainerSpec, InputObject, Plan, Processing
from sagemaker_local.containers import ContainersFileError, UnknownImageError
from sagemaker_local.transform.inputs import parse_uri

if TYPE_CHECKING:
    from pathlib import Path

    from sagemaker_local.containers import Containers
    from sagemaker_local.transform.inputs import Inputs
    from sagemaker_local.transform.jobs import Job

_STRATEGY = {"MultiRecord": "MULTI_RECORD", "SingleRecord": "SINGLE_RECORD"}
_SET_BY_CALLER = {
    "MaxPayloadInMB": "SAGEMAKER_MAX_PAYLOAD_IN_MB",
    "BatchStrategy": "SAGEMAKER_BATCH_STRATEGY",
    "MaxConcurrentTransforms": "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS",
}


@dataclass(frozen=True, kw_only=True)
class Where:
    """Where agents reach the service, and where they write the content of new objects."""

    endpoint_url: str
    folder: Path


class PlanningError(Exception):
    """The job cannot run; the text is its FailureReason."""


def plans(job: Job, inputs: Inputs, containers: Containers, where: Where) -> list[Plan]:
    """One plan for each instance; the objects are divided in turn, or in runs where so switched.

    Raises:
        PlanningError: a container of the model cannot be started.
    """
    count = job.spec.request["TransformResources"]["InstanceCount"]
    whole = _plan(job, containers, where)
    in_turn = job.spec.switches["objects_on_instances"] == "in-turn"
    shares = [share(inputs.objects, number, count, in_turn=in_turn) for number in range(count)]
    return [
        replace(whole, objects=share, folder=str(where.folder / f"run-{uuid.uuid4().hex}"))
        for share in shares
    ]


def share(
    objects: tuple[InputObject, ...], number: int, count: int, *, in_turn: bool
) -> tuple[InputObject, ...]:
    """The objects of one instance of several: every so many-th, or a run of them."""
    if in_turn:
        return objects[number::count]
    start, end = (len(objects) * each // count for each in (number, number + 1))
    return objects[start:end]


def with_ports(plan: Plan, ports: list[int]) -> Plan:
    """The plan, with a port for each container."""
    pairs = zip(plan.containers, ports, strict=True)
    return replace(plan, containers=tuple(replace(each, port=port) for each, port in pairs))


def _plan(job: Job, containers: Containers, where: Where) -> Plan:
    request = job.spec.request
    source, target = request["TransformInput"], request["TransformOutput"]
    client = request.get("ModelClientConfig", {})
    return Plan(
        job_name=job.spec.name,
        endpoint_url=where.endpoint_url,
        folder="",
        objects=(),
        containers=_containers(job, containers),
        output_bucket=parse_uri(target["S3OutputPath"])[0],
        output_kms_key=target.get("KmsKeyId", ""),
        content_type=source.get("ContentType", ""),
        accept=target.get("Accept", ""),
        compression=source.get("CompressionType", "None"),
        split_type=source.get("SplitType", "None"),
        assemble_with=target.get("AssembleWith", "None"),
        batch_strategy=request.get("BatchStrategy"),
        max_payload_in_mb=request.get("MaxPayloadInMB"),
        max_concurrent=request.get("MaxConcurrentTransforms"),
        timeout=client.get(
            "InvocationsTimeoutInSeconds", job.spec.switches["default_timeout_seconds"]
        ),
        retries=client.get("InvocationsMaxRetries", job.spec.switches["default_retries"]),
        processing=_processing(job),
        switches=job.spec.switches,
        faults=job.spec.faults,
    )


def _processing(job: Job) -> Processing:
    filters = job.spec.request.get("DataProcessing", {})
    capture = job.spec.request.get("DataCaptureConfig", {})
    return Processing(
        input_filter=filters.get("InputFilter", "$"),
        output_filter=filters.get("OutputFilter", "$"),
        join=filters.get("JoinSource") == "Input",
        inference_ids=bool(capture.get("GenerateInferenceId")),
        inference_time=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(job.state.started)),
    )


def definitions(model: dict[str, Any]) -> list[dict[str, Any]]:
    """The container definitions of a model, in the order a request passes them."""
    single = model.get("PrimaryContainer")
    return [single] if single else list(model.get("Containers") or [])


def _containers(job: Job, containers: Containers) -> tuple[ContainerSpec, ...]:
    of_model = definitions(job.spec.model)
    names = [_name(number, each, len(of_model)) for number, each in enumerate(of_model, start=1)]
    pairs = zip(names, of_model, strict=True)
    return tuple(_container(job, name, each, containers) for name, each in pairs)


def _name(number: int, definition: dict[str, Any], count: int) -> str:
    if count == 1:
        return ""
    return str(definition.get("ContainerHostname") or f"container-{number}")


def _container(
    job: Job, name: str, definition: dict[str, Any], containers: Containers
) -> ContainerSpec:
    image = str(definition.get("Image", ""))
    environment = _environment(job, definition)
    if image.startswith("http://"):
        return ContainerSpec(name=name, url=image, environment=environment)
    try:
        command = containers.command(image)
    except (ContainersFileError, UnknownImageError) as error:
        raise PlanningError(f"ClientError: {error}") from error
    data = definition.get("ModelDataUrl")
    return ContainerSpec(
        name=name,
        command=command,
        environment=environment,
        model_data=parse_uri(data) if data else None,
    )


def _environment(job: Job, definition: dict[str, Any]) -> dict[str, str]:
    request = job.spec.request
    given = {
        variable: _STRATEGY.get(str(request[name]), str(request[name]))
        for name, variable in _SET_BY_CALLER.items()
        if name in request
    }
    model = {str(key): str(value) for key, value in (definition.get("Environment") or {}).items()}
    own = {"AWS_REGION": job.spec.region, "AWS_DEFAULT_REGION": job.spec.region}
    return {**own, **model, **request.get("Environment", {}), "SAGEMAKER_BATCH": "true", **given}
