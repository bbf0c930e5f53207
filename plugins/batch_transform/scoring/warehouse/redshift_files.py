"""Manifests of what Redshift is to copy.

https://docs.aws.amazon.com/redshift/latest/dg/loading-data-files-using-manifest.html
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from batch_transform.scoring.aws.objects import ObjectStore
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.outputs.filed import RowFile


def manifest(objects: ObjectStore, place: S3Uri, files: Sequence[RowFile]) -> S3Uri | None:
    """Write the manifest of Parquet files; None where there is none.

    All are mandatory: Redshift leaves out what is missing and is not.
    """
    if not files:
        return None
    entries = [
        {"url": file.uri, "mandatory": True, "meta": {"content_length": file.bytes}}
        for file in files
    ]
    objects.put(place, json.dumps({"entries": entries}, indent=1).encode())
    return place
