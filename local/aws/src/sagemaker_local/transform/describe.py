"""What the API says of a job, with the defaults the service fills in.

https://docs.aws.amazon.com/sagemaker/latest/dg/autopilot-deploy-models-batch.html shows a real
answer of DescribeTransformJob.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sagemaker_local.transform.jobs import Job

_ECHOED = (
    "MaxConcurrentTransforms",
    "ModelClientConfig",
    "MaxPayloadInMB",
    "BatchStrategy",
    "Environment",
    "DataCaptureConfig",
    "ExperimentConfig",
)
_PROCESSING = {"InputFilter": "$", "OutputFilter": "$", "JoinSource": "None"}


def describe(job: Job) -> dict[str, Any]:
    """The answer of DescribeTransformJob."""
    request, state = job.spec.request, job.state
    answer = {
        "TransformJobName": job.spec.name,
        "TransformJobArn": job.spec.arn,
        "TransformJobStatus": state.status,
        "ModelName": request["ModelName"],
        "TransformInput": {
            "CompressionType": "None",
            "SplitType": "None",
            **request["TransformInput"],
        },
        "TransformOutput": {
            "AssembleWith": "None",
            "KmsKeyId": "",
            **request["TransformOutput"],
        },
        "TransformResources": request["TransformResources"],
        "CreationTime": job.spec.created,
        "DataProcessing": {**_PROCESSING, **request.get("DataProcessing", {})},
    }
    answer |= {name: request[name] for name in _ECHOED if name in request}
    return answer | _given(
        FailureReason=state.reason, TransformStartTime=state.started, TransformEndTime=state.ended
    )


def summarise(job: Job) -> dict[str, Any]:
    """A summary of ListTransformJobs."""
    state = job.state
    answer = {
        "TransformJobName": job.spec.name,
        "TransformJobArn": job.spec.arn,
        "CreationTime": job.spec.created,
        "LastModifiedTime": state.modified,
        "TransformJobStatus": state.status,
    }
    return answer | _given(TransformEndTime=state.ended, FailureReason=state.reason)


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
