"""Whether a job that exists does what a request asks for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from batch_transform.scoring.errors import JobConflict
from batch_transform.scoring.jobs.claim import DIGEST_TAG
from batch_transform.scoring.jobs.service import Job

# Equal content under other keys is the same request, and the digest covers the content. A key's
# alias is described as the key's ARN; the digest covers the alias.
_NOT_COMPARED = {
    "TransformJobName",
    "Tags",
    "S3Uri",
    "S3OutputPath",
    "KmsKeyId",
    "VolumeKmsKeyId",
    "InstanceType",
}
# Of what a request leaves out, the service fills in defaults; these it never makes up.
_NEVER_MADE_UP = ("Environment", "ModelClientConfig", "DataCaptureConfig")


def check_same(
    job: Job,
    tags: Mapping[str, str],
    request: Mapping[str, Any],
    digest: str,
    instance_types: Sequence[str],
) -> None:
    """Compare a job with what would be asked for under its name.

    Raises:
        JobConflict: they differ; each difference is listed.
    """
    differences = list(_differences(request, job.described, ""))
    differences += [
        f"{name} is {job.described[name]!r} there, and not asked for"
        for name in _NEVER_MADE_UP
        if job.described.get(name) and name not in request
    ]
    if job.instance_type not in instance_types:
        differences.append(
            f"TransformResources.InstanceType is {job.instance_type!r} there, and"
            f" {' or '.join(map(repr, instance_types))} is asked for"
        )
    if tags.get(DIGEST_TAG) != digest:
        differences.append(
            f"tag {DIGEST_TAG} is {tags.get(DIGEST_TAG)!r} there, and {digest!r} is asked for"
        )
    if differences:
        raise JobConflict(
            f"A transform job {job.name!r} exists, but does something else:\n  "
            + "\n  ".join(differences)
            + "\nIt is left alone. Rename the pipeline's folder, or change its settings, for"
            " another job name."
        )


def _differences(asked: Mapping[str, Any], found: Mapping[str, Any], path: str) -> Iterator[str]:
    for key, value in asked.items():
        if key in _NOT_COMPARED:
            continue
        there = found.get(key)
        if isinstance(value, Mapping):
            yield from _differences(value, there or {}, f"{path}{key}.")
        elif value != there:
            yield f"{path}{key} is {there!r} there, and {value!r} is asked for"
