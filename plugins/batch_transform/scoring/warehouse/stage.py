"""Where rows lie between a worker and a warehouse that copies them from S3, or unloads to it."""

from __future__ import annotations

from dataclasses import dataclass

from batch_transform.scoring.aws.objects import ObjectStore
from batch_transform.scoring.names import S3Uri


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A place of one attempt's own.

    Attributes:
        objects: the store.
        prefix: below which nothing else lies.
    """

    objects: ObjectStore
    prefix: S3Uri
