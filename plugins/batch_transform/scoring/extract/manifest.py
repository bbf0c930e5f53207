"""The ManifestFile: the exact keys that a transform job reads.

A prefix would also match sibling keys and a job's own outputs; a manifest names each shard.
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TransformS3DataSource.html
"""

from __future__ import annotations

import json

from batch_transform.scoring.aws.objects import ObjectStore
from batch_transform.scoring.errors import ManifestError, ObjectMissing
from batch_transform.scoring.extract.index import ExtractIndex
from batch_transform.scoring.names import RunLayout, S3Uri


def build(prefix: S3Uri, names: list[str]) -> bytes:
    """Return the content of a manifest for the objects ``names`` below ``prefix/``."""
    return json.dumps([{"prefix": f"{prefix}/"}, *names], indent=1).encode()


def parse(body: bytes) -> list[S3Uri]:
    """Return the objects that a manifest lists.

    Raises:
        ManifestError: the content is not a manifest.
    """
    try:
        head, *names = json.loads(body)
        prefix = head["prefix"]
        return [S3Uri.parse(prefix + name) for name in names]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ManifestError(f"The manifest is not one that SageMaker reads: {error}") from error


def write(index: ExtractIndex, layout: RunLayout, objects: ObjectStore) -> S3Uri:
    """Check each shard against the index, write the manifest, and read it back.

    Returns:
        Where the manifest lies.

    Raises:
        ManifestError: shards are missing or of another size than recorded; all are named.
    """
    problems = [
        problem
        for shard in index.shards
        if (problem := _problem(layout.input / shard.name, shard.bytes, objects))
    ]
    if problems:
        raise ManifestError(
            "The shards are not as the extract left them; run the extract again:\n  "
            + "\n  ".join(problems)
        )
    names = [shard.name for shard in index.shards]
    objects.put(layout.manifest, build(layout.input, names))
    if parse(objects.get(layout.manifest)) != [layout.input / name for name in names]:
        raise ManifestError(f"The manifest {layout.manifest} does not read back as written")
    return layout.manifest


def _problem(uri: S3Uri, expected_bytes: int, objects: ObjectStore) -> str | None:
    try:
        size = objects.size(uri)
    except ObjectMissing:
        return f"{uri} is missing"
    return None if size == expected_bytes else f"{uri} has {size} bytes, not {expected_bytes}"
