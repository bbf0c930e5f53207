"""Data capture: which objects a job read and wrote, as manifests that another job can read.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-batch.html: below the
destination, `input/` and `output/`, then the hour, then one file each. Nothing is copied.
"""

from __future__ import annotations

import json
import os.path
import time
import uuid
from typing import TYPE_CHECKING

from sagemaker_local.transform.inputs import parse_uri

if TYPE_CHECKING:
    from sagemaker_local.objects import ObjectStore
    from sagemaker_local.transform.inputs import Inputs
    from sagemaker_local.transform.jobs import Job


def capture(store: ObjectStore, job: Job, inputs: Inputs, now: float) -> None:
    """Write the manifests of a job with a DataCaptureConfig.

    Raises:
        NoSuchObjectError: the destination's bucket does not exist.
    """
    config = job.spec.request.get("DataCaptureConfig")
    if config is None or not inputs.objects:
        return
    bucket, folder = parse_uri(config["DestinationS3Uri"])
    hour = time.strftime("%Y/%m/%d/%H", time.gmtime(now))
    written = parse_uri(job.spec.request["TransformOutput"]["S3OutputPath"])[0]
    lists = {
        "input": (inputs.objects[0].bucket, [item.key for item in inputs.objects]),
        "output": (written, sorted(job.stored)),
    }
    for kind, (source, keys) in lists.items():
        parts = [folder.rstrip("/"), kind, hour, f"{uuid.uuid4()}.json"]
        store.put(bucket, "/".join(part for part in parts if part), _manifest(source, keys))


def _manifest(bucket: str, keys: list[str]) -> bytes:
    common = os.path.commonprefix(keys)  # noqa: RUF071 - it is cut at a slash below
    prefix = common[: common.rfind("/") + 1]
    names = [key.removeprefix(prefix) for key in keys]
    return json.dumps([{"prefix": f"s3://{bucket}/{prefix}"}, *names]).encode()
